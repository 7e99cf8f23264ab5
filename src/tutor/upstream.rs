//! The model behind the tutor: an OpenAI-compatible interface, within a time limit. Its words are data of an unknown;
//! what it says when it fails stays in the log.

use std::time::Duration;

use futures_util::{FutureExt, pin_mut, select};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Date, Delay, Fetch, Headers, Method, RequestInit};

use super::{
    answer::{Answer, LIMIT, MAX_CHARS, Usage},
    pieces::{Connection, Hold, Pieces},
};
use crate::config::AiSettings;
use store::breaker::Breaker;

const AUDIO_LIMIT: Duration = Duration::from_mins(1);

/// Why there is no answer.
#[derive(Debug)]
pub enum UpstreamError {
    /// No key.
    NotConfigured,
    /// It failed; for the log.
    Failed(String),
}

/// A turn of a conversation.
pub struct Turn {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// What was said.
    pub content: String,
}

/// How to ask.
pub struct Ask {
    /// The turns, oldest first.
    pub turns: Vec<Turn>,
    /// 0 to 2.
    pub temperature: f64,
    /// Against repeating words and subjects, −2 to 2.
    pub penalty: f64,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// The answer must be one JSON object.
    pub json: bool,
}

/// Failures in a row after which the model is left alone, and for how long, ms.
const BREAKER: (u32, u64) = (10, 10_000);

/// The model.
pub struct Upstream {
    settings: AiSettings,
    http: reqwest::Client,
    breaker: Breaker,
}

impl Upstream {
    /// With these settings.
    pub fn new(settings: AiSettings) -> Self {
        Self { settings, http: reqwest::Client::new(), breaker: Breaker::new(BREAKER.0, BREAKER.1) }
    }

    /// Whether there is a key.
    pub fn is_configured(&self) -> bool {
        let key = self.settings.key.trim();
        !key.is_empty() && !key.starts_with("your") && key != "sk-placeholder"
    }

    /// The model's name.
    pub fn model(&self) -> &str {
        &self.settings.model
    }

    /// Asks, and once more after a failure that may pass.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, UpstreamError> {
        if !self.is_configured() {
            return Err(UpstreamError::NotConfigured);
        }
        self.guarded(async || self.ask_once(ask).await).await
    }

    /// Calls, and once more after a failure that may pass; not at all while the model is down.
    async fn guarded<T>(&self, call: impl AsyncFn() -> Result<T, Trouble>) -> Result<T, UpstreamError> {
        let now = || Date::now().as_millis();
        if !self.breaker.lets_through(now()) {
            return Err(UpstreamError::Failed("too many failures a moment ago".into()));
        }
        let called = match call().await {
            Err(Trouble { passes: true, .. }) => call().await,
            called => called,
        };
        self.breaker.note(!matches!(called, Err(Trouble { is_down: true, .. })), now());
        called.map_err(|trouble| UpstreamError::Failed(trouble.text))
    }

    async fn ask_once(&self, ask: &Ask) -> Result<Answer, Trouble> {
        #[derive(Deserialize)]
        struct Completion {
            choices: Vec<Choice>,
            #[serde(default)]
            model: String,
            usage: Option<Usage>,
        }
        #[derive(Deserialize)]
        struct Choice {
            message: Message,
        }
        #[derive(Deserialize)]
        struct Message {
            content: Option<String>,
        }
        let began = Date::now().as_millis();
        let (address, body) = self.completion(ask, false);
        let completion: Completion = self.send(self.http.post(address).json(&body), LIMIT).await?;
        let content = completion.choices.into_iter().next().and_then(|choice| choice.message.content);
        let content: String = content.unwrap_or_default().trim().chars().take(MAX_CHARS).collect();
        if content.is_empty() {
            return Err(Trouble { text: "the answer is empty".into(), passes: false, is_down: false });
        }
        Ok(Answer {
            content,
            model: if completion.model.is_empty() { self.settings.model.clone() } else { completion.model },
            usage: completion.usage.unwrap_or_default(),
            took: i64::try_from(Date::now().as_millis().saturating_sub(began)).unwrap_or(0),
            cached: false,
        })
    }

    fn completion(&self, ask: &Ask, stream: bool) -> (String, Value) {
        let turns: Vec<Value> =
            ask.turns.iter().map(|turn| json!({ "role": turn.role, "content": turn.content })).collect();
        let mut body = json!({ "model": self.settings.model, "messages": turns, "temperature": ask.temperature,
            "max_tokens": ask.max_tokens, "presence_penalty": ask.penalty, "frequency_penalty": ask.penalty,
            "stream": stream });
        if let Some(body) = body.as_object_mut() {
            if ask.json {
                body.insert("response_format".into(), json!({ "type": "json_object" }));
            }
            if stream {
                body.insert("stream_options".into(), json!({ "include_usage": true }));
            }
        }
        (format!("{}/chat/completions", self.settings.base_url), body)
    }

    /// Asks for an answer in pieces. What fails before the first piece is an error here.
    pub async fn stream(&self, ask: &Ask) -> Result<Pieces, UpstreamError> {
        if !self.is_configured() {
            return Err(UpstreamError::NotConfigured);
        }
        let connection = self.guarded(async || self.open(ask).await).await?;
        Ok(Pieces::new(connection, self.settings.model.clone()))
    }

    /// Not by reqwest: its streams do not compile with unwinding (docs/decisions/0014).
    async fn open(&self, ask: &Ask) -> Result<Connection, Trouble> {
        let broken = |error: worker::Error| Trouble { text: error.to_string(), passes: true, is_down: true };
        let (address, body) = self.completion(ask, true);
        let headers = Headers::new();
        headers.set("authorization", &format!("Bearer {}", self.settings.key)).map_err(broken)?;
        headers.set("content-type", "application/json").map_err(broken)?;
        let mut init = RequestInit::new();
        init.with_method(Method::Post).with_headers(headers).with_body(Some(body.to_string().into()));
        let request = Fetch::Request(worker::Request::new_with_init(&address, &init).map_err(broken)?);
        let (hold, signal) = Hold::new();
        let call = async {
            let mut response = request.send_with_signal(&signal).await.map_err(broken)?;
            checked_status(response.status_code())?;
            response.stream().map_err(broken)
        }
        .fuse();
        let limit = Delay::from(LIMIT).fuse();
        pin_mut!(call, limit);
        select! {
            bytes = call => Ok(Connection { bytes: bytes?, hold }),
            () = limit => Err(Trouble { text: "no answer in time".into(), passes: false, is_down: true }),
        }
    }

    /// What is said in a recording; `extension` tells its format.
    pub async fn transcribe(&self, audio: Vec<u8>, extension: &str) -> Result<String, UpstreamError> {
        #[derive(Deserialize)]
        struct Transcript {
            text: String,
        }
        if !self.is_configured() {
            return Err(UpstreamError::NotConfigured);
        }
        let file = reqwest::multipart::Part::bytes(audio).file_name(format!("recording.{extension}"));
        let form = reqwest::multipart::Form::new()
            .text("model", "whisper-1")
            .text("language", "en")
            .text("response_format", "json")
            .part("file", file);
        let request =
            self.http.post(format!("{}/audio/transcriptions", self.settings.base_url)).multipart(form);
        let transcript: Transcript =
            self.send(request, AUDIO_LIMIT).await.map_err(|trouble| UpstreamError::Failed(trouble.text))?;
        Ok(transcript.text.trim().chars().take(MAX_CHARS).collect())
    }

    async fn send<T: serde::de::DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        limit: Duration,
    ) -> Result<T, Trouble> {
        let call = async {
            let response = checked(request.bearer_auth(&self.settings.key).send().await)?;
            let answer = response.json::<Value>().await;
            let answer = answer.map_err(|error| Trouble { passes: false, ..failed(error) })?;
            serde_json::from_value(answer).map_err(|error| Trouble {
                text: error.to_string(),
                passes: false,
                is_down: false,
            })
        }
        .fuse();
        let limit = Delay::from(limit).fuse();
        pin_mut!(call, limit);
        select! {
            answer = call => answer,
            () = limit => Err(Trouble { text: "no answer in time".into(), passes: false, is_down: true }),
        }
    }
}

fn failed(error: reqwest::Error) -> Trouble {
    Trouble { text: error.without_url().to_string(), passes: true, is_down: true }
}

fn checked(answered: Result<reqwest::Response, reqwest::Error>) -> Result<reqwest::Response, Trouble> {
    let response = answered.map_err(failed)?;
    checked_status(response.status().as_u16()).map(|()| response)
}

fn checked_status(status: u16) -> Result<(), Trouble> {
    if (200..300).contains(&status) {
        return Ok(());
    }
    let is_down = status >= 500;
    let passes = is_down || [408, 409].contains(&status);
    Err(Trouble { text: format!("status {status}"), passes, is_down })
}

struct Trouble {
    text: String,
    /// Worth a second try.
    passes: bool,
    /// The model cannot be reached, or has trouble of its own.
    is_down: bool,
}

/// The JSON object in a model's answer; text around it, as a code fence, is tolerated.
pub fn object_in(text: &str) -> Option<Value> {
    let (begin, end) = (text.find('{')?, text.rfind('}')?);
    let object: Value = serde_json::from_str(text.get(begin..=end)?).ok()?;
    object.is_object().then_some(object)
}
