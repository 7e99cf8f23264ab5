//! The paid gate (contract: x-middleware.featureGate, x-must-keep): one decision for every gated route.

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

#[cfg(test)]
mod tests {
    use super::*;

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
