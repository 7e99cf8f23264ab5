//! Reads the fields of a body that become fields of a document: one line a field, for creating and changing alike.

use std::ops::RangeInclusive;

use domain::{
    Id, Timestamp,
    accounts::{check_new_password, clean_phone},
    email,
};
use serde_json::{Map, Number, Value, json};
use store::ejson::{date, oid};

use super::{
    error::ApiResult,
    validate::{Checks, Field},
};

/// Most entries of a list of texts.
const MAX_LIST: usize = 50;
/// Longest entry of a list of texts.
const MAX_ENTRY_CHARS: usize = 200;

/// The checked fields of a body by dotted path, as Extended JSON. Fields that are not in the body are left out; what is
/// there must be right, `null` too.
pub struct Form<'a> {
    checks: Checks<'a>,
    fields: Map<String, Value>,
}

impl<'a> Form<'a> {
    /// Nothing read yet.
    pub fn new(body: &'a Map<String, Value>) -> Self {
        Self { checks: Checks::new(body), fields: Map::new() }
    }

    /// These fields must be there.
    pub fn needs(mut self, paths: &[&str]) -> Self {
        for path in paths {
            if matches!(self.checks.field(path), Field::Absent) {
                self.checks.complain(path, &format!("{} is required", label(path)), None);
            }
        }
        self
    }

    /// These fields must not be there.
    pub fn without(mut self, path: &str) -> Self {
        if !matches!(self.checks.field(path), Field::Absent) {
            self.checks.complain(path, &format!("{} cannot be changed", label(path)), None);
        }
        self
    }

    /// A field that holds other fields.
    pub fn object(mut self, path: &str) -> Self {
        self.checks.object(path, &format!("{} must be an object", label(path)));
        self
    }

    /// A text of so many characters after trimming.
    pub fn text(self, path: &str, chars: RangeInclusive<usize>) -> Self {
        let msg = match (chars.start(), chars.end()) {
            (0, most) => format!("{} must have at most {most} characters", label(path)),
            (least, most) => format!("{} must have {least} to {most} characters", label(path)),
        };
        self.read(path, &msg, |text| chars.contains(&text.chars().count()).then(|| json!(text)))
    }

    /// As [`Self::text`], but measured before trimming.
    pub fn text_as_typed(mut self, path: &str, chars: RangeInclusive<usize>) -> Self {
        let typed = match self.checks.field(path) {
            Field::Text(text) => text.chars().count(),
            Field::Absent | Field::Other(_) => return self.text(path, chars),
        };
        if chars.contains(&typed) {
            self.read(path, "", |text| Some(json!(text)))
        } else {
            let msg = format!("{} must have {} to {} characters", label(path), chars.start(), chars.end());
            self.checks.complain_as_given(path, &msg);
            self
        }
    }

    /// As [`Self::text`], in upper case.
    pub fn code(self, path: &str, chars: RangeInclusive<usize>) -> Self {
        self.text(path, chars).map(path, |value| json!(value.as_str().unwrap_or_default().to_uppercase()))
    }

    /// One of these words.
    pub fn choice(self, path: &str, words: &[&str]) -> Self {
        let msg = format!("{} must be one of {}", label(path), words.join(", "));
        self.read(path, &msg, |text| words.contains(&text).then(|| json!(text)))
    }

    /// One of these words, or nothing.
    pub fn choice_or_blank(self, path: &str, words: &[&str]) -> Self {
        let msg = format!("{} must be one of {}", label(path), words.join(", "));
        let mut form =
            self.read(path, &msg, |text| (text.is_empty() || words.contains(&text)).then(|| json!(text)));
        if form.fields.get(path) == Some(&json!("")) {
            form.fields.remove(path);
        }
        form
    }

    /// A text, or a number or truth value as text; untrimmed, since it is compared exactly.
    pub fn scalar_text(mut self, path: &str, most: usize) -> Self {
        let text = match self.checks.field(path) {
            Field::Absent => return self,
            Field::Text(text) => Some(text.to_owned()),
            Field::Other(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            Field::Other(_) => None,
        };
        match text.filter(|text| text.chars().count() <= most) {
            Some(text) => {
                self.fields.insert(path.to_owned(), json!(text));
            }
            None => self.checks.complain_as_given(path, &format!("{} must be a text", label(path))),
        }
        self
    }

    /// An e-mail address, folded.
    pub fn email(self, path: &str) -> Self {
        self.read(path, "Please enter a valid email address", |text| email::fold(text).map(Value::from))
    }

    /// A phone number, cleaned.
    pub fn phone(self, path: &str) -> Self {
        let msg = "Please enter a valid phone number of 10 to 15 digits";
        self.read(path, msg, |text| clean_phone(text).map(Value::from))
    }

    /// A new password: checked, but left where it is, so that nothing that is written or logged holds it.
    pub fn password(mut self, path: &str) -> Self {
        let msg = "Password must have at least 6 characters and at most 72 bytes";
        self.checks.secret(path, msg, |text| check_new_password(text).is_ok());
        self
    }

    /// The id of a document.
    pub fn id(self, path: &str) -> Self {
        let msg = format!("{} must be an id of 24 hexadecimal digits", label(path));
        self.read(path, &msg, |text| text.parse::<Id>().ok().map(oid))
    }

    /// A list of ids of documents, as text.
    pub fn ids(mut self, path: &str, many: RangeInclusive<usize>) -> Self {
        let msg = format!("{} must be a list of {} to {} ids", label(path), many.start(), many.end());
        match self.checks.field(path) {
            Field::Absent => {}
            Field::Other(Value::Array(items)) if many.contains(&items.len()) => {
                let id = |item: &Value| item.as_str()?.parse::<Id>().ok();
                match items.iter().map(id).collect::<Option<Vec<_>>>() {
                    Some(ids) => {
                        self.fields.insert(path.to_owned(), json!(ids));
                    }
                    None => self.checks.complain(path, &msg, None),
                }
            }
            Field::Text(_) | Field::Other(_) => self.checks.complain(path, &msg, None),
        }
        self
    }

    /// A time in ISO 8601.
    pub fn time(self, path: &str) -> Self {
        let msg = format!("{} must be a date", label(path));
        self.read(path, &msg, |text| Timestamp::from_text(text).map(date))
    }

    /// True or false, as such or as text.
    pub fn boolean(self, path: &str) -> Self {
        let msg = format!("{} must be true or false", label(path));
        self.scalar(path, &msg, |text| match text {
            "true" | "1" => Some(json!(true)),
            "false" | "0" => Some(json!(false)),
            _ => None,
        })
    }

    /// A whole number in this range, as such or as text.
    pub fn integer(self, path: &str, range: RangeInclusive<i64>) -> Self {
        let msg = format!("{} must be a whole number from {} to {}", label(path), range.start(), range.end());
        self.scalar(path, &msg, |text| {
            let number = text.parse::<i64>().ok().or_else(|| text.strip_suffix(".0")?.parse().ok());
            number.filter(|number| range.contains(number)).map(Value::from)
        })
    }

    /// A whole number from 1, or -1 for no limit.
    pub fn count_or_unlimited(self, path: &str) -> Self {
        let msg = format!("{} must be at least 1, or -1 for no limit", label(path));
        self.scalar(path, &msg, |text| {
            let count =
                text.parse::<i64>().ok().filter(|count| *count == -1 || (1..=1_000_000_000).contains(count));
            count.map(Value::from)
        })
    }

    /// A number in this range, as such or as text.
    pub fn number(self, path: &str, range: RangeInclusive<f64>) -> Self {
        let msg = format!("{} must be a number from {} to {}", label(path), range.start(), range.end());
        self.scalar(path, &msg, |text| {
            let whole = text.parse::<i64>().ok().map(Number::from);
            let number = text.parse::<f64>().ok().filter(|number| range.contains(number))?;
            whole.or_else(|| Number::from_f64(number)).map(Value::Number)
        })
    }

    /// A list of short texts; blank ones are dropped.
    pub fn texts(mut self, path: &str) -> Self {
        let msg = format!("{} must be a list of short texts", label(path));
        match self.checks.field(path) {
            Field::Absent => {}
            Field::Other(Value::Array(items)) if items.len() <= MAX_LIST => {
                let short = |item: &Value| {
                    let text = item.as_str()?.trim();
                    (text.chars().count() <= MAX_ENTRY_CHARS).then(|| text.to_owned())
                };
                match items.iter().map(short).collect::<Option<Vec<_>>>() {
                    Some(mut texts) => {
                        texts.retain(|text| !text.is_empty());
                        self.fields.insert(path.to_owned(), json!(texts));
                    }
                    None => self.checks.complain(path, &msg, None),
                }
            }
            Field::Text(_) | Field::Other(_) => self.checks.complain(path, &msg, None),
        }
        self
    }

    /// As [`Self::texts`], of these words.
    pub fn choices(mut self, path: &str, words: &[&str]) -> Self {
        self = self.texts(path);
        let known = |value: &Value| value.as_str().is_some_and(|text| words.contains(&text));
        let all_known =
            self.fields.get(path).and_then(Value::as_array).is_none_or(|list| list.iter().all(known));
        if !all_known {
            self.checks.complain(path, &format!("{} must be of {}", label(path), words.join(", ")), None);
        }
        self
    }

    /// A text that `read` makes something of.
    pub fn read(mut self, path: &str, msg: &str, read: impl FnOnce(&str) -> Option<Value>) -> Self {
        if let Some(value) = self.checks.optional(path, msg, read) {
            self.fields.insert(path.to_owned(), value);
        }
        self
    }

    fn scalar(mut self, path: &str, msg: &str, read: impl FnOnce(&str) -> Option<Value>) -> Self {
        let text = match self.checks.field(path) {
            Field::Absent => return self,
            Field::Text(text) => Some(text.trim().to_owned()),
            Field::Other(value @ (Value::Number(_) | Value::Bool(_))) => Some(value.to_string()),
            Field::Other(_) => None,
        };
        match text.as_deref().and_then(read) {
            Some(value) => {
                self.fields.insert(path.to_owned(), value);
            }
            None => self.checks.complain_as_given(path, msg),
        }
        self
    }

    fn map(mut self, path: &str, change: impl FnOnce(&Value) -> Value) -> Self {
        if let Some(value) = self.fields.get_mut(path) {
            *value = change(value);
        }
        self
    }

    /// The fields, or everything that is wrong.
    pub fn finish(self) -> ApiResult<Map<String, Value>> {
        let Self { checks, fields } = self;
        checks.finish(Some(fields))
    }
}

/// A path as people read it: `studentInfo.planExpiryDate` is "Plan expiry date".
fn label(path: &str) -> String {
    let name = path.rsplit('.').next().unwrap_or(path);
    let mut label = String::new();
    for (at, c) in name.chars().enumerate() {
        if at == 0 {
            label.extend(c.to_uppercase());
        } else if c.is_uppercase() {
            label.push(' ');
            label.extend(c.to_lowercase());
        } else {
            label.push(c);
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(body: Value) -> Result<Value, Vec<String>> {
        let body = body.as_object().cloned().unwrap_or_default();
        let form = Form::new(&body)
            .needs(&["name"])
            .text("name", 2..=5)
            .code("code", 1..=3)
            .boolean("on")
            .object("info")
            .integer("info.age", 5..=100)
            .number("price", 0.0..=1e6)
            .texts("goals")
            .id("region")
            .time("until");
        match form.finish() {
            Ok(fields) => Ok(Value::Object(fields)),
            Err(crate::http::error::ApiError::Validation(errors)) => {
                Err(errors.into_iter().map(|error| error.msg).collect())
            }
            Err(error) => panic!("{error:?}"),
        }
    }

    #[test]
    fn what_is_there_is_read_by_its_path() {
        let body = json!({ "name": " Ann ", "code": "ab", "on": "true", "info": { "age": "7", "x": 1 }, "price": 12.5,
            "goals": [" a ", ""], "region": "507F1F77BCF86CD799439011", "until": "1970-01-01" });
        let fields = json!({ "name": "Ann", "code": "AB", "on": true, "info.age": 7, "price": 12.5, "goals": ["a"],
            "region": { "$oid": "507f1f77bcf86cd799439011" }, "until": { "$date": { "$numberLong": "0" } } });
        assert_eq!(read(body), Ok(fields));
        assert_eq!(read(json!({ "name": "Bob" })), Ok(json!({ "name": "Bob" })));
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        for (body, message) in [
            (json!({}), "Name is required"),
            (json!({ "name": "A" }), "Name must have 2 to 5 characters"),
            (json!({ "name": "Ann", "on": null }), "On must be true or false"),
            (json!({ "name": "Ann", "info": { "age": 4 } }), "Age must be a whole number from 5 to 100"),
            (json!({ "name": "Ann", "info": { "age": 7.5 } }), "Age must be a whole number from 5 to 100"),
            (json!({ "name": "Ann", "info": "x" }), "Info must be an object"),
            (json!({ "name": "Ann", "price": { "$gt": 0 } }), "Price must be a number from 0 to 1000000"),
            (json!({ "name": "Ann", "goals": [{ "$gt": 0 }] }), "Goals must be a list of short texts"),
            (json!({ "name": { "$gt": "" } }), "Name must have 2 to 5 characters"),
            (json!({ "name": "Ann", "region": "x" }), "Region must be an id of 24 hexadecimal digits"),
        ] {
            assert_eq!(read(body.clone()), Err(vec![message.to_owned()]), "{body}");
        }
    }
}
