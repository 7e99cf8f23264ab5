//! The model behind the tutor: an OpenAI-compatible interface, within a time limit. Its words are data of an unknown;
//! what it says when it fails stays in the log.

use std::time::Duration;

use futures_util::{FutureExt, pin_mut, select};
use serde::Deserialize;
use serde_json::{Value, json};
use worker::{Date, Delay};

use crate::config::AiSettings;

const LIMIT: Duration = Duration::from_secs(30);
const AUDIO_LIMIT: Duration = Duration::from_mins(1);
/// Longest text that is kept of an answer.
const MAX_CHARS: usize = 20_000;

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

/// What came back.
pub struct Answer {
    /// The text.
    pub content: String,
    /// The model, as it names itself.
    pub model: String,
    /// Tokens of question and answer.
    pub tokens: i64,
    /// Milliseconds.
    pub took: i64,
}

/// The model.
pub struct Upstream {
    settings: AiSettings,
    http: reqwest::Client,
}

impl Upstream {
    /// With these settings.
    pub fn new(settings: AiSettings) -> Self {
        Self { settings, http: reqwest::Client::new() }
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
        match self.ask_once(ask).await {
            Err(Trouble { passes: true, .. }) => self.ask_once(ask).await,
            answer => answer,
        }
        .map_err(|trouble| UpstreamError::Failed(trouble.text))
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
        #[derive(Deserialize)]
        struct Usage {
            #[serde(default)]
            total_tokens: i64,
        }
        let turns: Vec<Value> =
            ask.turns.iter().map(|turn| json!({ "role": turn.role, "content": turn.content })).collect();
        let mut body = json!({ "model": self.settings.model, "messages": turns, "temperature": ask.temperature,
            "max_tokens": ask.max_tokens, "presence_penalty": ask.penalty, "frequency_penalty": ask.penalty, "stream": false });
        if let (true, Some(body)) = (ask.json, body.as_object_mut()) {
            body.insert("response_format".into(), json!({ "type": "json_object" }));
        }
        let began = Date::now().as_millis();
        let request = self.http.post(format!("{}/chat/completions", self.settings.base_url)).json(&body);
        let completion: Completion = self.send(request, LIMIT).await?;
        let content = completion.choices.into_iter().next().and_then(|choice| choice.message.content);
        let content: String = content.unwrap_or_default().trim().chars().take(MAX_CHARS).collect();
        if content.is_empty() {
            return Err(Trouble { text: "the answer is empty".into(), passes: false });
        }
        Ok(Answer {
            content,
            model: if completion.model.is_empty() { self.settings.model.clone() } else { completion.model },
            tokens: completion.usage.map_or(0, |usage| usage.total_tokens),
            took: i64::try_from(Date::now().as_millis().saturating_sub(began)).unwrap_or(0),
        })
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
        let failed = |error: reqwest::Error| Trouble { text: error.without_url().to_string(), passes: true };
        let call = async {
            let response = request.bearer_auth(&self.settings.key).send().await.map_err(failed)?;
            let status = response.status();
            if !status.is_success() {
                let passes = status.as_u16() >= 500 || [408, 409].contains(&status.as_u16());
                return Err(Trouble { text: format!("status {status}"), passes });
            }
            let answer = response.json::<Value>().await;
            let answer = answer.map_err(|error| Trouble { passes: false, ..failed(error) })?;
            serde_json::from_value(answer).map_err(|error| Trouble { text: error.to_string(), passes: false })
        }
        .fuse();
        let limit = Delay::from(limit).fuse();
        pin_mut!(call, limit);
        select! {
            answer = call => answer,
            () = limit => Err(Trouble { text: "no answer in time".into(), passes: false }),
        }
    }
}

struct Trouble {
    text: String,
    /// Worth a second try.
    passes: bool,
}

/// The JSON object in a model's answer; text around it, as a code fence, is tolerated.
pub fn object_in(text: &str) -> Option<Value> {
    let (begin, end) = (text.find('{')?, text.rfind('}')?);
    let object: Value = serde_json::from_str(text.get(begin..=end)?).ok()?;
    object.is_object().then_some(object)
}
