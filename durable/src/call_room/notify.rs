//! What a room owes the outside: the hubs and the lobby hear of changes at once, the record in MongoDB and the
//! leaderboard follow. Debts are in the room's database until they are paid.

use domain::{
    Id, Timestamp,
    chat::Line,
    session::{EndReason, Status},
};
use futures_util::future::join_all;

use super::{CallRoom, Loaded};
use crate::{
    leaderboard::{Leaderboard, LeaderboardRequest},
    region_lobby::{LobbyReply, LobbyRequest, RegionLobby},
    rpc,
    runtime::{now, store},
    user_hub::{HubRequest, UserHub},
};

/// Chat lines reach the record within this time, ms.
const RECORD_WITHIN_MS: i64 = 30_000;
/// Most chat lines in one write.
const BATCH: usize = 200;

impl CallRoom {
    /// Tells the participants' hubs how the session stands; `except` hears it as the answer to his own request.
    pub(super) async fn tell_hubs(&self, except: Option<Id>) {
        let known = self.with(|room| (room.session.clone(), room.untold.clone(), room.status_seq));
        let Some((session, untold, status)) = known else { return };
        if untold.is_empty() {
            return;
        }
        let told = join_all(untold.into_iter().filter(|user| Some(*user) != except).map(async |user| {
            let update = HubRequest::Update { session: session.clone() };
            rpc::call::<UserHub>(&self.env, &user.to_string(), &update).await.ok().map(|_| user)
        }))
        .await;
        self.with(|room| {
            if room.status_seq == status {
                room.untold.retain(|user| !told.contains(&Some(*user)) && Some(*user) != except);
            }
        });
    }

    /// Takes the session out of the queue, should it be there.
    pub(super) async fn tell_lobby(&self) {
        let Some((id, region)) = self.with(|room| (room.session.id, room.session.region)) else { return };
        // If it fails, the next seeker is refused by this room, and the lobby drops the waiter then.
        let _ =
            rpc::call::<RegionLobby>(&self.env, &region.to_string(), &LobbyRequest::Remove { session: id })
                .await;
    }

    /// Asks for a write of the record within 30 s.
    pub(super) async fn record_soon(&self) -> worker::Result<()> {
        let due = now().plus(RECORD_WITHIN_MS);
        self.with(|room| room.record_at = Some(room.record_at.map_or(due, |at| at.min(due))));
        self.wake_at(due).await
    }

    /// Makes the alarm ring no later than `at`.
    pub(super) async fn wake_at(&self, at: Timestamp) -> worker::Result<()> {
        let earlier = self.with(|room| {
            let earlier = room.alarm.is_none_or(|set| at < set);
            if earlier {
                room.alarm = Some(at);
            }
            earlier
        });
        if earlier == Some(true) {
            self.state.storage().set_alarm(at.since(now()).max(0)).await
        } else {
            Ok(())
        }
    }

    /// Does what is due, and sets the alarm again even when some of it failed.
    pub(super) async fn wake(&self) -> worker::Result<()> {
        self.with(|room| room.alarm = None);
        self.sweep(now());
        self.end_silent().await?;
        self.tell_hubs(None).await;
        let recorded = self.record().await;
        self.award().await;
        self.keep()?;
        let next = self.with(|room| {
            room.attempts =
                if recorded && room.untold.is_empty() && !room.owes_points() { 0 } else { room.attempts + 1 };
            (room.next_wake(now()), room.session.status.is_final())
        });
        match next {
            Some((Some(at), _)) => self.wake_at(at).await,
            Some((None, true)) => self.vanish().await,
            _ => Ok(()),
        }
    }

    /// Lets those go who fell silent, and ends the session of a waiter who is in no queue.
    async fn end_silent(&self) -> worker::Result<()> {
        while let Some(Some(user)) = self.with(|room| room.silent(now())) {
            self.leave(user, EndReason::LeaseExpired).await?.ok();
        }
        let waiting = self.with(|room| {
            let host = room.session.host()?.user.id;
            let waits = room.session.status == Status::WaitingForPartner;
            waits.then(|| (host, room.session.region, room.session.id, room.sockets.contains_key(&host)))
        });
        let Some(Some((host, region, session, has_socket))) = waiting else { return Ok(()) };
        let ask = if has_socket { LobbyRequest::Touch { session } } else { LobbyRequest::Waits { session } };
        if let Ok(LobbyReply::Alive(false)) =
            rpc::call::<RegionLobby>(&self.env, &region.to_string(), &ask).await
        {
            self.leave(host, EndReason::LeaseExpired).await?.ok();
        }
        Ok(())
    }

    /// Writes status and new chat lines to MongoDB, in batches. True when nothing is owed any more.
    async fn record(&self) -> bool {
        while let Some(Some((session, lines, from, status))) = self.with(|room| {
            room.owes_record(now()).then(|| {
                let fresh: Vec<Line> =
                    room.lines.iter().skip(room.recorded_lines).take(BATCH).cloned().collect();
                (room.session.clone(), fresh, room.recorded_lines, room.status_seq)
            })
        }) {
            let total = from + lines.len();
            let Ok(store) = store(&self.env) else { return false };
            // Both parts only grow, and a chat has far fewer than 10,000 lines.
            let revision = status * 10_000 + u64::try_from(total).unwrap_or(0);
            if ::store::sessions::record(&store, &session, &lines, total, revision, now()).await.is_err() {
                return false;
            }
            self.with(|room| {
                room.recorded = room.recorded.max(status);
                room.recorded_lines = room.recorded_lines.max(total);
                if room.lines.len() == total {
                    room.record_at = None;
                }
            });
            if self.keep().is_err() {
                return false;
            }
        }
        true
    }

    /// Gives the participants their points, once the session began.
    async fn award(&self) {
        let Some(Some(session)) = self.with(|room| room.owes_points().then(|| room.session.clone())) else {
            return;
        };
        let told = join_all(session.entered().map(async |participant| {
            let event = LeaderboardRequest::Participated {
                student: participant.user.id,
                event: session.id.to_string(),
                at: session.created_at,
            };
            rpc::call::<Leaderboard>(&self.env, &participant.user.region.to_string(), &event).await.is_ok()
        }))
        .await;
        if told.iter().all(|told| *told) {
            self.with(|room| room.awarded = told.len());
        }
    }

    /// Nothing is owed and nobody comes any more.
    async fn vanish(&self) -> worker::Result<()> {
        self.state.storage().delete_all().await?;
        *self.room.borrow_mut() = Loaded::NotYet;
        Ok(())
    }
}
