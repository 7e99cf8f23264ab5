//! Payments: a forward-only state machine (docs/operations/payments.md draws it), signatures, and how a subscription
//! moves with them.

use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use utoipa::ToSchema;

use crate::Timestamp;

/// Where a purchase stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Ordered; nothing was paid so far.
    Pending,
    /// Paid and credited.
    Completed,
    /// Given up after a failed payment.
    Failed,
    /// Paid back.
    Refunded,
    /// Called off.
    Cancelled,
}

/// What the provider tells of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// The money is there.
    Captured,
    /// A try failed; another one may follow.
    Failed,
    /// The whole amount went back.
    Refunded,
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Credit the purchase.
    Credit,
    /// Take the credit back.
    Reverse,
    /// Only the status changes.
    Mark(Status),
    /// Note the failure; the order stays open.
    Note,
    /// Nothing: it is known already, or came too late.
    Nothing,
}

/// The state machine. Events come in any order and more than once; money that went back never comes again, so a refund
/// that is told first is final.
#[must_use]
pub fn step(status: Status, event: Event) -> Step {
    match (status, event) {
        (Status::Pending | Status::Failed | Status::Cancelled, Event::Captured) => Step::Credit,
        (Status::Pending, Event::Failed) => Step::Note,
        (Status::Completed, Event::Refunded) => Step::Reverse,
        (Status::Pending | Status::Failed | Status::Cancelled, Event::Refunded) => {
            Step::Mark(Status::Refunded)
        }
        (Status::Refunded, _)
        | (Status::Completed, Event::Captured | Event::Failed)
        | (Status::Failed | Status::Cancelled, Event::Failed) => Step::Nothing,
    }
}

/// Whether `signature` is the hexadecimal HMAC-SHA-256 of `message`; compared in constant time.
#[must_use]
pub fn is_signed(secret: &str, message: &[u8], signature: &str) -> bool {
    let Some(signature) = from_hex(signature) else { return false };
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else { return false };
    mac.update(message);
    mac.verify_slice(&signature).is_ok()
}

/// What the provider's checkout signs.
#[must_use]
pub fn checkout_message(order: &str, payment: &str) -> String {
    format!("{order}|{payment}")
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    if digits.is_empty() || digits.len() % 2 == 1 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok()).collect()
}

/// The time that a purchase adds: from the end of what runs, or from now.
#[must_use]
pub fn period(
    runs_until: Option<Timestamp>,
    count: i64,
    unit: &str,
    now: Timestamp,
) -> Option<(Timestamp, Timestamp)> {
    let start = runs_until.filter(|until| *until > now).unwrap_or(now);
    crate::subscription::end(start, count, unit).map(|end| (start, end))
}

/// The expiry when the time of a purchase is taken out again; what was bought besides stays.
#[must_use]
pub fn without(expiry: Timestamp, start: Timestamp, end: Timestamp) -> Timestamp {
    expiry.plus(-end.since(start).max(0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn signatures() {
        let message = checkout_message("order_1", "pay_1");
        let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
        mac.update(message.as_bytes());
        let digest: [u8; 32] = mac.finalize().into_bytes().into();
        let halves = digest.split_at(16);
        let half = |bytes: &[u8]| u128::from_be_bytes(bytes.try_into().unwrap());
        let computed = format!("{:032x}{:032x}", half(halves.0), half(halves.1));
        assert!(is_signed("secret", message.as_bytes(), &computed));
        assert!(is_signed("secret", message.as_bytes(), &computed.to_uppercase()));
        for bad in ["", "zz", "abc", &computed[..62]] {
            assert!(!is_signed("secret", message.as_bytes(), bad), "{bad}");
        }
        assert!(!is_signed("other", message.as_bytes(), &computed));
        assert!(!is_signed("secret", b"order_2|pay_1", &computed));
    }

    #[test]
    fn a_purchase_extends_what_runs() {
        let at = |text| Timestamp::from_text(text).unwrap();
        let now = at("2026-01-31");
        let (start, end) = period(Some(at("2026-02-28")), 1, "months", now).unwrap();
        assert_eq!((start, end), (at("2026-02-28"), at("2026-03-28")));
        assert_eq!(period(Some(at("2026-01-01")), 1, "months", now), Some((now, at("2026-02-28"))));
        assert_eq!(without(end, start, end), start);
    }

    proptest! {
        /// Whatever the order of events and their repeats: credits are captures less refunds, and never two for one.
        #[test]
        fn the_books_agree(events in proptest::collection::vec(0u8..3, 0..30)) {
            let (mut status, mut credits) = (Status::Pending, 0i32);
            let (mut captured, mut refunded) = (false, false);
            for event in events {
                let event = match event {
                    0 => Event::Captured,
                    1 => Event::Failed,
                    _ => Event::Refunded,
                };
                captured |= event == Event::Captured;
                refunded |= event == Event::Refunded;
                match step(status, event) {
                    Step::Credit => { status = Status::Completed; credits += 1; }
                    Step::Reverse => { status = Status::Refunded; credits -= 1; }
                    Step::Mark(to) => status = to,
                    Step::Note | Step::Nothing => {}
                }
                prop_assert!((0..=1).contains(&credits));
                prop_assert_eq!(credits == 1, status == Status::Completed);
                prop_assert_eq!(status == Status::Refunded, refunded);
                prop_assert_eq!(status == Status::Completed, captured && !refunded);
            }
        }
    }
}
