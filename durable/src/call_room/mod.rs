//! One object per session: status, signaling, chat and presence of a call. The only writer of its session.
//!
//! Everything that happens goes through one durable log (see [`log`]), is broadcast to the sockets, and is visible to the
//! next poll. The record in MongoDB follows from the log: at once after a change of status, within 30 s otherwise, and
//! for as long as it takes.

mod api;
mod call;
mod frames;
mod log;
mod notify;
mod room;
mod sockets;

use std::cell::RefCell;

use domain::{
    Id,
    chat::{Draft, Line, Sender, is_full},
    session::{Card, EndReason, Session, Status},
    signaling::{Event, candidate_from_text},
};
use worker::{
    DurableObject, Env, Request, Response, State, WebSocket, WebSocketIncomingMessage, durable_object,
    wasm_bindgen,
};

pub use api::{Details, RoomAnswer, RoomRefusal, RoomReply, RoomRequest, Signals, SocketRequest};
use room::Room;

use crate::{
    rpc::{self, Object},
    runtime::{new_id, now},
};

/// A wait reaches the record after this time, ms.
const WAITING_RECORD_MS: i64 = 1000;

/// See the module.
#[durable_object]
pub struct CallRoom {
    state: State,
    env: Env,
    room: RefCell<Loaded>,
}

/// What is known of the room's own past.
enum Loaded {
    /// Nothing was read yet.
    NotYet,
    /// There is no session here.
    Empty,
    /// The session.
    Room(Box<Room>),
}

impl std::panic::RefUnwindSafe for CallRoom {}

impl Object for CallRoom {
    const BINDING: &'static str = "CALL_ROOM";
    type Request = RoomRequest;
    type Reply = RoomAnswer;
}

impl DurableObject for CallRoom {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, room: RefCell::new(Loaded::NotYet) }
    }

    async fn fetch(&self, mut request: Request) -> worker::Result<Response> {
        self.load().await?;
        if request.path() == "/socket" {
            return self.accept(&request.url()?).await;
        }
        let request = rpc::read::<Self>(&mut request).await?;
        rpc::reply::<Self>(&self.answer(request).await?)
    }

    async fn alarm(&self) -> worker::Result<Response> {
        self.load().await?;
        self.wake().await?;
        Response::empty()
    }

    async fn websocket_message(
        &self,
        socket: WebSocket,
        message: WebSocketIncomingMessage,
    ) -> worker::Result<()> {
        self.load().await?;
        self.received(&socket, message).await
    }

    async fn websocket_close(
        &self,
        socket: WebSocket,
        code: usize,
        _reason: String,
        _clean: bool,
    ) -> worker::Result<()> {
        self.load().await?;
        self.closed(&socket, code);
        Ok(())
    }

    async fn websocket_error(&self, socket: WebSocket, _error: worker::Error) -> worker::Result<()> {
        self.load().await?;
        self.closed(&socket, 1006);
        Ok(())
    }
}

impl CallRoom {
    /// Runs `f` on the room, if there is one. Nothing may be awaited inside.
    fn with<T>(&self, f: impl FnOnce(&mut Room) -> T) -> Option<T> {
        match &mut *self.room.borrow_mut() {
            Loaded::Room(room) => Some(f(room)),
            Loaded::NotYet | Loaded::Empty => None,
        }
    }

    async fn answer(&self, request: RoomRequest) -> worker::Result<RoomAnswer> {
        match request {
            RoomRequest::Open { session } => self.open(session).await,
            RoomRequest::Join { session, partner } => self.join(session, partner).await,
            RoomRequest::Leave { user, reason } => self.leave(user, reason).await,
            RoomRequest::Look => Ok(self.kind()),
            RoomRequest::Enter { user, media } => self.enter(user, media).await,
            RoomRequest::End { user } => self.end(user).await,
            RoomRequest::Media { user, change } => self.set_media(user, change),
            RoomRequest::AskForVideo { user } => self.ask_for_video(user),
            RoomRequest::AnswerVideo { user, accept } => self.answer_video(user, accept).await,
            RoomRequest::VideoRequest { user } => Ok(self.member(user).map(|()| self.video_request(user))),
            RoomRequest::Discard => self.discard().await,
            RoomRequest::Read { user } => Ok(self.member(user).map(|()| self.details())),
            RoomRequest::Signals { user } => Ok(self.member(user).map(|()| self.signals())),
            RoomRequest::Touch { user } => Ok(self.live_member(user).map(|()| RoomReply::Done)),
            RoomRequest::Offer { user, sdp } => self.offer(user, sdp, None),
            RoomRequest::Answer { user, sdp } => self.answer_offer(user, None, sdp, None),
            RoomRequest::Candidate { user, text, sdp_mid, sdp_m_line_index } => {
                let candidate = candidate_from_text(new_id(), text, sdp_mid, sdp_m_line_index);
                self.candidate(user, candidate, None)
            }
            RoomRequest::Clear { user } => self.clear(user, None),
            RoomRequest::Say { user, draft } => self.say(user, draft, None).await,
            RoomRequest::Lines { user, offset, limit } => {
                Ok(self.member(user).map(|()| self.lines(offset, limit)))
            }
            #[cfg(feature = "fault-injection")]
            #[expect(clippy::panic, reason = "a test asks for it")]
            RoomRequest::Panic => panic!("asked to by a test"),
        }
    }

    /// Lets participants pass, and notes that this one lives.
    fn member(&self, user: Id) -> Result<(), RoomRefusal> {
        let now = now();
        let known = self.with(|room| {
            let is_participant = room.session.participant(user).is_some();
            is_participant.then(|| room.polled(user, now))
        });
        match known {
            None => Err(RoomRefusal::Unknown),
            Some(None) => Err(RoomRefusal::NotParticipant),
            Some(Some(appeared)) => {
                // A note that fails only shortens the lease.
                let _ = self.note(user, now);
                if appeared {
                    self.announce_presence(user);
                }
                Ok(())
            }
        }
    }

    /// Lets participants of a session pass that is not over.
    fn live_member(&self, user: Id) -> Result<(), RoomRefusal> {
        self.member(user)?;
        match self.with(|room| room.session.status.is_final()) {
            Some(false) => Ok(()),
            _ => Err(RoomRefusal::Finished),
        }
    }

    async fn open(&self, session: Session) -> worker::Result<RoomAnswer> {
        if matches!(*self.room.borrow(), Loaded::Empty) {
            let waits = session.status == Status::WaitingForPartner;
            self.create(session)?;
            if waits {
                // Most waits are short: the record of the match then serves for both.
                self.wake_at(now().plus(WAITING_RECORD_MS)).await?;
            } else {
                self.tell_hubs(None).await;
                self.wake_at(now()).await?;
            }
        }
        Ok(Ok(self.details()))
    }

    async fn join(&self, waiting: Session, partner: Card) -> worker::Result<RoomAnswer> {
        // The host's own opening may still be on its way.
        if matches!(*self.room.borrow(), Loaded::Empty) {
            self.create(waiting)?;
        }
        let (now, id) = (now(), partner.id);
        let joined = self.with(|room| {
            let mut session = room.session.clone();
            session.join(partner, now).map(|()| session)
        });
        match joined {
            None => Ok(Err(RoomRefusal::Unknown)),
            Some(Err(refusal)) => Ok(Err(RoomRefusal::Join(refusal))),
            Some(Ok(session)) => {
                self.change_session(session, id, now)?;
                self.tell_hubs(Some(id)).await;
                self.wake_at(now).await?;
                Ok(Ok(self.details()))
            }
        }
    }

    /// A participant leaves: of two, that ends the session. On one that is over already nothing changes, and the answer
    /// is the same.
    async fn leave(&self, user: Id, reason: EndReason) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.member(user) {
            return Ok(Err(refusal));
        }
        let now = now();
        let ended = self.with(|room| {
            let mut session = room.session.clone();
            let waited = session.status == Status::WaitingForPartner;
            session.leave(user, reason, now).then_some((session, waited))
        });
        if let Some(Some((session, waited))) = ended {
            if waited {
                self.tell_lobby().await;
            }
            self.changed(session, user, now).await?;
        }
        Ok(Ok(self.details()))
    }

    /// Ends the session if it is live, and owes the database nothing from now on.
    async fn discard(&self) -> worker::Result<RoomAnswer> {
        let Some(host) = self.with(|room| room.session.host().map(|host| host.user.id)) else {
            return Ok(Err(RoomRefusal::Unknown));
        };
        if let Some(host) = host {
            self.end_for_all(host, EndReason::Cancelled).await?;
        }
        self.with(|room| {
            (room.discarded, room.record_at) = (true, None);
        });
        self.keep()?;
        Ok(Ok(RoomReply::Done))
    }

    fn offer(&self, user: Id, sdp: String, client: Option<&str>) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        self.log(user, client, |room| Ok(Some(room.signaling.offer(sdp))))
    }

    fn answer_offer(
        &self,
        user: Id,
        generation: Option<u32>,
        sdp: String,
        client: Option<&str>,
    ) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        self.log(user, client, |room| {
            room.signaling.answer(user, generation, sdp).map(Some).map_err(RoomRefusal::Signaling)
        })
    }

    fn candidate(
        &self,
        user: Id,
        candidate: domain::signaling::Candidate,
        client: Option<&str>,
    ) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        self.log(user, client, |room| Ok(room.signaling.candidate(user, candidate)))
    }

    fn clear(&self, user: Id, client: Option<&str>) -> worker::Result<RoomAnswer> {
        match self.live_member(user) {
            // The signaling of a finished session is gone already.
            Err(RoomRefusal::Finished) => Ok(Ok(RoomReply::Done)),
            Err(refusal) => Ok(Err(refusal)),
            Ok(()) => self.log(user, client, |room| Ok(Some(room.signaling.reset()))),
        }
    }

    async fn say(&self, user: Id, draft: Draft, client: Option<&str>) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        let (id, timestamp) = (new_id(), now());
        let said = self.log(user, client, |room| {
            if is_full(&room.lines) {
                return Err(RoomRefusal::ChatFull);
            }
            let card = &room.session.participant(user).ok_or(RoomRefusal::NotParticipant)?.user;
            let sender =
                Sender { id: card.id, name: card.name.clone(), profile_picture: card.picture.clone() };
            Ok(Some(Event::Chat(Line { id, sender, timestamp, is_edited: false, draft })))
        })?;
        self.record_soon().await?;
        Ok(said)
    }

    fn details(&self) -> RoomReply {
        self.with(|room| {
            RoomReply::Session(Box::new(Details {
                session: room.session.clone(),
                total_lines: room.lines.len(),
                last_line_at: room.lines.last().map(|line| line.timestamp),
            }))
        })
        .unwrap_or(RoomReply::Done)
    }

    fn signals(&self) -> RoomReply {
        self.with(|room| {
            RoomReply::Signals(Signals {
                offer: room.signaling.current_offer().cloned(),
                answer: room.signaling.current_answer().cloned(),
                candidates: room.signaling.candidates().to_vec(),
            })
        })
        .unwrap_or(RoomReply::Done)
    }

    /// Page 1 holds the newest lines; within a page the oldest comes first.
    fn lines(&self, offset: usize, limit: usize) -> RoomReply {
        self.with(|room| {
            let end = room.lines.len().saturating_sub(offset);
            let page = room.lines.get(end.saturating_sub(limit)..end).unwrap_or_default();
            RoomReply::Lines { lines: page.to_vec(), total: room.lines.len() }
        })
        .unwrap_or(RoomReply::Done)
    }
}
