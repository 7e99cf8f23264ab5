//! Extended JSON: building filters and reading numbers.

use std::fmt;

use domain::{Id, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// An id in a filter or document.
#[must_use]
pub fn oid(id: Id) -> Value {
    json!({ "$oid": id })
}

/// A date in a filter or document.
#[must_use]
pub fn date(time: Timestamp) -> Value {
    json!({ "$date": { "$numberLong": time.millis().to_string() } })
}

/// A number as stored: whole or not, 32 or 64 bits. Sent on as a plain JSON number. What is no number reads as 0, since
/// documents of the old server are read as they are.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = f64)]
pub struct Num(serde_json::Number);

impl Num {
    /// Rounded to a whole number, halves up (contract: x-scoring.rounding).
    #[must_use]
    pub fn as_i64(&self) -> i64 {
        let rounded =
            || format!("{}", (self.0.as_f64().unwrap_or_default() + 0.5).floor()).parse().unwrap_or(0);
        self.0.as_i64().unwrap_or_else(rounded)
    }

    fn parse(text: &str) -> Self {
        let whole = text.parse::<i64>().ok().map(serde_json::Number::from);
        let number = whole.or_else(|| text.parse().ok().and_then(serde_json::Number::from_f64));
        Self(number.unwrap_or_else(|| 0.into()))
    }
}

impl Default for Num {
    fn default() -> Self {
        Self(0.into())
    }
}

impl From<i64> for Num {
    fn from(value: i64) -> Self {
        Self(value.into())
    }
}

impl<'de> Deserialize<'de> for Num {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Visitor)
    }
}

struct Visitor;

impl<'de> de::Visitor<'de> for Visitor {
    type Value = Num;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a number in Extended JSON")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Num, E> {
        Ok(Num(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Num, E> {
        Ok(Num(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Num, E> {
        Ok(serde_json::Number::from_f64(value).map_or_else(Num::default, Num))
    }

    fn visit_str<E>(self, text: &str) -> Result<Num, E> {
        Ok(Num::parse(text))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Num, E> {
        Ok(Num::default())
    }

    fn visit_unit<E>(self) -> Result<Num, E> {
        Ok(Num::default())
    }

    fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Num, A::Error> {
        let mut number = Num::default();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            if let (true, Some(text)) = (key.starts_with("$number"), value.as_str()) {
                number = Num::parse(text);
            }
        }
        Ok(number)
    }
}

/// Reads `null` as the default.
pub fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_kind_are_read() {
        for (given, sent) in [
            (json!(5), "5"),
            (json!({"$numberInt": "5"}), "5"),
            (json!({"$numberLong": "5000000000"}), "5000000000"),
            (json!({"$numberDouble": "2.5"}), "2.5"),
            (json!({"$numberDouble": "NaN"}), "0"),
            (json!(null), "0"),
            (json!("12"), "12"),
            (json!({"a": [1]}), "0"),
        ] {
            let number: Num = serde_json::from_value(given.clone()).unwrap();
            assert_eq!(serde_json::to_string(&number).unwrap(), sent, "{given}");
        }
        assert_eq!(serde_json::from_value::<Num>(json!(2.6)).unwrap().as_i64(), 3);
    }
}
