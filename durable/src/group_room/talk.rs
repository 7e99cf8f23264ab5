//! Chat and signaling of a group.

use domain::{
    Id,
    chat::{Draft, Line, is_full},
    mesh::{Sent, Signal},
};

use super::{
    GroupRoom, RoomRefusal,
    api::{GroupAnswer, GroupReply},
};
use crate::runtime::{new_id, now};

impl GroupRoom {
    pub(super) async fn say(&self, user: Id, draft: Draft) -> worker::Result<GroupAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        let (id, timestamp) = (new_id(), now());
        let said = self.with(|room| {
            if !room.group.settings.allow_chat {
                return Err(RoomRefusal::ChatOff);
            }
            if is_full(&room.lines) {
                return Err(RoomRefusal::ChatFull);
            }
            let sender = room.group.member(user).ok_or(RoomRefusal::Unknown)?.user.clone();
            let line = Line { id, sender, timestamp, is_edited: false, draft };
            room.lines.push(line.clone());
            Ok(line)
        });
        match said {
            Ok(Ok(line)) => {
                self.keep_line(&line)?;
                self.record_soon().await?;
                Ok(Ok(GroupReply::Line(line)))
            }
            Ok(Err(refusal)) | Err(refusal) => Ok(Err(refusal)),
        }
    }

    /// Page 1 holds the newest lines; within a page the oldest comes first.
    pub(super) fn lines(&self, user: Id, offset: usize, limit: usize) -> GroupAnswer {
        self.member(user)?;
        self.with(|room| {
            let end = room.lines.len().saturating_sub(offset);
            let page = room.lines.get(end.saturating_sub(limit)..end).unwrap_or_default();
            GroupReply::Lines { lines: page.to_vec(), total: room.lines.len() }
        })
    }

    pub(super) fn signals(&self, user: Id) -> GroupAnswer {
        self.member(user)?;
        self.with(|room| GroupReply::Signals(room.mesh.for_member(user).cloned().collect()))
    }

    pub(super) fn signal(&self, user: Id, to: Option<Id>, signal: Signal) -> worker::Result<GroupAnswer> {
        if let Err(refusal) = self.live_member(user) {
            return Ok(Err(refusal));
        }
        let (id, at) = (new_id(), now());
        let sent = self.with(|room| {
            let to = room.addressee(user, to)?;
            let new = Sent { id, from: user, to, at, signal };
            let void = room.mesh.send(new.clone()).map_err(|_| RoomRefusal::TooMuch)?;
            Ok(void.map(|void| (new, void)))
        });
        match sent {
            Ok(Ok(Some((new, void)))) => {
                self.keep_signal(&new, void)?;
                Ok(Ok(GroupReply::Done))
            }
            Ok(Ok(None)) => Ok(Ok(GroupReply::Done)),
            Ok(Err(refusal)) | Err(refusal) => Ok(Err(refusal)),
        }
    }

    pub(super) fn clear_signals(&self, user: Id) -> worker::Result<GroupAnswer> {
        if let Err(refusal) = self.member(user) {
            return Ok(Err(refusal));
        }
        self.drop_signals_of(user)?;
        Ok(self.with(|room| room.mesh.clear(user)).map(|()| GroupReply::Done))
    }
}

impl super::Room {
    /// Who is meant: the one who is named, or the only other member (x-signaling.websocket.negotiation).
    fn addressee(&self, from: Id, named: Option<Id>) -> Result<Id, RoomRefusal> {
        let mut others = self.group.members.iter().map(|member| member.user.id).filter(|id| *id != from);
        match named {
            Some(to) => others.find(|id| *id == to).ok_or(RoomRefusal::StrangeAddressee),
            None => match (others.next(), others.next()) {
                (Some(only), None) => Ok(only),
                _ => Err(RoomRefusal::WhoIsMeant),
            },
        }
    }
}
