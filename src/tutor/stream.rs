//! The tutor's answer as server-sent events, piece by piece.
//!
//! A task that outlives the request pumps: it notices when the client hangs up, closes the connection to the model then,
//! and keeps in any case what was said.

use std::time::Duration;

use axum::{
    body::Body,
    http::{HeaderValue, header},
    response::Response,
};
use futures_channel::oneshot;
use futures_util::{FutureExt, pin_mut, select};
use serde::Serialize;
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use web_sys::{ReadableStream, TransformStream, WritableStreamDefaultWriter};
use worker::wasm_bindgen_futures::JsFuture;
use worker::{Delay, send::SendWrapper};

use super::{
    answer::Usage,
    cost::{self, Outcome, Reserved},
    exchange::{APOLOGY, Answered, Asked},
    pieces::{BrokenOff, Pieces},
    upstream::UpstreamError,
};
use crate::http::{
    body::Streamed,
    error::{ApiError, ChatResult},
};

/// How long the first word may take until the answer begins without it.
const PATIENCE: Duration = Duration::from_secs(2);
/// A silent stream says that it lives this often. It is also how a client is noticed that has hung up: nothing else
/// tells, until something is written.
const HEARTBEAT: Duration = Duration::from_secs(1);

/// A write that takes longer goes nowhere.
const STUCK: Duration = Duration::from_secs(3);

/// Whether a client wants events.
pub fn is_accepted(accept: &str) -> bool {
    let kinds = accept.split(',').filter_map(|kind| kind.split(';').next());
    kinds.map(str::trim).any(|kind| kind.eq_ignore_ascii_case("text/event-stream"))
}

/// Answers in pieces. What fails before the first one, and soon, is an ordinary error; later it is an event.
pub async fn answer(asked: Asked, reserved: Reserved) -> ChatResult<Response> {
    let (told, hears) = oneshot::channel();
    // The task goes on when the client hangs up.
    let later = asked.later.clone();
    later.run(run(asked, reserved, told));
    let readable = hears.await.map_err(|_| ApiError::Internal("the answer was dropped".into()))??;
    let mut response = Response::new(Body::empty());
    response.headers_mut().insert(header::CONTENT_TYPE, EVENTS);
    response.extensions_mut().insert(Streamed(SendWrapper::new(readable)));
    Ok(response)
}

type Begun = Result<ReadableStream, ApiError>;

/// How an answer begins.
enum Beginning {
    /// Not at all, and nothing has left yet: an ordinary error.
    Refused(UpstreamError, oneshot::Sender<Begun>),
    /// With these words.
    Speaks(Client, Pieces, String),
    /// It fails after the client was told to wait.
    BrokenOff(Client, String),
    /// Nobody waits any more.
    HungUp,
}

async fn run(asked: Asked, reserved: Reserved, told: oneshot::Sender<Begun>) {
    match begin(&asked, told).await {
        Beginning::Speaks(client, pieces, first) => pump(asked, reserved, client, pieces, first).await,
        Beginning::Refused(error, told) => {
            cost::settle(&asked.state, reserved, Usage::default()).await;
            let error = asked.failed(&error, APOLOGY.to_owned()).await.unwrap_or_else(|error| error);
            let _ = told.send(Err(error));
        }
        Beginning::BrokenOff(client, detail) => {
            broken_off(asked, reserved, client, detail, APOLOGY.to_owned()).await;
        }
        Beginning::HungUp => hung_up(asked, reserved, APOLOGY.to_owned()).await,
    }
}

async fn begin(asked: &Asked, told: oneshot::Sender<Begun>) -> Beginning {
    let first = first(asked).fuse();
    let patience = Delay::from(PATIENCE).fuse();
    pin_mut!(first, patience);
    let soon = select! {
        begun = first => Some(begun),
        () = patience => None,
    };
    let soon = match soon {
        Some(Err(error)) => return Beginning::Refused(error, told),
        Some(Ok(begun)) => Some(begun),
        None => None,
    };
    let (client, readable) = match Client::open() {
        Ok(opened) => opened,
        Err(error) => return Beginning::Refused(UpstreamError::Failed(format!("{error:?}")), told),
    };
    let _ = told.send(Ok(readable));
    let begun = match soon {
        Some(begun) => Some(Ok(begun)),
        None => client.while_waiting(first).await,
    };
    match begun {
        Some(Ok((pieces, words))) => Beginning::Speaks(client, pieces, words),
        Some(Err(UpstreamError::Failed(detail))) => Beginning::BrokenOff(client, detail),
        Some(Err(UpstreamError::NotConfigured)) | None => Beginning::HungUp,
    }
}

/// Keeps what was said, and tells the client that there will be no more.
async fn broken_off(asked: Asked, reserved: Reserved, client: Client, detail: String, said: String) {
    cost::settle(&asked.state, reserved, Usage::default()).await;
    let _ = asked.failed(&UpstreamError::Failed(detail), said).await;
    let _ = client.send(&sorry()).await;
    client.close().await;
}

/// Keeps what was said.
async fn hung_up(asked: Asked, reserved: Reserved, said: String) {
    cost::settle(&asked.state, reserved, Usage::default()).await;
    let _ = asked.failed(&UpstreamError::Failed("the client hung up".into()), said).await;
}

async fn first(asked: &Asked) -> Result<(Pieces, String), UpstreamError> {
    let mut pieces = asked.state.model.stream(&asked.ask).await?;
    match pieces.next().await {
        Ok(Some(first)) => Ok((pieces, first)),
        Ok(None) => Err(UpstreamError::Failed("the answer is empty".into())),
        Err(BrokenOff(detail)) => Err(UpstreamError::Failed(detail)),
    }
}

/// An answer that is there already, as the events of one that came in a single piece.
pub fn whole(answered: &Answered) -> Response {
    let text = event("token", &json!({ "text": answered.text() })) + &done(answered, Usage::default());
    let mut response = Response::new(Body::from(text));
    response.headers_mut().insert(header::CONTENT_TYPE, EVENTS);
    response
}

const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");

fn event(name: &str, data: &impl Serialize) -> String {
    format!("event: {name}\ndata: {}\n\n", serde_json::to_string(data).unwrap_or_default())
}

fn done(answered: &Answered, usage: Usage) -> String {
    let mut data = serde_json::to_value(answered).unwrap_or_default();
    if let Value::Object(data) = &mut data {
        data.insert(
            "usage".into(),
            json!({ "promptTokens": usage.prompt_tokens, "completionTokens": usage.completion_tokens,
                "totalTokens": usage.total_tokens }),
        );
    }
    event("done", &data)
}

/// Why the pieces ended.
enum End {
    Whole,
    BrokenOff(String),
    HungUp,
}

async fn pump(asked: Asked, reserved: Reserved, client: Client, mut pieces: Pieces, first: String) {
    match pass_on(&client, &mut pieces, first).await {
        End::Whole => {
            let answer = pieces.whole();
            let usage = answer.usage;
            cost::settle(&asked.state, reserved, usage).await;
            asked.book(Outcome::Answered(usage));
            asked.remember(&answer);
            let last = match asked.answered(answer).await {
                Ok(answered) => done(&answered, usage),
                Err(_) => sorry(),
            };
            let _ = client.send(&last).await;
            client.close().await;
        }
        End::BrokenOff(detail) => {
            let said = pieces.so_far().to_owned();
            drop(pieces);
            broken_off(asked, reserved, client, detail, said).await;
        }
        End::HungUp => {
            let said = pieces.so_far().to_owned();
            drop(pieces);
            hung_up(asked, reserved, said).await;
        }
    }
}

async fn pass_on(client: &Client, pieces: &mut Pieces, first: String) -> End {
    let mut piece = first;
    loop {
        if client.send(&event("token", &json!({ "text": piece }))).await.is_err() {
            return End::HungUp;
        }
        match client.while_waiting(pieces.next()).await {
            Some(Ok(Some(next))) => piece = next,
            Some(Ok(None)) => return End::Whole,
            Some(Err(BrokenOff(detail))) => return End::BrokenOff(detail),
            None => return End::HungUp,
        }
    }
}

fn sorry() -> String {
    event("error", &json!({ "message": APOLOGY, "code": "UNAVAILABLE" }))
}

/// Nobody reads any more.
struct Gone;

/// The writing end of a body that is sent as it comes.
struct Client {
    writer: WritableStreamDefaultWriter,
}

impl Client {
    fn open() -> Result<(Self, ReadableStream), JsValue> {
        let pipe = TransformStream::new()?;
        Ok((Self { writer: pipe.writable().get_writer()? }, pipe.readable()))
    }

    /// Sends text; an error means that nobody reads any more. To a client that has hung up, the first writes succeed
    /// and a later one never ends.
    async fn send(&self, text: &str) -> Result<(), Gone> {
        let bytes = js_sys::Uint8Array::from(text.as_bytes());
        let written = JsFuture::from(self.writer.write_with_chunk(&bytes)).fuse();
        let limit = Delay::from(STUCK).fuse();
        pin_mut!(written, limit);
        select! {
            written = written => written.map(drop).map_err(|_| Gone),
            () = limit => Err(Gone),
        }
    }

    /// Waits for something, and says now and then that it does; `None` when nobody reads any more.
    async fn while_waiting<T>(&self, what: impl Future<Output = T>) -> Option<T> {
        let what = what.fuse();
        pin_mut!(what);
        loop {
            let heartbeat = Delay::from(HEARTBEAT).fuse();
            pin_mut!(heartbeat);
            select! {
                done = what => return Some(done),
                () = heartbeat => self.send(": waiting\n\n").await.ok()?,
            }
        }
    }

    async fn close(self) {
        let closed = JsFuture::from(self.writer.close()).fuse();
        let limit = Delay::from(STUCK).fuse();
        pin_mut!(closed, limit);
        select! {
            _ = closed => {},
            () = limit => {},
        }
    }
}
