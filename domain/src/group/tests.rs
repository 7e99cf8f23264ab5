use proptest::prelude::*;

use super::*;

fn person(n: u8) -> Sender {
    Sender { id: Id::from([n; 12]), name: format!("Learner {n}"), profile_picture: None }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds * 1000)
}

fn group(capacity: u16) -> Group {
    let about = About {
        title: "Food".into(),
        topic: "What we eat".into(),
        description: String::new(),
        level: "beginner".into(),
        capacity,
        is_private: false,
        join_code: "ABCD1234".into(),
        settings: GroupSettings::default(),
    };
    Group::open(Id::from([50; 12]), about, person(1), Id::from([60; 12]), at(0))
}

fn of(capacity: u16, members: u8) -> Group {
    let mut group = group(capacity);
    for n in 2..=members {
        group.join(person(n), Id::from([100 + n; 12]), at(1)).unwrap();
    }
    group
}

#[test]
fn codes_are_fair_and_whole() {
    assert_eq!(join_code(&[0, 9, 10, 35, 36, 251, 252, 255, 1, 2]), Some("09AZ0Z12".into()));
    assert_eq!(join_code(&[1, 2, 3]), None);
}

#[test]
fn the_table_of_minima() {
    for (capacity, minimum) in [(2, 2), (3, 3), (5, 3), (6, 4), (10, 4), (11, 5), (50, 5)] {
        assert_eq!(group(capacity).minimum(), minimum, "{capacity}");
    }
}

#[test]
fn only_who_is_present_counts_for_the_start() {
    let (mut group, host) = (of(5, 3), person(1).id);
    let away = |user: Id| user != person(3).id;
    assert_eq!(group.start(person(2).id, Discussion::Chat, |_| true, at(5)), Err(GroupRefusal::NotHost));
    assert_eq!(group.start(host, Discussion::Chat, away, at(5)), Err(GroupRefusal::TooFew(3)));
    group.start(host, Discussion::Voice, |_| true, at(5)).unwrap();
    assert_eq!(group.start(host, Discussion::Chat, |_| true, at(6)), Err(GroupRefusal::Started));
    assert_eq!(group.discussion.started_at, Some(at(5)));
    group.end(host, at(65)).unwrap();
    group.end(host, at(99)).unwrap();
    assert_eq!((group.discussion.ended_at, group.discussion.duration), (Some(at(65)), 60));
    assert_eq!(group.join(person(4), Id::from([9; 12]), at(70)), Err(GroupRefusal::Over));
}

#[test]
fn leases() {
    let mut waiting = of(5, 2);
    assert!(!waiting.expire(|_| Some(at(100)), at(1900)));
    assert!(waiting.expire(|_| Some(at(100)), at(1901)));
    assert_eq!(waiting.status, GroupStatus::Disbanded);
    let mut running = of(5, 3);
    running.start(person(1).id, Discussion::Chat, |_| true, at(10)).unwrap();
    let seen = |user: Id| Some(if user == person(1).id { at(10) } else { at(600) });
    assert!(!running.expire(seen, at(610)));
    assert!(running.expire(seen, at(611)));
    assert_eq!(running.status, GroupStatus::Completed);
    assert!(!running.expire(seen, at(9999)));
}

proptest! {
    #[test]
    fn whatever_happens_the_seats_hold_and_the_end_is_final(
        capacity in 2u16..6,
        steps in proptest::collection::vec((0u8..5, 1u8..9), 0..60),
    ) {
        let mut group = group(capacity);
        let mut end = None;
        for (n, (what, who)) in (1i64..).zip(steps) {
            let (user, now) = (person(who).id, at(n));
            let _ = match what {
                0 => group.join(person(who), Id::from([200; 12]), now),
                1 => group.leave(user, now).map(drop),
                2 => group.start(user, Discussion::Chat, |_| true, now),
                3 => group.end(user, now),
                _ => group.abandon(user, Seat { taken_at: now, group: Id::from([255; 12]) }, now),
            };
            prop_assert!(group.members.len() <= usize::from(capacity));
            let users: std::collections::BTreeSet<Id> = group.members.iter().map(|m| m.user.id).collect();
            prop_assert_eq!(users.len(), group.members.len());
            prop_assert_eq!(group.discussion.is_active, group.status == GroupStatus::Active);
            let ended = group.status.is_final().then(|| (group.status, group.discussion.clone(), users));
            if end.is_some() {
                prop_assert_eq!(&end, &ended, "what is over stays as it was");
            }
            end = ended;
        }
    }
}
