//! Reads the questions of a game from a body.

use domain::{
    games::{Outline, faults},
    media_links::{Target, direct},
};
use serde_json::{Map, Value, json};
use store::ejson::oid;

use crate::http::{
    error::{ApiError, ApiResult, FieldError},
    form::Form,
};

/// Most questions of a game, and most options of a question.
const MAX_QUESTIONS: usize = 50;
const MAX_OPTIONS: usize = 10;
const TYPES: [&str; 6] = ["multiple_choice", "true_false", "fill_blank", "audio", "image", "video"];
const MULTIPLE_CHOICE: &str = "multiple_choice";

/// The questions as they are stored: numbered by position, with ids; those that the body brings are kept. Field errors
/// come first; then a count that differs from `total`; then faulty questions.
pub fn read(value: &Value, total: Option<&Value>, game_type: &str) -> ApiResult<Vec<Value>> {
    let wrong = |msg: &str| ApiError::Validation(vec![FieldError::new("questions", msg, None)]);
    let given = value.as_array().ok_or_else(|| wrong("Questions must be a list"))?;
    if given.len() > MAX_QUESTIONS {
        return Err(wrong("A game has at most 50 questions"));
    }
    let mut errors = Vec::new();
    let mut questions = Vec::new();
    for (at, question) in given.iter().enumerate() {
        match read_one(question, game_type) {
            Ok(mut question) => {
                question.insert("questionNumber".into(), json!(at + 1));
                questions.push(question);
            }
            Err(ApiError::Validation(found)) => {
                errors.extend(found.into_iter().map(|error| error.within(&format!("questions[{at}]"))));
            }
            Err(error) => return Err(error),
        }
    }
    if !errors.is_empty() {
        return Err(ApiError::Validation(errors));
    }
    // A text never equals the count, as the clients know it.
    if total.is_some_and(|total| total.as_u64() != Some(given.len() as u64)) {
        return Err(ApiError::BadRequest("The number of questions differs from the total"));
    }
    let faults = faults(&questions.iter().map(outline).collect::<Vec<_>>());
    if faults.is_empty() {
        Ok(questions.into_iter().map(Value::Object).collect())
    } else {
        Err(ApiError::Problems("Some questions are not complete", faults))
    }
}

fn outline(question: &Map<String, Value>) -> Outline {
    let options = question.get("options").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    Outline {
        multiple_choice: question.get("questionType") == Some(&json!(MULTIPLE_CHOICE)),
        options: options.len(),
        one_is_right: options.iter().any(|option| option.get("isCorrect") == Some(&json!(true))),
        has_answer: question.get("correctAnswer").and_then(Value::as_str).is_some_and(|key| !key.is_empty()),
    }
}

fn read_one(question: &Value, game_type: &str) -> ApiResult<Map<String, Value>> {
    let not_an_object =
        || ApiError::Validation(vec![FieldError::new("", "The question must be an object", None)]);
    let question = question.as_object().ok_or_else(not_an_object)?;
    let texts =
        ["explanation", "grammarRule", "pronunciationGuide", "wordCategory", "phonetic", "example", "tips"];
    let mut form = Form::new(question)
        .needs(&["questionText", "questionType"])
        .text("questionText", 5..=2000)
        .choice("questionType", &TYPES)
        .integer("points", 1..=1000)
        .number("negativePoints", 0.0..=1000.0)
        .scalar_text("correctAnswer", 2000)
        .text("mediaUrl", 0..=2048)
        .choice_or_blank("mediaType", &["audio", "video", "image"])
        .text("hint", 0..=1000)
        .text("storyContext", 0..=5000)
        .text("storyBeginning", 0..=5000)
        .texts("keywords")
        .texts("suggestedWords")
        .number("minWords", 0.0..=10_000.0)
        .number("wordLimit", 0.0..=10_000.0)
        .text("title", 0..=200)
        .text("difficulty", 0..=50)
        .number("timeLimit", 0.0..=86_400.0);
    for text in texts {
        form = form.text(text, 0..=2000);
    }
    let mut fields = form.finish()?;
    let kept = question.get("_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
    fields.insert("_id".into(), oid(kept.unwrap_or_else(durable::new_id)));
    for (name, default) in [
        ("points", json!(10)),
        ("negativePoints", json!(0)),
        ("keywords", json!([])),
        ("suggestedWords", json!([])),
    ] {
        fields.entry(name).or_insert(default);
    }
    let options = if fields.get("questionType") == Some(&json!(MULTIPLE_CHOICE)) {
        read_options(question.get("options"))?
    } else {
        Vec::new()
    };
    fields.insert("options".into(), json!(options));
    if game_type == "identification"
        && fields.get("mediaType") == Some(&json!("image"))
        && let Some(url) = fields.get("mediaUrl").and_then(Value::as_str)
    {
        let url = direct(url, Target::Image);
        fields.insert("mediaUrl".into(), json!(url));
    }
    Ok(fields)
}

fn read_options(options: Option<&Value>) -> ApiResult<Vec<Value>> {
    let wrong = |msg: &str| ApiError::Validation(vec![FieldError::new("options", msg, None)]);
    let options = match options {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(options)) if options.len() <= MAX_OPTIONS => options,
        Some(_) => return Err(wrong("Options must be a list of at most 10")),
    };
    let read = |(at, option): (usize, &Value)| {
        let option = option.as_object().ok_or_else(|| wrong("Each option must be an object"))?;
        let form =
            Form::new(option).scalar_text("text", 1000).boolean("isCorrect").text("explanation", 0..=2000);
        let mut fields = form.finish().map_err(|error| match error {
            ApiError::Validation(errors) => ApiError::Validation(
                errors.into_iter().map(|e| e.within(&format!("options[{at}]"))).collect(),
            ),
            error => error,
        })?;
        let kept = option.get("_id").and_then(Value::as_str).and_then(|id| id.parse().ok());
        fields.insert("_id".into(), oid(kept.unwrap_or_else(durable::new_id)));
        fields.entry("isCorrect").or_insert(json!(false));
        Ok(Value::Object(fields))
    };
    options.iter().enumerate().map(read).collect()
}
