//! The fields of a game that a body may hold (contract: GameWrite, GameUpdate).

use serde_json::{Map, Value, json};

use super::questions;
use crate::http::{error::ApiResult, form::Form};

pub const TYPES: [&str; 4] = ["grammar", "pronunciation", "identification", "storytelling"];
pub const DIFFICULTIES: [&str; 3] = ["beginner", "intermediate", "advanced"];

/// Reads a new game. Without questions it is a draft, which players do not see.
pub fn read_new(body: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    let mut fields = form(body).needs(&["title", "gameType", "totalQuestions"]).finish()?;
    let game_type = fields.get("gameType").and_then(Value::as_str).unwrap_or_default().to_owned();
    let none = json!([]);
    let given = body.get("questions").unwrap_or(&none);
    let questions = questions::read(given, body.get("totalQuestions"), &game_type)?;
    fields.insert("questions".into(), json!(questions));
    Ok(fields)
}

/// Reads a change of a game of this type. Questions and their count go together.
pub fn read_change(body: &Map<String, Value>, game_type: &str, count: i64) -> ApiResult<Map<String, Value>> {
    let mut fields = form(body).boolean("isActive").finish()?;
    let game_type = fields.get("gameType").and_then(Value::as_str).unwrap_or(game_type).to_owned();
    let total = body.get("totalQuestions");
    if let Some(given) = body.get("questions") {
        let questions = questions::read(given, total, &game_type)?;
        fields.insert("totalQuestions".into(), json!(questions.len()));
        fields.insert("questions".into(), json!(questions));
    } else if total.is_some_and(|total| total.as_i64() != Some(count)) {
        use crate::http::error::ApiError;
        return Err(ApiError::BadRequest("The number of questions differs from the total"));
    }
    Ok(fields)
}

fn form(body: &Map<String, Value>) -> Form<'_> {
    Form::new(body)
        .text("title", 3..=100)
        .read("description", "Description must have 10 to 500 characters", |text| {
            let count = text.chars().count();
            (count == 0 || (10..=500).contains(&count)).then(|| json!(text))
        })
        .choice("gameType", &TYPES)
        .choice("difficulty", &DIFFICULTIES)
        .integer("level", 1..=10)
        .integer("timeLimit", 0..=86_400)
        .integer("maxScore", 1..=1_000_000)
        .integer("passingScore", 0..=100)
        .integer("totalQuestions", 0..=50)
        .boolean("isPremium")
        .boolean("requiresSubscription")
        .texts("categories")
        .texts("tags")
}
