//! What a room can be asked, and what it answers.

use domain::{
    Id, Timestamp,
    chat::{Draft, Line},
    session::{
        Card, EndReason, JoinRefusal, MediaChange, MediaState, Session, SessionType, Status, VideoRefusal,
        VideoRequest,
    },
    signaling::{Frame, Refusal},
};
use serde::{Deserialize, Serialize};

/// What a room can be asked.
#[derive(Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum RoomRequest {
    /// A host begins to wait here, or set up a call. Opening an open room changes nothing.
    Open {
        /// His session.
        session: Session,
    },
    /// A partner joins the host.
    Join {
        /// The host's waiting session, should it not be open yet.
        session: Session,
        /// The partner.
        partner: Card,
    },
    /// A participant ends the session.
    Leave {
        /// Who.
        user: Id,
        /// Why.
        reason: EndReason,
    },
    /// Type and state, for callers that check something else before they ask as a participant.
    Look,
    /// A participant enters a call that was set up.
    Enter {
        /// Who.
        user: Id,
        /// Microphone and camera.
        media: MediaChange,
    },
    /// The host ends the session for all.
    End {
        /// Who asks.
        user: Id,
    },
    /// A participant changes microphone, camera or voice.
    Media {
        /// Whose.
        user: Id,
        /// What.
        change: MediaChange,
    },
    /// A side of a voice call asks for pictures.
    AskForVideo {
        /// Who.
        user: Id,
    },
    /// The other side answers.
    AnswerVideo {
        /// Who.
        user: Id,
        /// Yes or no.
        accept: bool,
    },
    /// The request for pictures, as far as it concerns the caller.
    VideoRequest {
        /// Who asks.
        user: Id,
    },
    /// An administrator removes the session: it ends, and its record is written no more.
    Discard,
    /// The session.
    Read {
        /// Who asks.
        user: Id,
    },
    /// Offer, answer and candidates.
    Signals {
        /// Who asks.
        user: Id,
    },
    /// A participant lives.
    Touch {
        /// Who.
        user: Id,
    },
    /// A new offer.
    Offer {
        /// Whose.
        user: Id,
        /// The session description.
        sdp: String,
    },
    /// An answer to the current offer.
    Answer {
        /// Whose.
        user: Id,
        /// The session description.
        sdp: String,
    },
    /// A candidate of a polling client.
    Candidate {
        /// Whose.
        user: Id,
        /// The text as posted.
        text: String,
        /// Media stream id.
        sdp_mid: Option<String>,
        /// Media line.
        sdp_m_line_index: Option<u16>,
    },
    /// Forget offer, answer and candidates.
    Clear {
        /// Who asks.
        user: Id,
    },
    /// A chat line.
    Say {
        /// Whose.
        user: Id,
        /// What.
        draft: Draft,
    },
    /// A page of the chat.
    Lines {
        /// Who asks.
        user: Id,
        /// Lines newer than the page.
        offset: usize,
        /// Most lines.
        limit: usize,
    },
    /// Panic, for a test.
    #[cfg(feature = "fault-injection")]
    Panic,
}

/// The answer to any request.
pub type RoomAnswer = Result<RoomReply, RoomRefusal>;

/// What a room answers.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomReply {
    /// Done.
    Done,
    /// The session.
    Session(Box<Details>),
    /// Type and state of the session.
    Kind {
        /// What it is.
        session_type: SessionType,
        /// Where it stands.
        status: Status,
    },
    /// Microphone, camera and voice of the caller.
    Media(MediaState),
    /// The request for pictures.
    VideoRequest(Option<VideoRequest>),
    /// Offer, answer and candidates.
    Signals(Signals),
    /// The line that was said.
    Line(Line),
    /// A page of the chat.
    Lines {
        /// Oldest first.
        lines: Vec<Line>,
        /// Count of all lines.
        total: usize,
    },
}

/// A session with the counters of its chat.
#[derive(Serialize, Deserialize)]
pub struct Details {
    /// The session.
    pub session: Session,
    /// Count of chat lines.
    pub total_lines: usize,
    /// Time of the newest line.
    pub last_line_at: Option<Timestamp>,
}

/// The current negotiation.
#[derive(Serialize, Deserialize)]
pub struct Signals {
    /// The offer.
    pub offer: Option<Frame>,
    /// The answer.
    pub answer: Option<Frame>,
    /// All candidates.
    pub candidates: Vec<Frame>,
}

/// Why a room refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RoomRefusal {
    /// There is no session here, or it ended long ago.
    Unknown,
    /// Not for others.
    NotParticipant,
    /// The session is over.
    Finished,
    /// The chat has reached its bound.
    ChatFull,
    /// The partner cannot join.
    Join(JoinRefusal),
    /// The call is over, or was not set up for joining.
    NotJoinable,
    /// Only the host may.
    NotHost,
    /// It cannot become a video call like this.
    Video(VideoRefusal),
    /// The signaling message does not fit.
    Signaling(Refusal),
}

/// Who opens a socket.
#[derive(Serialize, Deserialize)]
pub struct SocketRequest {
    /// The authenticated user.
    pub user: Id,
    /// STUN and TURN servers for him, as the welcome names them.
    #[serde(default)]
    pub ice_servers: serde_json::Value,
}
