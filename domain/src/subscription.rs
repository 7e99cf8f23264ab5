//! The paid gate (contract: x-middleware.featureGate, x-must-keep): one decision for every gated route.

use chrono::{DateTime, Days, Months, Utc};

use crate::{Timestamp, accounts::Role};

/// A feature document, as far as the gate reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// Switched on.
    pub is_active: bool,
    /// Needs a subscription.
    pub is_paid: bool,
}

/// Why a feature is closed to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The feature does not exist or is switched off.
    Unavailable,
    /// A running subscription is needed.
    SubscriptionRequired,
}

/// Whether a subscription runs: admins and teachers always, students until `planExpiryDate`, which is the only truth.
#[must_use]
pub fn is_running(role: Role, plan_expiry: Option<Timestamp>, now: Timestamp) -> bool {
    !matches!(role, Role::Student) || plan_expiry.is_some_and(|expiry| expiry > now)
}

/// Decides whether an account may use a feature. `None`: there is no such feature.
pub fn gate(
    feature: Option<&Feature>,
    role: Role,
    plan_expiry: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let feature = feature.filter(|feature| feature.is_active).ok_or(Refusal::Unavailable)?;
    if !feature.is_paid || is_running(role, plan_expiry, now) {
        Ok(())
    } else {
        Err(Refusal::SubscriptionRequired)
    }
}

/// When a subscription that ends at `expiry` began: its length back in the calendar. `None` for an unknown unit.
#[must_use]
pub fn start(expiry: Timestamp, count: i64, unit: &str) -> Option<Timestamp> {
    let count = u32::try_from(count).ok()?;
    let end = DateTime::<Utc>::from_timestamp_millis(expiry.millis())?;
    let begin = match unit {
        "days" => end.checked_sub_days(Days::new(count.into())),
        "weeks" => end.checked_sub_days(Days::new(u64::from(count) * 7)),
        "months" | "" => end.checked_sub_months(Months::new(count)),
        "years" => end.checked_sub_months(Months::new(count.checked_mul(12)?)),
        _ => None,
    };
    begin.map(|begin| Timestamp::from_millis(begin.timestamp_millis()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subscription_began_its_length_before_its_end() {
        let end = Timestamp::from_millis(1_774_915_200_000); // 2026-03-31
        for (count, unit, iso) in [
            (1, "months", "2026-02-28T00:00:00.000Z"),
            (2, "weeks", "2026-03-17T00:00:00.000Z"),
            (1, "years", "2025-03-31T00:00:00.000Z"),
            (10, "days", "2026-03-21T00:00:00.000Z"),
        ] {
            assert_eq!(start(end, count, unit).map(Timestamp::to_iso).as_deref(), Some(iso));
        }
        assert_eq!(start(end, 1, "moons"), None);
    }

    #[test]
    fn the_gate() {
        let now = Timestamp::from_millis(1000);
        let (before, after) = (Some(Timestamp::from_millis(1000)), Some(Timestamp::from_millis(1001)));
        let free = Feature { is_active: true, is_paid: false };
        let paid = Feature { is_active: true, is_paid: true };
        let off = Feature { is_active: false, is_paid: false };
        for (feature, role, expiry, expected) in [
            (None, Role::Admin, after, Err(Refusal::Unavailable)),
            (Some(&off), Role::Admin, after, Err(Refusal::Unavailable)),
            (Some(&free), Role::Student, None, Ok(())),
            (Some(&paid), Role::Student, None, Err(Refusal::SubscriptionRequired)),
            (Some(&paid), Role::Student, before, Err(Refusal::SubscriptionRequired)),
            (Some(&paid), Role::Student, after, Ok(())),
            (Some(&paid), Role::Teacher, None, Ok(())),
            (Some(&paid), Role::Admin, None, Ok(())),
        ] {
            assert_eq!(gate(feature, role, expiry, now), expected, "{feature:?} {role:?} {expiry:?}");
        }
    }
}
