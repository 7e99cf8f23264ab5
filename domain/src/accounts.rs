//! Accounts: roles, phone numbers, new passwords, referral codes (contract: accounts.yaml, authRegister).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::bcrypt::MAX_PASSWORD_BYTES;

/// What an account may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Learns; the only role that is ranked.
    Student,
    /// Teaches, and refers students with a code.
    Teacher,
    /// Runs the service.
    Admin,
}

impl Role {
    /// What an account is when its document does not say.
    #[must_use]
    pub const fn student() -> Self {
        Self::Student
    }

    /// Reads the stored form.
    #[must_use]
    pub fn from_text(text: &str) -> Option<Self> {
        [Self::Student, Self::Teacher, Self::Admin].into_iter().find(|role| role.as_str() == text)
    }

    /// The role as stored and sent.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Student => "student",
            Self::Teacher => "teacher",
            Self::Admin => "admin",
        }
    }
}

/// Cleans a phone number to its stored form: digits with an optional leading plus. `None` when it is not one.
///
/// Before clean-up the contract allows digits, `+`, `-`, round brackets and white space, 10 to 15 characters; after it
/// 10 to 15 digits must be left (x-defects of authRegister).
#[must_use]
pub fn clean_phone(text: &str) -> Option<String> {
    let text = text.trim();
    if !(10..=15).contains(&text.chars().count()) {
        return None;
    }
    let (plus, rest) = text.strip_prefix('+').map_or(("", text), |rest| ("+", rest));
    if !rest.chars().all(|c| c.is_ascii_digit() || "-()".contains(c) || c.is_whitespace()) {
        return None;
    }
    let digits: String = rest.chars().filter(char::is_ascii_digit).collect();
    (10..=15).contains(&digits.len()).then(|| format!("{plus}{digits}"))
}

/// Why a new password is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordRefusal {
    /// Fewer than 6 characters.
    TooShort,
    /// More than 72 bytes: bcrypt would ignore the rest, so two different passwords would open the account.
    TooLong,
}

/// Checks a new password. Existing passwords are never checked, so nobody is locked out.
pub fn check_new_password(password: &str) -> Result<(), PasswordRefusal> {
    if password.chars().count() < 6 {
        Err(PasswordRefusal::TooShort)
    } else if password.len() > MAX_PASSWORD_BYTES {
        Err(PasswordRefusal::TooLong)
    } else {
        Ok(())
    }
}

/// A teacher's referral code: six decimal digits, 100000 to 999999, from random bytes.
#[must_use]
pub fn teacher_code(random: [u8; 8]) -> String {
    // 900,000 divides 2^64 almost evenly: the bias is below 10^-13.
    (100_000 + u64::from_be_bytes(random) % 900_000).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phones_are_cleaned() {
        for (given, stored) in [
            ("9876543210", Some("9876543210")),
            ("+91 98765-4321", Some("+91987654321")),
            ("(98) 7654-3210", Some("9876543210")),
            ("(((((((((((", None),
            ("98765", None),
            ("98765432101234567", None),
            ("98765x3210", None),
            ("9876+543210", None),
        ] {
            assert_eq!(clean_phone(given).as_deref(), stored, "{given}");
        }
    }

    #[test]
    fn passwords_have_bounds_in_characters_and_bytes() {
        assert_eq!(check_new_password("12345"), Err(PasswordRefusal::TooShort));
        assert_eq!(check_new_password("नमस्ते१"), Ok(()));
        assert_eq!(check_new_password(&"x".repeat(72)), Ok(()));
        assert_eq!(check_new_password(&"x".repeat(73)), Err(PasswordRefusal::TooLong));
    }

    #[test]
    fn codes_have_six_digits() {
        for random in [[0; 8], [255; 8], [1, 2, 3, 4, 5, 6, 7, 8]] {
            let code = teacher_code(random);
            assert!(code.len() == 6 && !code.starts_with('0'), "{code}");
        }
    }
}
