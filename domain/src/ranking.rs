//! The rank engine of one region: points descending, then earlier registration, then id (x-scoring.leaderboard).
//!
//! An order-statistic set answers rank, page and insert in O(log n). A member costs about 60 bytes besides what the
//! owner keeps of him.

use std::{cmp::Reverse, collections::HashMap, fmt, str::FromStr};

use indexset::BTreeSet;

use crate::{Id, Timestamp};

/// What decides a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Points.
    pub points: u64,
    /// Registration.
    pub since: Timestamp,
}

/// A place in the order, as a page ends with it. Written `points.since.member`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// What decides it.
    pub standing: Standing,
    /// Who stands, or stood there.
    pub member: Id,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Standing { points, since } = self.standing;
        write!(f, "{points}.{}.{}", since.millis(), self.member)
    }
}

impl FromStr for Place {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        let mut next = || parts.next().ok_or(());
        let points = next()?.parse().map_err(|_| ())?;
        let since = Timestamp::from_millis(next()?.parse().map_err(|_| ())?);
        Ok(Self { standing: Standing { points, since }, member: next()?.parse().map_err(|_| ())? })
    }
}

type Key = (Reverse<u64>, Timestamp, Id);

/// All members in order.
#[derive(Default)]
pub struct Ranking {
    order: BTreeSet<Key>,
    standings: HashMap<Id, Standing>,
    points: u64,
}

impl Ranking {
    /// Puts a member at his place, or moves him there.
    pub fn set(&mut self, member: Id, standing: Standing) {
        if let Some(old) = self.standings.insert(member, standing) {
            self.order.remove(&key(member, old));
            self.points -= old.points;
        }
        self.points += standing.points;
        self.order.insert(key(member, standing));
    }

    /// Takes a member out; false when he was not in.
    pub fn remove(&mut self, member: Id) -> bool {
        match self.standings.remove(&member) {
            Some(old) => {
                self.points -= old.points;
                self.order.remove(&key(member, old))
            }
            None => false,
        }
    }

    /// What a member stands at.
    #[must_use]
    pub fn standing(&self, member: Id) -> Option<Standing> {
        self.standings.get(&member).copied()
    }

    /// The 1-based place of a member. No two share a place.
    #[must_use]
    pub fn rank(&self, member: Id) -> Option<usize> {
        let standing = self.standing(member)?;
        Some(self.order.rank(&key(member, standing)) + 1)
    }

    /// Up to `limit` members from 0-based position `offset`, best first, with their ranks.
    pub fn page(&self, offset: usize, limit: usize) -> impl Iterator<Item = (usize, Id, Standing)> {
        let end = offset.saturating_add(limit).min(self.len());
        (offset..end).filter_map(|at| {
            let (Reverse(points), since, id) = *self.order.get_index(at)?;
            Some((at + 1, id, Standing { points, since }))
        })
    }

    /// Up to `around` members before a member and after him, with himself; nothing when he is not in.
    pub fn around(&self, member: Id, around: usize) -> impl Iterator<Item = (usize, Id, Standing)> {
        let (offset, limit) = self.rank(member).map_or((0, 0), |rank| {
            let offset = (rank - 1).saturating_sub(around);
            (offset, rank + around - offset)
        });
        self.page(offset, limit)
    }

    /// Up to `limit` members who stand after this place, whether somebody stands at it or not: a page that goes on where
    /// another ended, whatever happened in between.
    pub fn after(&self, place: Place, limit: usize) -> impl Iterator<Item = (usize, Id, Standing)> {
        let key = key(place.member, place.standing);
        let offset = self.order.rank(&key) + usize::from(self.order.contains(&key));
        self.page(offset, limit)
    }

    /// Sum of all points.
    #[must_use]
    pub fn total_points(&self) -> u64 {
        self.points
    }

    /// Count of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.standings.len()
    }

    /// Nobody is ranked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.standings.is_empty()
    }
}

fn key(member: Id, standing: Standing) -> Key {
    (Reverse(standing.points), standing.since, member)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn standing(points: u64, since: i64) -> Standing {
        Standing { points, since: Timestamp::from_millis(since) }
    }

    #[test]
    fn ties_go_to_the_earlier_registration() {
        let mut ranking = Ranking::default();
        ranking.set(Id::from([1; 12]), standing(5, 200));
        ranking.set(Id::from([2; 12]), standing(5, 100));
        ranking.set(Id::from([3; 12]), standing(9, 300));
        let order: Vec<_> = ranking.page(0, 10).map(|(rank, id, _)| (rank, id.bytes()[0])).collect();
        assert_eq!(order, [(1, 3), (2, 2), (3, 1)]);
        assert_eq!(ranking.rank(Id::from([4; 12])), None);
    }

    proptest! {
        #[test]
        fn agrees_with_a_sort(steps in proptest::collection::vec((0u8..40, 0u64..6, 0i64..4, proptest::bool::weighted(0.2)), 0..200)) {
            let mut ranking = Ranking::default();
            let mut model: HashMap<Id, Standing> = HashMap::new();
            for (member, points, since, remove) in steps {
                let id = Id::from([member; 12]);
                if remove {
                    prop_assert_eq!(ranking.remove(id), model.remove(&id).is_some());
                } else {
                    ranking.set(id, standing(points, since));
                    model.insert(id, standing(points, since));
                }
            }
            let mut sorted: Vec<_> = model.into_iter().collect();
            sorted.sort_by_key(|(id, s)| (Reverse(s.points), s.since, *id));
            prop_assert_eq!(ranking.len(), sorted.len());
            prop_assert_eq!(ranking.total_points(), sorted.iter().map(|(_, s)| s.points).sum::<u64>());
            for (at, (id, s)) in sorted.iter().enumerate() {
                prop_assert_eq!(ranking.rank(*id), Some(at + 1));
                prop_assert_eq!(ranking.page(at, 1).next(), Some((at + 1, *id, *s)));
            }
            prop_assert_eq!(ranking.page(sorted.len(), 5).count(), 0);
            for (at, (id, s)) in sorted.iter().enumerate() {
                let ids: Vec<Id> = ranking.around(*id, 2).map(|(_, id, _)| id).collect();
                let from = at.saturating_sub(2);
                let expected: Vec<Id> = sorted[from..(at + 3).min(sorted.len())].iter().map(|(id, _)| *id).collect();
                prop_assert_eq!(ids, expected);
                let place: Place = Place { standing: *s, member: *id }.to_string().parse().unwrap();
                let next = ranking.after(place, 1).next().map(|(_, id, _)| id);
                prop_assert_eq!(next, sorted.get(at + 1).map(|(id, _)| *id));
                // The page goes on behind somebody who left.
                let gone = ranking.remove(*id);
                prop_assert_eq!(ranking.after(place, 1).next().map(|(_, id, _)| id), next);
                prop_assert!(gone);
                ranking.set(*id, *s);
            }
        }
    }
}
