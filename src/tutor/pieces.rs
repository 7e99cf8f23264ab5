//! An answer that comes in pieces: server-sent events of the chat completions contract.

use std::collections::VecDeque;

use futures_util::{FutureExt, StreamExt, pin_mut, select};
use serde::Deserialize;
use worker::{AbortController, AbortSignal, ByteStream, Date, Delay};

use super::answer::{Answer, LIMIT, MAX_CHARS, Usage};

/// Most bytes of one line of the stream.
const MAX_LINE: usize = 64 * 1024;

/// An open answer of the model.
pub(super) struct Connection {
    pub bytes: ByteStream,
    /// Closes the connection when it is dropped.
    #[expect(dead_code, reason = "lives for its end")]
    pub hold: Hold,
}

/// Closes what was fetched with its signal when it is dropped.
pub(super) struct Hold(Option<AbortController>);

impl Hold {
    /// With the signal for the fetch.
    pub(super) fn new() -> (Self, AbortSignal) {
        let controller = AbortController::default();
        let signal = controller.signal();
        (Self(Some(controller)), signal)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if let Some(controller) = self.0.take() {
            controller.abort();
        }
    }
}

/// The pieces of an answer. Dropping it closes the connection to the model.
pub struct Pieces {
    connection: Connection,
    /// What came and was not read yet; a piece may end in the middle of a line or a character.
    rest: Vec<u8>,
    ready: VecDeque<String>,
    content: String,
    model: String,
    usage: Option<Usage>,
    finished: bool,
    began: u64,
}

/// The stream broke off; the text is for the log.
#[derive(Debug)]
pub struct BrokenOff(pub String);

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    model: Option<String>,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
}

#[derive(Default, Deserialize)]
struct Delta {
    content: Option<String>,
}

impl Pieces {
    pub(super) fn new(connection: Connection, model: String) -> Self {
        Self {
            connection,
            rest: Vec::new(),
            ready: VecDeque::new(),
            content: String::new(),
            model,
            usage: None,
            finished: false,
            began: Date::now().as_millis(),
        }
    }

    /// The next piece of text; `None` at the end. A piece that takes too long breaks the stream off.
    pub async fn next(&mut self) -> Result<Option<String>, BrokenOff> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.content.push_str(&piece);
                return Ok(Some(piece));
            }
            if self.finished || self.content.len() > MAX_CHARS {
                return Ok(None);
            }
            let bytes = {
                let next = self.connection.bytes.next().fuse();
                let limit = Delay::from(LIMIT).fuse();
                pin_mut!(next, limit);
                select! {
                    bytes = next => bytes,
                    () = limit => return Err(BrokenOff("no further piece in time".into())),
                }
            };
            match bytes {
                Some(Ok(bytes)) => self.take_in(&bytes)?,
                Some(Err(error)) => return Err(BrokenOff(error.to_string())),
                None => return Err(BrokenOff("the stream ended without its last line".into())),
            }
        }
    }

    /// What was said so far.
    pub fn so_far(&self) -> &str {
        &self.content
    }

    /// The whole answer, after the last piece.
    pub fn whole(self) -> Answer {
        let took = Date::now().as_millis().saturating_sub(self.began);
        Answer {
            content: self.content.trim().to_owned(),
            model: self.model,
            usage: self.usage.unwrap_or_default(),
            took: i64::try_from(took).unwrap_or(0),
            cached: false,
        }
    }

    fn take_in(&mut self, bytes: &[u8]) -> Result<(), BrokenOff> {
        self.rest.extend_from_slice(bytes);
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            self.line(&String::from_utf8_lossy(&line))?;
        }
        if self.rest.len() > MAX_LINE { Err(BrokenOff("a line is too long".into())) } else { Ok(()) }
    }

    fn line(&mut self, line: &str) -> Result<(), BrokenOff> {
        let Some(data) = line.trim().strip_prefix("data:").map(str::trim) else { return Ok(()) };
        if data == "[DONE]" {
            self.finished = true;
            return Ok(());
        }
        let chunk: Chunk = serde_json::from_str(data).map_err(|error| BrokenOff(error.to_string()))?;
        self.model = chunk.model.filter(|model| !model.is_empty()).unwrap_or_else(|| self.model.clone());
        self.usage = chunk.usage.or(self.usage);
        let pieces = chunk.choices.into_iter().take(1).filter_map(|choice| choice.delta.content);
        self.ready.extend(pieces.filter(|piece| !piece.is_empty()));
        Ok(())
    }
}
