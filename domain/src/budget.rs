//! Tokens that a learner may spend at the tutor in a day, by plan.

use std::str::FromStr;

use crate::subscription::Tier;

/// Characters of a token, roughly.
const CHARS: usize = 4;

/// Daily tokens by plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budgets {
    free: i64,
    basic: i64,
    premium: i64,
    pro: i64,
}

impl Default for Budgets {
    fn default() -> Self {
        Self { free: 50_000, basic: 100_000, premium: 200_000, pro: 400_000 }
    }
}

impl Budgets {
    /// The budget of a plan.
    #[must_use]
    pub fn of(self, tier: Tier) -> i64 {
        match tier {
            Tier::Free => self.free,
            Tier::Basic => self.basic,
            Tier::Premium => self.premium,
            Tier::Pro => self.pro,
        }
    }
}

impl FromStr for Budgets {
    type Err = ();

    /// Reads `free=1,basic=2,premium=3,pro=4`, in any order and with gaps, or one number for all. Empty text is the usual.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |text: &str| text.trim().parse::<i64>().ok().filter(|number| *number >= 0).ok_or(());
        let mut budgets = Self::default();
        if text.trim().is_empty() {
            return Ok(budgets);
        }
        if let Ok(all) = number(text) {
            return Ok(Self { free: all, basic: all, premium: all, pro: all });
        }
        for pair in text.split(',') {
            let (name, value) = pair.split_once('=').ok_or(())?;
            let value = number(value)?;
            match name.trim() {
                "free" => budgets.free = value,
                "basic" => budgets.basic = value,
                "premium" => budgets.premium = value,
                "pro" => budgets.pro = value,
                _ => return Err(()),
            }
        }
        Ok(budgets)
    }
}

/// Tokens that a question of so many characters and its answer may cost at most.
#[must_use]
pub fn estimate(chars: usize, max_answer: u32) -> i64 {
    i64::try_from(chars.div_ceil(CHARS)).unwrap_or(i64::MAX).saturating_add(max_answer.into())
}

/// What the tutor costs, dollars for a million tokens of questions and of answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Prices {
    prompt: f64,
    completion: f64,
}

impl Prices {
    /// Reads `0.5,1.5`.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        let (prompt, completion) = text.split_once(',')?;
        let price = |text: &str| text.trim().parse::<f64>().ok().filter(|price| (0.0..1e4).contains(price));
        Some(Self { prompt: price(prompt)?, completion: price(completion)? })
    }

    /// Dollars for so many tokens, to a hundredth of a cent.
    #[must_use]
    pub fn of(self, prompt_tokens: i64, completion_tokens: i64) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "far below 2^53")]
        let (prompt, completion) = (prompt_tokens as f64, completion_tokens as f64);
        ((prompt * self.prompt + completion * self.completion) / 100.0).round() / 10_000.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn budgets_are_read_by_plan() {
        let budgets: Budgets = "pro=9, free=1".parse().unwrap();
        assert_eq!((budgets.of(Tier::Free), budgets.of(Tier::Pro)), (1, 9));
        assert_eq!(budgets.of(Tier::Basic), Budgets::default().of(Tier::Basic));
        assert_eq!("7".parse::<Budgets>().unwrap().of(Tier::Premium), 7);
        assert_eq!("".parse(), Ok(Budgets::default()));
        for wrong in ["free", "free=x", "free=-1", "gold=1", "-1"] {
            assert_eq!(wrong.parse::<Budgets>(), Err(()), "{wrong}");
        }
    }

    #[test]
    fn estimates_and_prices() {
        assert_eq!(estimate(401, 600), 701);
        let prices = Prices::from_text("0.5, 1.5").unwrap();
        assert_eq!(prices.of(1_000_000, 1_000_000).to_string(), "2");
        assert_eq!(prices.of(1000, 100).to_string(), "0.0007");
        assert_eq!(Prices::from_text("free"), None);
    }
}
