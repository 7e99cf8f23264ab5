//! Calls that were set up: entering, the end by the host, microphone and camera, and the way to a video call.

use domain::{
    Id, Timestamp,
    session::{EndReason, MediaChange, Session},
    signaling::Event,
};
use serde_json::json;

use super::{
    CallRoom, RoomRefusal,
    api::{RoomAnswer, RoomReply},
};
use crate::runtime::now;

impl CallRoom {
    pub(super) fn kind(&self) -> RoomAnswer {
        let kind = self.with(|room| RoomReply::Kind {
            session_type: room.session.session_type,
            status: room.session.status,
        });
        kind.ok_or(RoomRefusal::Unknown)
    }

    /// Takes in a changed session, tells whoever must know at once, and has it recorded.
    pub(super) async fn changed(&self, session: Session, by: Id, now: Timestamp) -> worker::Result<()> {
        self.change_session(session, by, now)?;
        self.tell_hubs(None).await;
        self.wake_at(now).await
    }

    /// Whether it can be joined comes before who asks (contract: joinCall).
    pub(super) async fn enter(&self, user: Id, media: MediaChange) -> worker::Result<RoomAnswer> {
        let now = now();
        let entered = self.with(|room| {
            let mut session = room.session.clone();
            session.enter(user, media, now).map(|()| session)
        });
        let session = match entered {
            None => return Ok(Err(RoomRefusal::Unknown)),
            Some(Err(_)) => return Ok(Err(RoomRefusal::NotJoinable)),
            Some(Ok(session)) => session,
        };
        if let Err(refusal) = self.member(user) {
            return Ok(Err(refusal));
        }
        self.changed(session, user, now).await?;
        Ok(Ok(self.details()))
    }

    pub(super) async fn end(&self, user: Id) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.member(user) {
            return Ok(Err(refusal));
        }
        let is_host = self.with(|room| room.session.host().is_some_and(|host| host.user.id == user));
        if is_host != Some(true) {
            return Ok(Err(RoomRefusal::NotHost));
        }
        self.end_for_all(user, EndReason::EndedByHost).await?;
        Ok(Ok(self.details()))
    }

    pub(super) async fn end_for_all(&self, by: Id, reason: EndReason) -> worker::Result<()> {
        let now = now();
        let ended = self.with(|room| {
            let mut session = room.session.clone();
            session.end(by, reason, now).then_some(session)
        });
        if let Some(Some(session)) = ended {
            self.tell_lobby().await;
            self.changed(session, by, now).await?;
        }
        Ok(())
    }

    /// Voice and loudness live in memory and on the wire only; what lasts is written down.
    pub(super) fn set_media(&self, user: Id, change: MediaChange) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        let now = now();
        let media = self.with(|room| {
            let entry = room.session.participants.iter_mut().find(|entry| entry.user.id == user)?;
            entry.media.change(change);
            let relayed = change.is_lasting() || room.may_relay_voice(user, now);
            Some((entry_media(&room.session, user)?, relayed))
        });
        let Some(Some((media, relayed))) = media else { return Ok(Err(RoomRefusal::NotParticipant)) };
        if change.is_lasting() {
            self.keep()?;
        }
        if relayed {
            let frame = json!({ "v": 1, "t": "state.update", "ts": now, "from": user, "d": change });
            self.broadcast(&frame.to_string(), user);
        }
        Ok(Ok(RoomReply::Media(media)))
    }

    pub(super) fn ask_for_video(&self, user: Id) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        let now = now();
        self.log(user, None, |room| {
            let request = room.session.ask_for_video(user, room.video.as_ref(), now);
            request.map(|request| Some(Event::VideoRequest(request))).map_err(RoomRefusal::Video)
        })
    }

    pub(super) async fn answer_video(&self, user: Id, accept: bool) -> worker::Result<RoomAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        let now = now();
        let answered = self.with(|room| {
            let mut session = room.session.clone();
            session.answer_video(user, accept, room.video.as_ref(), now).map(|request| (session, request))
        });
        let (session, request) = match answered {
            None => return Ok(Err(RoomRefusal::Unknown)),
            Some(Err(refusal)) => return Ok(Err(RoomRefusal::Video(refusal))),
            Some(Ok(answered)) => answered,
        };
        self.log(user, None, |_| Ok(Some(Event::VideoAnswer(request))))?.ok();
        if accept {
            self.changed(session, user, now).await?;
        }
        Ok(Ok(self.details()))
    }

    /// The side that is asked sees a pending request; the one who asked sees what becomes of his.
    pub(super) fn video_request(&self, user: Id) -> RoomReply {
        let now = now();
        let request = self.with(|room| {
            let open = room.video.clone().filter(|_| !room.session.status.is_final())?;
            ((open.to == user && open.is_pending(now)) || open.from == user).then_some(open)
        });
        RoomReply::VideoRequest(request.flatten())
    }
}

fn entry_media(session: &Session, user: Id) -> Option<domain::session::MediaState> {
    session.participant(user).map(|participant| participant.media)
}
