//! Extended JSON: building filters and reading numbers.

use std::fmt;

use domain::{Id, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::{Value, json};
use utoipa::ToSchema;

/// Longest fragment that is searched for, in characters.
const MAX_FRAGMENT: usize = 100;

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

/// The value as clients see it: without the wrappers of Extended JSON.
#[must_use]
pub fn plain(value: Value) -> Value {
    match value {
        Value::Object(object) if object.keys().next().is_some_and(|key| key.starts_with('$')) => {
            let value = Value::Object(object);
            if let Ok(id) = serde_json::from_value::<Id>(value.clone()) {
                json!(id)
            } else if let Ok(time) = serde_json::from_value::<Timestamp>(value.clone()) {
                json!(time)
            } else {
                json!(serde_json::from_value::<Num>(value).unwrap_or_default())
            }
        }
        Value::Object(object) => object.into_iter().map(|(key, value)| (key, plain(value))).collect(),
        Value::Array(items) => items.into_iter().map(plain).collect(),
        value => value,
    }
}

/// The document with this id, while its state is still `was_active`, if that is given. One without the field is active.
pub(crate) fn with_state(id: Id, was_active: Option<bool>) -> Value {
    match was_active {
        None => json!({ "_id": oid(id) }),
        Some(true) => json!({ "_id": oid(id), "isActive": { "$ne": false } }),
        Some(false) => json!({ "_id": oid(id), "isActive": false }),
    }
}

/// Sets the field at a dotted path of a document.
pub fn put(document: &mut Value, path: &str, value: Value) {
    let (head, rest) = path.split_once('.').map_or((path, None), |(head, rest)| (head, Some(rest)));
    let Value::Object(object) = document else { return };
    match rest {
        None => {
            object.insert(head.to_owned(), value);
        }
        Some(rest) => put(object.entry(head).or_insert_with(|| json!({})), rest, value),
    }
}

/// A filter that finds texts with this fragment in one of the fields, whatever the case. The fragment is taken
/// literally, and cut to a length that nobody types.
#[must_use]
pub fn containing(fragment: &str, fields: &[&str]) -> Value {
    let fragment: String = fragment.trim().chars().take(MAX_FRAGMENT).collect();
    let mut escaped = String::with_capacity(fragment.len() * 2);
    for c in fragment.chars() {
        if c.is_ascii_punctuation() {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    let one = |field: &&str| json!({ *field: { "$regex": escaped, "$options": "i" } });
    json!({ "$or": fields.iter().map(one).collect::<Vec<_>>() })
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

    /// The number as it is.
    #[must_use]
    pub fn as_f64(&self) -> f64 {
        self.0.as_f64().unwrap_or_default()
    }

    /// From a fraction; what is no number is 0.
    #[must_use]
    pub fn from_f64(value: f64) -> Self {
        Self::parse(&format!("{value}"))
    }

    /// A sum of money in rupees, from paise: whole where it is.
    #[must_use]
    pub fn rupees(paise: i64) -> Self {
        if paise % 100 == 0 {
            return (paise / 100).into();
        }
        Self::parse(&format!(
            "{}{}.{:02}",
            if paise < 0 { "-" } else { "" },
            (paise / 100).abs(),
            (paise % 100).abs()
        ))
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

/// What a flag is where a document does not say, when not saying means yes.
pub(crate) fn yes() -> bool {
    true
}

/// A flag; yes where it is null.
pub(crate) fn or_yes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or(true))
}

/// A pipeline's expression rounded to a whole number, halves up, as the contract does.
pub(crate) fn rounded(expression: &Value) -> Value {
    json!({ "$floor": { "$add": [expression, 0.5] } })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_taken_off() {
        let id = json!({ "$oid": "507f1f77bcf86cd799439011" });
        let date = json!({ "$date": { "$numberLong": "0" } });
        assert_eq!(
            plain(json!({ "a": [id, { "b": date }], "n": { "$numberInt": "5" }, "t": "x" })),
            json!({ "a": ["507f1f77bcf86cd799439011", { "b": "1970-01-01T00:00:00.000Z" }], "n": 5, "t": "x" })
        );
    }

    #[test]
    fn a_fragment_is_no_expression() {
        let filter = containing("a.*(", &["name"]);
        assert_eq!(filter, json!({ "$or": [{ "name": { "$regex": "a\\.\\*\\(", "$options": "i" } }] }));
    }

    #[test]
    fn money_is_whole_where_it_can_be() {
        for (paise, text) in [(49_900, "499"), (37_425, "374.25"), (5, "0.05"), (-150, "-1.5")] {
            assert_eq!(serde_json::to_string(&Num::rupees(paise)).unwrap(), text);
        }
    }

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
