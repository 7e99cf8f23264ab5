//! Document ids: 12 bytes, written as 24 lower-case hexadecimal digits.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use utoipa::ToSchema;

use crate::Timestamp;

/// A MongoDB document id. Written as text of 24 hexadecimal digits; read from that or from Extended JSON.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(as = ObjectId, value_type = String, pattern = "^[0-9a-f]{24}$")]
pub struct Id([u8; 12]);

/// The text is not 24 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedId;

impl Id {
    /// Builds an id as MongoDB drivers do: seconds since 1970, then eight random bytes.
    #[must_use]
    pub fn new(now: Timestamp, random: [u8; 8]) -> Self {
        let seconds = u32::try_from(now.millis() / 1000).unwrap_or(u32::MAX).to_be_bytes();
        let [s0, s1, s2, s3] = seconds;
        let [r0, r1, r2, r3, r4, r5, r6, r7] = random;
        Self([s0, s1, s2, s3, r0, r1, r2, r3, r4, r5, r6, r7])
    }

    /// The id as its 12 bytes.
    #[must_use]
    pub fn bytes(self) -> [u8; 12] {
        self.0
    }
}

impl From<[u8; 12]> for Id {
    fn from(bytes: [u8; 12]) -> Self {
        Self(bytes)
    }
}

impl FromStr for Id {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Self, MalformedId> {
        let digits = text.as_bytes();
        if digits.len() != 24 {
            return Err(MalformedId);
        }
        let mut bytes = [0; 12];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            let mut value = 0;
            for digit in pair {
                let nibble = char::from(*digit).to_digit(16).ok_or(MalformedId)?;
                value = value * 16 + nibble;
            }
            *byte = u8::try_from(value).map_err(|_| MalformedId)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for MalformedId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id has 24 hexadecimal digits")
    }
}

impl Serialize for Id {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form<'a> {
            Text(#[serde(borrow)] std::borrow::Cow<'a, str>),
            Extended {
                #[serde(rename = "$oid", borrow)]
                oid: std::borrow::Cow<'a, str>,
            },
        }
        let (Form::Text(text) | Form::Extended { oid: text }) = Form::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_form_round_trips_and_is_lower_case() {
        let id: Id = "507F1F77bcf86cd799439011".parse().unwrap();
        assert_eq!(id.to_string(), "507f1f77bcf86cd799439011");
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"507f1f77bcf86cd799439011\"");
        for form in [r#""507f1f77bcf86cd799439011""#, r#"{"$oid": "507f1f77bcf86cd799439011"}"#] {
            assert_eq!(serde_json::from_str::<Id>(form).unwrap(), id);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "507f1f77bcf86cd79943901",
            "507f1f77bcf86cd7994390111",
            "g07f1f77bcf86cd799439011",
            "é07f1f77bcf86cd79943901",
        ] {
            assert_eq!(text.parse::<Id>(), Err(MalformedId), "{text}");
        }
    }

    #[test]
    fn a_new_id_starts_with_its_time() {
        let id = Id::new(Timestamp::from_millis(1_700_000_000_000), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(id.to_string(), "6553f1000102030405060708");
    }
}
