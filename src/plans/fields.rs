//! The fields of a plan that a body may hold (contract: plansCreate).

use serde_json::{Map, Value, json};
use store::ejson::oid;

use crate::http::{
    error::{ApiError, ApiResult, FieldError},
    form::Form,
};

/// Most lines of what a plan brings.
const MAX_FEATURES: usize = 50;
const FLAGS: [&str; 6] = [
    "includesVideoCalls",
    "includesVoiceCalls",
    "includesGroupCalls",
    "includesChat",
    "includesGames",
    "includesLectures",
];

/// What a new plan needs.
pub const NEEDED: [&str; 5] = ["name", "description", "price", "duration", "features"];

/// Reads the fields of a plan.
pub fn read(body: &Map<String, Value>, needs: &[&str]) -> ApiResult<Map<String, Value>> {
    read_with(body, Form::new(body).needs(needs).text("name", 2..=100).text("description", 10..=500))
}

/// As [`read`], with name and description measured as they were typed (contract: adminPlansCreate).
pub fn read_as_typed(body: &Map<String, Value>, needs: &[&str]) -> ApiResult<Map<String, Value>> {
    let form = Form::new(body).needs(needs);
    read_with(body, form.text_as_typed("name", 2..=100).text_as_typed("description", 10..=500))
}

fn read_with(body: &Map<String, Value>, form: Form<'_>) -> ApiResult<Map<String, Value>> {
    let mut form = form
        .number("price", 0.0..=1e7)
        .integer("duration", 1..=10_000)
        .choice("durationType", &["days", "weeks", "months", "years"])
        .boolean("isActive")
        .boolean("isPopular")
        .integer("maxSessions", -1..=1_000_000)
        .integer("maxGames", -1..=1_000_000)
        .integer("maxLectures", -1..=1_000_000)
        .integer("priority", 0..=1_000_000)
        .choice("tier", &["free", "basic", "premium", "pro"])
        .text("razorpayPlanId", 1..=100);
    for flag in FLAGS {
        form = form.boolean(flag);
    }
    let read = form.finish();
    let features = body.get("features").map(features).transpose();
    match (read, features) {
        (Ok(mut fields), Ok(features)) => {
            fields.extend(features.map(|features| ("features".to_owned(), features)));
            Ok(fields)
        }
        (Err(ApiError::Validation(mut errors)), Err(ApiError::Validation(more))) => {
            errors.extend(more);
            Err(ApiError::Validation(errors))
        }
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn features(value: &Value) -> ApiResult<Value> {
    let wrong = |msg: &str| ApiError::Validation(vec![FieldError::new("features", msg, None)]);
    let given = value.as_array().filter(|given| given.len() <= MAX_FEATURES);
    let given = given.ok_or_else(|| wrong("Features must be a list of at most 50"))?;
    let (mut features, mut errors) = (Vec::new(), Vec::new());
    for (at, feature) in given.iter().enumerate() {
        let path = format!("features[{at}]");
        let Some(feature) = feature.as_object() else {
            errors.push(FieldError::new(&path, "The feature must be an object", None));
            continue;
        };
        let form = Form::new(feature)
            .needs(&["name"])
            .text("name", 1..=200)
            .text("description", 0..=500)
            .boolean("isIncluded");
        match form.finish() {
            Ok(mut fields) => {
                let kept = feature.get("_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
                fields.insert("_id".into(), oid(kept.unwrap_or_else(durable::new_id)));
                fields.entry("isIncluded").or_insert(json!(true));
                features.push(Value::Object(fields));
            }
            Err(ApiError::Validation(found)) => {
                errors.extend(found.into_iter().map(|error| error.within(&path)));
            }
            Err(error) => return Err(error),
        }
    }
    if errors.is_empty() { Ok(json!(features)) } else { Err(ApiError::Validation(errors)) }
}
