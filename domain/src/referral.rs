//! Referral codes: when one may be used, and what it takes off (contract: referralsValidate, x-collections.referrals).

use crate::{Timestamp, money};

/// What a code grants.
#[derive(Debug, Clone, PartialEq)]
pub struct Terms {
    /// Percent off.
    pub percentage: f64,
    /// Most off.
    pub maximum_paise: i64,
    /// Least price.
    pub minimum_paise: i64,
    /// Paid uses so far.
    pub uses: i64,
    /// Most uses; negative means no limit.
    pub max_uses: i64,
    /// From when it may be used.
    pub valid_from: Timestamp,
    /// Until when.
    pub valid_until: Option<Timestamp>,
}

/// Why a code is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Not valid yet.
    Early,
    /// No longer valid.
    Expired,
    /// Used as often as it may be.
    UsedUp,
    /// The price is below its minimum.
    BelowMinimum,
}

/// A price with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Off.
    pub discount_paise: i64,
    /// Left to pay.
    pub final_paise: i64,
}

impl Terms {
    /// The terms of a teacher's own code: 25 %, at most 1,000 rupees.
    #[must_use]
    pub fn of_teacher() -> Self {
        Self {
            percentage: 25.0,
            maximum_paise: 100_000,
            minimum_paise: 0,
            uses: 0,
            max_uses: -1,
            valid_from: Timestamp::from_millis(0),
            valid_until: None,
        }
    }

    /// Whether the code may be used at this time.
    pub fn check(&self, now: Timestamp) -> Result<(), Refusal> {
        if now < self.valid_from {
            Err(Refusal::Early)
        } else if self.valid_until.is_some_and(|until| until < now) {
            Err(Refusal::Expired)
        } else if self.max_uses >= 0 && self.uses >= self.max_uses {
            Err(Refusal::UsedUp)
        } else {
            Ok(())
        }
    }

    /// What is left of a price.
    pub fn apply(&self, price_paise: i64) -> Result<Price, Refusal> {
        if price_paise < self.minimum_paise {
            return Err(Refusal::BelowMinimum);
        }
        let discount_paise =
            money::share(price_paise, self.percentage).min(self.maximum_paise).clamp(0, price_paise);
        Ok(Price { discount_paise, final_paise: price_paise - discount_paise })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_time_and_a_number_of_uses() {
        let at = Timestamp::from_millis;
        let terms =
            Terms { valid_from: at(10), valid_until: Some(at(20)), max_uses: 2, ..Terms::of_teacher() };
        for (now, uses, expected) in [
            (9, 0, Err(Refusal::Early)),
            (10, 0, Ok(())),
            (20, 1, Ok(())),
            (21, 0, Err(Refusal::Expired)),
            (15, 2, Err(Refusal::UsedUp)),
        ] {
            assert_eq!(Terms { uses, ..terms.clone() }.check(at(now)), expected, "at {now} after {uses}");
        }
        assert_eq!(Terms { uses: 1000, max_uses: -1, ..terms }.check(at(15)), Ok(()));
    }

    #[test]
    fn discounts_have_a_most_and_a_least() {
        let terms = Terms { minimum_paise: 10_000, ..Terms::of_teacher() };
        for (price, expected) in [
            (49_900, Ok(Price { discount_paise: 12_475, final_paise: 37_425 })),
            (1_000_000, Ok(Price { discount_paise: 100_000, final_paise: 900_000 })),
            (9_999, Err(Refusal::BelowMinimum)),
        ] {
            assert_eq!(terms.apply(price), expected, "{price}");
        }
        let all = Terms { percentage: 100.0, maximum_paise: i64::MAX, ..Terms::of_teacher() };
        assert_eq!(all.apply(500), Ok(Price { discount_paise: 500, final_paise: 0 }));
    }
}
