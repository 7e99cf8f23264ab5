//! Bodies in and out. In: Extended JSON, canonical or relaxed (plain JSON is part of it). Out, by `Accept`: canonical
//! Extended JSON, or plain JSON that loses the types.

use bson::{Bson, Document};
use serde_json::{Map, Value, json};

use crate::error::ApiError;

/// How an answer is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// `application/ejson`.
    Canonical,
    /// `application/json`.
    Plain,
}

impl Format {
    /// Reads an `Accept` header; anything but EJSON is answered in plain JSON.
    pub fn from_accept(accept: Option<&str>) -> Self {
        if accept.is_some_and(|accept| accept.contains("application/ejson")) {
            Self::Canonical
        } else {
            Self::Plain
        }
    }

    /// The content type of answers.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Canonical => "application/ejson",
            Self::Plain => "application/json",
        }
    }

    /// Writes a value.
    pub fn write(self, value: Bson) -> Value {
        match self {
            Self::Canonical => value.into_canonical_extjson(),
            Self::Plain => plain(value),
        }
    }
}

/// Reads Extended JSON.
pub fn read(value: Value) -> Result<Bson, ApiError> {
    Bson::try_from(value).map_err(|error| ApiError::InvalidParameter(format!("not Extended JSON: {error}")))
}

/// Reads an Extended JSON object.
pub fn read_document(name: &str, value: Value) -> Result<Document, ApiError> {
    match read(value)? {
        Bson::Document(document) => Ok(document),
        _ => Err(ApiError::InvalidParameter(format!("{name} must be an object"))),
    }
}

fn plain(value: Bson) -> Value {
    match value {
        Bson::Double(number) => serde_json::Number::from_f64(number).map_or(Value::Null, Value::Number),
        Bson::Int32(number) => json!(number),
        Bson::Int64(number) => json!(number),
        Bson::String(text) | Bson::Symbol(text) | Bson::JavaScriptCode(text) => Value::String(text),
        Bson::Boolean(truth) => Value::Bool(truth),
        Bson::Null | Bson::Undefined | Bson::DbPointer(_) => Value::Null,
        Bson::Array(items) => Value::Array(items.into_iter().map(plain).collect()),
        Bson::Document(document) => plain_document(document),
        Bson::ObjectId(id) => Value::String(id.to_hex()),
        Bson::Decimal128(number) => Value::String(number.to_string()),
        Bson::DateTime(time) => {
            Value::String(domain::Timestamp::from_millis(time.timestamp_millis()).to_iso())
        }
        // Canonical form is {"$binary": {"base64", "subType"}}; plain is {"Subtype", "Data"}.
        Bson::Binary(binary) => {
            let subtype = u8::from(binary.subtype);
            let canonical = Bson::Binary(binary).into_canonical_extjson();
            let data = canonical.pointer("/$binary/base64").cloned().unwrap_or(Value::Null);
            json!({ "Subtype": subtype, "Data": data })
        }
        Bson::RegularExpression(regex) => {
            json!({ "Pattern": regex.pattern.to_string(), "Options": regex.options.to_string() })
        }
        Bson::Timestamp(time) => json!({ "T": time.time, "I": time.increment }),
        Bson::MinKey | Bson::MaxKey => json!({}),
        Bson::JavaScriptCodeWithScope(code) => Value::String(code.code),
    }
}

fn plain_document(document: Document) -> Value {
    Value::Object(document.into_iter().map(|(key, value)| (key, plain(value))).collect::<Map<_, _>>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_extended_json_are_read() {
        for (given, expected) in [
            (json!({"a": 1}), bson::doc! {"a": 1_i32}),
            (json!({"a": {"$numberInt": "1"}}), bson::doc! {"a": 1_i32}),
            (json!({"a": 5_000_000_000_i64}), bson::doc! {"a": 5_000_000_000_i64}),
            (json!({"a": {"$numberDouble": "1"}}), bson::doc! {"a": 1.0}),
            (
                json!({"a": {"$date": "1970-01-01T00:00:01Z"}}),
                bson::doc! {"a": bson::DateTime::from_millis(1000)},
            ),
        ] {
            assert_eq!(read_document("x", given).unwrap(), expected);
        }
        assert!(read(json!({"$oid": "nonsense"})).is_err());
    }

    #[test]
    fn plain_json_loses_types_as_documented() {
        let id = bson::oid::ObjectId::parse_str("507f1f77bcf86cd799439011").unwrap();
        let document = bson::doc! {
            "id": id,
            "date": bson::DateTime::from_millis(1007),
            "decimal": "1.50".parse::<bson::Decimal128>().unwrap(),
            "binary": bson::Binary { subtype: bson::spec::BinarySubtype::Generic, bytes: vec![1, 2] },
            "time": bson::Timestamp { time: 5, increment: 1 },
            "least": Bson::MinKey,
        };
        assert_eq!(
            Format::Plain.write(document.into()),
            json!({"id": "507f1f77bcf86cd799439011", "date": "1970-01-01T00:00:01.007Z", "decimal": "1.50",
                "binary": {"Subtype": 0, "Data": "AQI="}, "time": {"T": 5, "I": 1}, "least": {}})
        );
    }

    #[test]
    fn key_order_survives() {
        let sort =
            read_document("sort", serde_json::from_str(r#"{"z": 1, "a": -1, "m": 1}"#).unwrap()).unwrap();
        assert_eq!(sort.keys().collect::<Vec<_>>(), ["z", "a", "m"]);
    }
}
