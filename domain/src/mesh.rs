//! Signaling of a group: one negotiation for each ordered pair (contract: x-signaling.websocket.negotiation, group mesh).
//!
//! A newer offer of a pair takes the place of the older one and of its answer. State is a fold over what was sent, in
//! order, so what is rebuilt after a restart is what was there before.

use serde::{Deserialize, Serialize};

use crate::{Id, Timestamp, signaling::MAX_CANDIDATES};

/// Most bytes of descriptions and candidates that one member keeps in a group: a member of a group of 50 needs less.
const MAX_BYTES_OF_MEMBER: usize = 1024 * 1024;

/// What one member sends to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Signal {
    /// An offer.
    Offer {
        /// Byte for byte as sent.
        sdp: String,
    },
    /// An answer.
    Answer {
        /// Byte for byte as sent.
        sdp: String,
    },
    /// A candidate.
    Candidate {
        /// Byte for byte as sent.
        text: String,
        /// Media stream id.
        sdp_mid: Option<String>,
        /// Media line.
        sdp_m_line_index: Option<u16>,
    },
}

impl Signal {
    fn bytes(&self) -> usize {
        match self {
            Self::Offer { sdp } | Self::Answer { sdp } => sdp.len(),
            Self::Candidate { text, .. } => text.len(),
        }
    }
}

/// A [`Signal`] on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    /// Its id.
    pub id: Id,
    /// Whose.
    pub from: Id,
    /// For whom.
    pub to: Id,
    /// When it came.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub signal: Signal,
}

impl Sent {
    fn is_offer(&self) -> bool {
        matches!(self.signal, Signal::Offer { .. })
    }

    fn is_answer(&self) -> bool {
        matches!(self.signal, Signal::Answer { .. })
    }
}

/// One member keeps more than a group needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooMuch;

/// Everything that is still true, in the order in which it came.
#[derive(Debug, Clone, Default)]
pub struct Mesh {
    sent: Vec<Sent>,
}

impl Mesh {
    /// Takes back what was kept of it, in order.
    #[must_use]
    pub fn of(sent: Vec<Sent>) -> Self {
        Self { sent }
    }

    /// Takes a signal in. Answers the ids of those that it makes void; `None` when it is a candidate that its pair has
    /// already.
    pub fn send(&mut self, new: Sent) -> Result<Option<Vec<Id>>, TooMuch> {
        let of_sender = self.sent.iter().filter(|kept| kept.from == new.from);
        let kept: usize = of_sender.map(|kept| kept.signal.bytes()).sum();
        if kept + new.signal.bytes() > MAX_BYTES_OF_MEMBER {
            return Err(TooMuch);
        }
        let same_way = |kept: &&Sent| kept.from == new.from && kept.to == new.to;
        let back = |kept: &&Sent| kept.from == new.to && kept.to == new.from;
        let void: Vec<Id> = match &new.signal {
            Signal::Offer { .. } => {
                let old = self.sent.iter().filter(same_way).filter(|kept| kept.is_offer());
                let answers = self.sent.iter().filter(back).filter(|kept| kept.is_answer());
                old.chain(answers).map(|kept| kept.id).collect()
            }
            Signal::Answer { .. } => self
                .sent
                .iter()
                .filter(same_way)
                .filter(|kept| kept.is_answer())
                .map(|kept| kept.id)
                .collect(),
            Signal::Candidate { .. } => {
                let mut candidates =
                    self.sent.iter().filter(same_way).filter(|kept| !kept.is_offer() && !kept.is_answer());
                if candidates.clone().any(|kept| kept.signal == new.signal) {
                    return Ok(None);
                }
                let surplus = candidates.clone().count() >= MAX_CANDIDATES;
                candidates.next().filter(|_| surplus).map(|oldest| oldest.id).into_iter().collect()
            }
        };
        self.sent.retain(|kept| !void.contains(&kept.id));
        self.sent.push(new);
        Ok(Some(void))
    }

    /// What is for a member, oldest first.
    pub fn for_member(&self, user: Id) -> impl DoubleEndedIterator<Item = &Sent> {
        self.sent.iter().filter(move |sent| sent.to == user)
    }

    /// Forgets what a member sent.
    pub fn clear(&mut self, user: Id) {
        self.sent.retain(|sent| sent.from != user);
    }

    /// A member is gone: nothing from him or for him is of use.
    pub fn leave(&mut self, user: Id) {
        self.sent.retain(|sent| sent.from != user && sent.to != user);
    }

    /// Forgets everything.
    pub fn end(&mut self) {
        self.sent.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> Id {
        Id::from([n; 12])
    }

    fn sent(n: u8, from: u8, to: u8, signal: Signal) -> Sent {
        Sent { id: id(n), from: id(from), to: id(to), at: Timestamp::from_millis(n.into()), signal }
    }

    fn offer(sdp: &str) -> Signal {
        Signal::Offer { sdp: sdp.into() }
    }

    fn answer(sdp: &str) -> Signal {
        Signal::Answer { sdp: sdp.into() }
    }

    fn candidate(text: &str) -> Signal {
        Signal::Candidate { text: text.into(), sdp_mid: None, sdp_m_line_index: None }
    }

    fn seen(mesh: &Mesh, user: u8) -> Vec<Signal> {
        mesh.for_member(id(user)).map(|sent| sent.signal.clone()).collect()
    }

    #[test]
    fn pairs_do_not_touch_each_other() {
        let mut mesh = Mesh::default();
        for (n, (from, to, signal)) in (1..).zip([
            (1, 2, offer("1 to 2")),
            (1, 3, offer("1 to 3")),
            (2, 1, answer("2 to 1")),
            (3, 1, answer("3 to 1")),
            (1, 2, candidate("a")),
            (1, 2, candidate("a")),
            (1, 2, offer("again")),
        ]) {
            mesh.send(sent(n, from, to, signal)).unwrap();
        }
        assert_eq!(seen(&mesh, 2), [candidate("a"), offer("again")]);
        assert_eq!(seen(&mesh, 3), [offer("1 to 3")]);
        assert_eq!(seen(&mesh, 1), [answer("3 to 1")], "the answer to the old offer is void");
        mesh.leave(id(3));
        assert_eq!(seen(&mesh, 1), []);
        mesh.clear(id(1));
        assert_eq!(seen(&mesh, 2), []);
    }

    #[test]
    fn candidates_and_bytes_are_bounded() {
        let mut mesh = Mesh::default();
        for n in 0..=u8::try_from(MAX_CANDIDATES).unwrap() {
            mesh.send(sent(n, 1, 2, candidate(&n.to_string()))).unwrap();
        }
        assert_eq!(seen(&mesh, 2).len(), MAX_CANDIDATES);
        assert_eq!(seen(&mesh, 2)[0], candidate("1"), "the oldest goes");
        let large = "x".repeat(64 * 1024);
        for to in 2..17_u8 {
            mesh.send(sent(200 + to, 1, to, offer(&large))).unwrap();
        }
        assert_eq!(mesh.send(sent(250, 1, 17, offer(&large))), Err(TooMuch));
        mesh.send(sent(251, 9, 17, offer(&large))).unwrap();
    }
}
