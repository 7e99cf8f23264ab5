//! The hot state of a room.

use std::collections::BTreeMap;

use domain::{
    Id, Timestamp,
    chat::Line,
    session::{Session, Status, VideoRequest},
    signaling::{Event, Frame, NegotiationRole, Signaling, Transport, role},
};

/// A room stays this long after the end, for polls that come late, ms.
const LINGER_MS: i64 = 600_000;
/// Sockets are looked after this often, ms.
const SWEEP_MS: i64 = 10_000;
/// Voice and loudness of a user are passed on this often at most (x-signaling.websocket.frames), ms.
const VOICE_MS: i64 = 250;
/// A waiting room makes sure that it is in the queue this often, ms.
const WAITING_CHECK_MS: i64 = 60_000;

/// A session with everything that happens in it.
pub(super) struct Room {
    pub session: Session,
    pub signaling: Signaling,
    pub lines: Vec<Line>,
    /// The newest request for pictures.
    pub video: Option<VideoRequest>,
    /// When voice and loudness were last passed on, by user.
    voiced: BTreeMap<Id, Timestamp>,
    /// Number of the newest frame.
    pub seq: u64,
    /// Number of the newest change of status.
    pub status_seq: u64,
    /// Number of the newest change of status that is in the record.
    pub recorded: u64,
    /// Count of chat lines that are in the record.
    pub recorded_lines: usize,
    /// An administrator removed the session: nothing is recorded of it any more.
    pub discarded: bool,
    /// How many participants got their points.
    pub awarded: usize,
    /// Last poll by user.
    pub seen: BTreeMap<Id, Timestamp>,
    /// Last poll by user that is in the database.
    pub noted: BTreeMap<Id, Timestamp>,
    /// Users with an open socket.
    pub sockets: BTreeMap<Id, Meter>,
    /// Users whose hubs have not heard of the newest status.
    pub untold: Vec<Id>,
    /// When the alarm will ring.
    pub alarm: Option<Timestamp>,
    /// When chat lines that are not in the record must be.
    pub record_at: Option<Timestamp>,
    /// Failed attempts to record in a row.
    pub attempts: u32,
}

/// Counts the frames of one socket.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Meter {
    spent: u32,
    since: i64,
    /// Last frame.
    pub active: i64,
}

impl Meter {
    /// Frames a socket may send per second for long, and at once.
    const RATE: i64 = 30;
    const BURST: u32 = 90;

    /// Counts a frame; false when the socket is flooding.
    pub fn allow(&mut self, now: Timestamp) -> bool {
        self.active = now.millis();
        let earned = (now.millis() - self.since) * Self::RATE / 1000;
        if earned > 0 {
            self.spent = self.spent.saturating_sub(u32::try_from(earned).unwrap_or(u32::MAX));
            self.since = now.millis();
        }
        self.spent += 1;
        self.spent <= Self::BURST
    }
}

impl Room {
    pub fn new(session: Session, now: Timestamp) -> Self {
        let seen = session.participants.iter().map(|participant| (participant.user.id, now)).collect();
        Self {
            session,
            signaling: Signaling::default(),
            lines: Vec::new(),
            video: None,
            voiced: BTreeMap::new(),
            seq: 0,
            status_seq: 0,
            recorded: 0,
            recorded_lines: 0,
            discarded: false,
            awarded: 0,
            seen,
            noted: BTreeMap::new(),
            sockets: BTreeMap::new(),
            untold: Vec::new(),
            alarm: None,
            record_at: None,
            attempts: 0,
        }
    }

    /// Takes a logged frame in.
    pub fn apply(&mut self, frame: &Frame) {
        self.seq = self.seq.max(frame.seq);
        self.signaling.apply(frame);
        match &frame.event {
            Event::Chat(line) => self.lines.push(line.clone()),
            Event::Status { .. } => self.status_seq = frame.seq,
            Event::VideoRequest(request) | Event::VideoAnswer(request) => self.video = Some(request.clone()),
            _ => {}
        }
    }

    /// Notes a poll. True when the user was not here before.
    pub fn polled(&mut self, user: Id, now: Timestamp) -> bool {
        self.seen.insert(user, now).is_none() && !self.sockets.contains_key(&user)
    }

    /// Notes that voice and loudness of a user are passed on; false when that was a moment ago.
    pub fn may_relay_voice(&mut self, user: Id, now: Timestamp) -> bool {
        let due = self.voiced.get(&user).is_none_or(|at| now.since(*at) >= VOICE_MS);
        if due {
            self.voiced.insert(user, now);
        }
        due
    }

    /// How a participant reaches the room, if he does at all.
    pub fn transport(&self, user: Id) -> Option<Transport> {
        if self.sockets.contains_key(&user) {
            Some(Transport::Socket)
        } else {
            self.seen.contains_key(&user).then_some(Transport::Polling)
        }
    }

    /// Who a socket client is in the negotiation; unknown while the other side is not here.
    pub fn role_of(&self, user: Id) -> Option<NegotiationRole> {
        let peer = self.session.partner_of(user)?.user.id;
        let is_host = self.session.host().is_some_and(|host| host.user.id == user);
        self.transport(peer).map(|transport| role(is_host, transport))
    }

    /// A participant of an active session who was silent for longer than his lease; the host of a call that nobody
    /// joined in time.
    pub fn silent(&self, now: Timestamp) -> Option<Id> {
        if self.session.joins_until().is_some_and(|until| until < now) {
            return self.session.host().map(|host| host.user.id);
        }
        let lease = self.session.session_type.lease_ms();
        let silent = self.inside().find(|user| {
            !self.sockets.contains_key(user)
                && self.seen.get(user).is_none_or(|seen| now.since(*seen) > lease)
        });
        silent.filter(|_| self.session.status == Status::Active)
    }

    /// Everybody who has not left.
    fn inside(&self) -> impl Iterator<Item = Id> {
        self.session.participants.iter().filter(|entry| entry.is_active()).map(|entry| entry.user.id)
    }

    /// The record lacks a change of status, or lines whose time has come.
    pub fn owes_record(&self, now: Timestamp) -> bool {
        if self.discarded {
            return false;
        }
        self.status_seq > self.recorded
            || (self.lines.len() > self.recorded_lines && self.record_at.is_none_or(|due| due <= now))
    }

    /// The participants have not got their points.
    pub fn owes_points(&self) -> bool {
        self.session.gives_points() && self.awarded < self.session.entered().count()
    }

    /// When there is something to do next; `None` when there never will be.
    pub fn next_wake(&self, now: Timestamp) -> Option<Timestamp> {
        let owes = self.owes_record(now) || !self.untold.is_empty() || self.owes_points();
        let retry = owes.then(|| now.plus(1000 << self.attempts.min(5)));
        let record = self.record_at.filter(|due| *due > now && self.lines.len() > self.recorded_lines);
        let sweep = (!self.sockets.is_empty()).then(|| now.plus(SWEEP_MS));
        let waiting = (self.session.status == Status::WaitingForPartner).then(|| now.plus(WAITING_CHECK_MS));
        let gone = self.session.ended_at.map(|end| end.plus(LINGER_MS)).filter(|end| *end > now);
        [retry, record, sweep, waiting, gone, self.lease_end()].into_iter().flatten().min()
    }

    /// When the first lease can run out.
    fn lease_end(&self) -> Option<Timestamp> {
        let lease = self.session.session_type.lease_ms();
        match self.session.status {
            Status::Scheduled => self.session.joins_until().map(|until| until.plus(1)),
            Status::Active => {
                // Sockets are looked after by the sweep.
                let polls = self.inside().filter(|user| !self.sockets.contains_key(user));
                let first = polls.filter_map(|user| self.seen.get(&user)).min()?;
                Some(first.plus(lease + 1))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_allows_bursts_but_no_flood() {
        let mut meter = Meter::default();
        let at = |millis| Timestamp::from_millis(1_000_000 + millis);
        assert_eq!((0..200).filter(|_| meter.allow(at(0))).count(), 90);
        let mut meter = Meter::default();
        assert!((0..1000).all(|n| meter.allow(at(n * 40))), "25 frames a second for 40 s");
    }
}
