//! Chat lines inside a session (contract: sendSessionMessage).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Id, Timestamp};

/// Longest line, in characters after trimming.
pub const MAX_MESSAGE_CHARS: usize = 1000;
/// Longest media address, in bytes.
pub const MAX_URL_BYTES: usize = 2048;
/// Most lines one session keeps; far below what a MongoDB document holds.
pub const MAX_LINES: usize = 3000;

/// Most bytes of the lines of one session: a document holds 16 MB, ids and times included.
const MAX_CHAT_BYTES: usize = 8 * 1024 * 1024;

/// What a line carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum MessageType {
    /// Words.
    Text,
    /// A picture at `mediaUrl`.
    Image,
    /// A file at `mediaUrl`.
    File,
    /// A recording at `mediaUrl`.
    Audio,
}

impl MessageType {
    /// As stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::Audio => "audio",
        }
    }

    /// Reads the text form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Text, Self::Image, Self::File, Self::Audio].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What a learner wants to say, checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Draft {
    /// 1 to 1000 characters.
    pub message: String,
    /// Kind.
    pub message_type: MessageType,
    /// An https address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    /// The line it answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Id>,
}

/// One failed check of a draft: field and reason.
pub type Complaint = (&'static str, &'static str);

impl Draft {
    /// Checks the fields of a draft and lists everything that is wrong.
    pub fn check(
        message: Option<&str>,
        message_type: Option<&str>,
        media_url: Option<&str>,
        reply_to: Option<&str>,
    ) -> Result<Self, Vec<Complaint>> {
        let mut complaints = Vec::new();
        let message = message.map(str::trim).unwrap_or_default().to_owned();
        if message.is_empty() || message.chars().count() > MAX_MESSAGE_CHARS {
            complaints.push(("message", "Message must have 1 to 1000 characters"));
        }
        let kind = message_type.and_then(MessageType::parse);
        if kind.is_none() {
            complaints.push(("messageType", "Message type must be text, image, file or audio"));
        }
        if media_url.is_some_and(|url| !is_address(url)) {
            complaints.push((
                "mediaUrl",
                "Media address must start with https:// and have at most 2048 characters",
            ));
        }
        let reply = reply_to.map(str::parse::<Id>);
        if matches!(reply, Some(Err(_))) {
            complaints.push(("replyTo", "replyTo must be a message id"));
        }
        match kind {
            Some(message_type) if complaints.is_empty() => Ok(Self {
                message,
                message_type,
                media_url: media_url.map(str::to_owned),
                reply_to: reply.and_then(Result::ok),
            }),
            _ => Err(complaints),
        }
    }
}

/// An https address with a host, without blanks.
fn is_address(url: &str) -> bool {
    let host =
        url.strip_prefix("https://").and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    let is_host = |c: char| c.is_alphanumeric() || ".-:[]".contains(c);
    url.len() <= MAX_URL_BYTES
        && !host.is_empty()
        && host.chars().all(is_host)
        && !url.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// A line as kept and shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Its id.
    pub id: Id,
    /// Who said it.
    pub sender: Sender,
    /// When.
    pub timestamp: Timestamp,
    /// It was changed later, by the old server.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_edited: bool,
    /// What.
    #[serde(flatten)]
    pub draft: Draft,
}

/// Whether a chat has reached a bound: of lines, or of what one MongoDB document holds.
#[must_use]
pub fn is_full(lines: &[Line]) -> bool {
    let bytes = |line: &Line| line.draft.message.len() + line.draft.media_url.as_ref().map_or(0, String::len);
    lines.len() >= MAX_LINES || lines.iter().map(bytes).sum::<usize>() >= MAX_CHAT_BYTES
}

/// The sender as others see him.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Sender {
    /// Account.
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Picture address.
    pub profile_picture: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_trimmed_and_bounded() {
        let draft = Draft::check(Some("  hi  "), Some("text"), None, None).unwrap();
        assert_eq!(draft.message, "hi");
        let fields = |draft: Result<Draft, Vec<Complaint>>| {
            draft.unwrap_err().into_iter().map(|c| c.0).collect::<Vec<_>>()
        };
        assert_eq!(fields(Draft::check(Some("  "), None, None, None)), ["message", "messageType"]);
        let long = "न".repeat(1001);
        assert_eq!(fields(Draft::check(Some(&long), Some("text"), None, None)), ["message"]);
        assert!(Draft::check(Some(&long[3..]), Some("audio"), None, None).is_ok());
        assert_eq!(
            fields(Draft::check(Some("x"), Some("image"), Some("javascript:1"), Some("nope"))),
            ["mediaUrl", "replyTo"]
        );
    }
}
