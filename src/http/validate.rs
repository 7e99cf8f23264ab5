//! Checks of request bodies, with the error list that the contract has.

use serde_json::{Map, Value, json};

use super::error::{ApiError, FieldError};

/// Collects what is wrong with a body.
pub struct Checks<'a> {
    body: &'a Map<String, Value>,
    errors: Vec<FieldError>,
}

/// The value of a field, as it is read.
pub enum Field<'a> {
    /// Not in the body.
    Absent,
    /// Text.
    Text(&'a str),
    /// Something else: never accepted where text is expected, so no operator gets through.
    Other(&'a Value),
}

impl<'a> Checks<'a> {
    /// Starts with nothing wrong.
    pub fn new(body: &'a Map<String, Value>) -> Self {
        Self { body, errors: Vec::new() }
    }

    /// The raw field at a dotted path.
    pub fn field(&self, path: &str) -> Field<'a> {
        let (parents, name) =
            path.rsplit_once('.').map_or((None, path), |(parents, name)| (Some(parents), name));
        let body = parents.map_or(Some(self.body), |parents| {
            parents.split('.').try_fold(self.body, |body, key| body.get(key)?.as_object())
        });
        match body.and_then(|body| body.get(name)) {
            None => Field::Absent,
            Some(Value::String(text)) => Field::Text(text),
            Some(other) => Field::Other(other),
        }
    }

    /// A required text that `read` accepts after trimming.
    pub fn required<T>(&mut self, path: &str, msg: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        let value = match self.field(path) {
            Field::Text(text) => match read(text.trim()) {
                Some(value) => return Some(value),
                None => Some(json!(text.trim())),
            },
            Field::Absent => None,
            Field::Other(other) => Some(other.clone()),
        };
        self.complain(path, msg, value);
        None
    }

    /// An optional text that `read` accepts after trimming. Anything that is given must be right.
    pub fn optional<T>(&mut self, path: &str, msg: &str, read: impl FnOnce(&str) -> Option<T>) -> Option<T> {
        match self.field(path) {
            Field::Absent => None,
            Field::Text(_) | Field::Other(_) => self.required(path, msg, read),
        }
    }

    /// A password: never trimmed, and never sent back.
    pub fn secret(&mut self, path: &str, msg: &str, read: impl FnOnce(&str) -> bool) -> Option<&'a str> {
        match self.field(path) {
            Field::Text(text) if read(text) => Some(text),
            _ => {
                self.complain(path, msg, None);
                None
            }
        }
    }

    /// Notes that a field is wrong.
    pub fn complain(&mut self, path: &str, msg: &str, value: Option<Value>) {
        // An error must not become a way to send back what was too large to accept.
        let value = value.filter(|value| value.to_string().len() <= 512);
        self.errors.push(FieldError::new(path, msg, value));
    }

    /// As [`Self::complain`], with the value as it was given.
    pub fn complain_as_given(&mut self, path: &str, msg: &str) {
        let value = match self.field(path) {
            Field::Absent => None,
            Field::Text(text) => Some(json!(text.trim())),
            Field::Other(other) => Some(other.clone()),
        };
        self.complain(path, msg, value);
    }

    /// A field that holds other fields.
    pub fn object(&mut self, path: &str, msg: &str) {
        if !matches!(self.field(path), Field::Absent | Field::Other(Value::Object(_))) {
            self.complain_as_given(path, msg);
        }
    }

    /// All errors, if there are any.
    pub fn errors(self) -> Option<Vec<FieldError>> {
        (!self.errors.is_empty()).then_some(self.errors)
    }

    /// The checked values, or the errors.
    pub fn finish<T>(self, values: Option<T>) -> Result<T, ApiError> {
        match (values, self.errors()) {
            (Some(values), None) => Ok(values),
            (_, errors) => Err(ApiError::Validation(errors.unwrap_or_default())),
        }
    }
}
