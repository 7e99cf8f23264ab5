//! The paid gate (contract: x-middleware.featureGate, x-must-keep): one decision for every gated route.

use chrono::{DateTime, Days, Months, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{Timestamp, accounts::Role};

/// What a plan opens, least first. Only an active subscription has one; a plan that does not say is a basic one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Opens what any paid plan opens.
    Free,
    /// The usual plan.
    #[default]
    Basic,
    /// More.
    Premium,
    /// Everything.
    Pro,
}

/// A feature, as far as the gate reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Feature {
    /// Switched on.
    pub is_active: bool,
    /// Needs a subscription.
    pub is_paid: bool,
    /// The least plan that opens it, when it is paid.
    pub required: Tier,
}

/// What somebody has, as far as the gate reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Admins and teachers pass every paid feature.
    pub role: Role,
    /// `studentInfo.planExpiryDate`: the only truth about a subscription.
    pub plan_expiry: Option<Timestamp>,
    /// Tier of the plan; basic when it is unknown.
    pub tier: Tier,
}

impl Holder {
    /// Whether his subscription runs: admins and teachers always, students until the expiry.
    #[must_use]
    pub fn is_subscribed(&self, now: Timestamp) -> bool {
        self.role != Role::Student || self.plan_expiry.is_some_and(|expiry| expiry > now)
    }
}

/// Why a feature is closed to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The feature does not exist or is switched off.
    Unavailable,
    /// A running subscription is needed.
    SubscriptionRequired,
    /// A larger plan is needed.
    UpgradeRequired,
}

/// Decides whether somebody may use a feature. `None`: there is no such feature.
pub fn gate(feature: Option<Feature>, holder: Holder, now: Timestamp) -> Result<(), Refusal> {
    let feature = feature.filter(|feature| feature.is_active).ok_or(Refusal::Unavailable)?;
    if !feature.is_paid || holder.role != Role::Student {
        Ok(())
    } else if !holder.is_subscribed(now) {
        Err(Refusal::SubscriptionRequired)
    } else if holder.tier < feature.required {
        Err(Refusal::UpgradeRequired)
    } else {
        Ok(())
    }
}

/// When a subscription that begins at `start` ends: days and weeks are days of 24 hours, months and years those of the
/// calendar, the last day of a month when there is no such day. `None` for an unknown unit.
#[must_use]
pub fn end(start: Timestamp, count: i64, unit: &str) -> Option<Timestamp> {
    let count = u32::try_from(count).ok()?;
    let begin = DateTime::<Utc>::from_timestamp_millis(start.millis())?;
    let end = match unit {
        "days" => begin.checked_add_days(Days::new(count.into())),
        "weeks" => begin.checked_add_days(Days::new(u64::from(count) * 7)),
        "months" | "" => begin.checked_add_months(Months::new(count)),
        "years" => begin.checked_add_months(Months::new(count.checked_mul(12)?)),
        _ => None,
    };
    end.map(|end| Timestamp::from_millis(end.timestamp_millis()))
}

/// The days of a length, for comparing plans: a month has 30, a year 365.
#[must_use]
pub fn days(count: f64, unit: &str) -> f64 {
    count
        * match unit {
            "days" => 1.0,
            "weeks" => 7.0,
            "years" => 365.0,
            _ => 30.0,
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
    fn lengths_are_those_of_the_calendar() {
        for (start, count, unit, end_iso) in [
            ("2026-01-31", 1, "months", "2026-02-28T00:00:00.000Z"),
            ("2028-02-29", 1, "years", "2029-02-28T00:00:00.000Z"),
            ("2026-12-15", 2, "months", "2027-02-15T00:00:00.000Z"),
            ("2026-03-01", 2, "weeks", "2026-03-15T00:00:00.000Z"),
            ("2026-03-01", 30, "days", "2026-03-31T00:00:00.000Z"),
        ] {
            let start = Timestamp::from_text(start).unwrap();
            assert_eq!(end(start, count, unit).map(Timestamp::to_iso).as_deref(), Some(end_iso));
        }
        assert_eq!(end(Timestamp::from_millis(0), 1, "moons"), None);
        for (count, unit, length) in [(2.0, "weeks", 14.0), (1.0, "months", 30.0), (1.0, "years", 365.0)] {
            assert!((days(count, unit) - length).abs() < f64::EPSILON, "{unit}");
        }
    }

    #[test]
    fn the_gate() {
        let now = Timestamp::from_millis(1000);
        let (before, after) = (Some(Timestamp::from_millis(1000)), Some(Timestamp::from_millis(1001)));
        let feature = |is_active, is_paid, required| Some(Feature { is_active, is_paid, required });
        let (free, paid, off) = (
            feature(true, false, Tier::Pro),
            feature(true, true, Tier::Free),
            feature(false, false, Tier::Free),
        );
        let premium = feature(true, true, Tier::Premium);
        for (feature, role, plan_expiry, tier, expected) in [
            (None, Role::Admin, after, Tier::Pro, Err(Refusal::Unavailable)),
            (off, Role::Admin, after, Tier::Pro, Err(Refusal::Unavailable)),
            (free, Role::Student, None, Tier::Basic, Ok(())),
            (paid, Role::Student, None, Tier::Basic, Err(Refusal::SubscriptionRequired)),
            (paid, Role::Student, before, Tier::Basic, Err(Refusal::SubscriptionRequired)),
            (paid, Role::Student, after, Tier::Basic, Ok(())),
            (paid, Role::Teacher, None, Tier::Basic, Ok(())),
            (premium, Role::Admin, None, Tier::Basic, Ok(())),
            (premium, Role::Student, after, Tier::Basic, Err(Refusal::UpgradeRequired)),
            (premium, Role::Student, after, Tier::Pro, Ok(())),
            (premium, Role::Student, before, Tier::Pro, Err(Refusal::SubscriptionRequired)),
        ] {
            let holder = Holder { role, plan_expiry, tier };
            assert_eq!(gate(feature, holder, now), expected, "{feature:?} {holder:?}");
        }
    }
}
