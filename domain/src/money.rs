//! Money: whole paise inside, rupees on the wire (contract: x-wire-conventions.money).

/// Largest sum that is accepted, paise: a hundred million rupees.
const MOST: f64 = 1e10;

/// The paise of a sum in rupees, halves up. `None` for what is no sum: negative, not finite, or beyond all prices.
#[must_use]
pub fn paise(rupees: f64) -> Option<i64> {
    let paise = (rupees * 100.0).round();
    // The bound makes the conversion exact.
    #[expect(clippy::cast_possible_truncation)]
    (0.0..=MOST).contains(&paise).then_some(paise as i64)
}

/// `percent` of a sum in paise, halves up. Percentages have at most two decimals.
#[must_use]
pub fn share(paise: i64, percent: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation)]
    let hundredths = (percent.clamp(0.0, 100.0) * 100.0).round() as i64;
    (paise * hundredths + 5_000) / 10_000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rupees_become_paise() {
        for (rupees, expected) in [
            (499.0, Some(49_900)),
            (0.29, Some(29)),
            (1.005, Some(100)),
            (0.0, Some(0)),
            (-1.0, None),
            (f64::NAN, None),
            (1e12, None),
        ] {
            assert_eq!(paise(rupees), expected, "{rupees}");
        }
    }

    #[test]
    fn shares_round_to_whole_paise() {
        for (sum, percent, expected) in
            [(49_900, 25.0, 12_475), (100, 33.33, 33), (1, 50.0, 1), (1, 49.0, 0), (500, 120.0, 500)]
        {
            assert_eq!(share(sum, percent), expected, "{percent} % of {sum}");
        }
    }
}
