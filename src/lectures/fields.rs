//! The fields of a lecture that a body may hold (contract: LectureWrite).

use domain::{
    Id,
    accounts::Role,
    media_links::{Target, direct, is_web_address},
};
use serde_json::{Map, Value, json};
use store::users;

use crate::{
    http::{
        error::{ApiError, ApiResult},
        form::Form,
    },
    state::AppState,
};

/// Optional fields that the admin site sends blank when nothing was entered.
const BLANK_IS_ABSENT: [&str; 8] =
    ["thumbnailUrl", "region", "category", "notes", "isPremium", "isActive", "tags", "difficulty"];

/// Reads the fields of a lecture by path; `needs` must be there.
pub fn read(body: &Map<String, Value>, needs: &[&str]) -> ApiResult<Map<String, Value>> {
    let mut body = body.clone();
    let blank = |value: &Value| value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty());
    for name in BLANK_IS_ABSENT {
        if body.get(name).is_some_and(blank) {
            body.remove(name);
        }
    }
    if let Some(Value::Object(notes)) = body.get_mut("notes") {
        notes.retain(|_, value| !blank(value));
    }
    let link = |target: Target| move |text: &str| is_web_address(text).then(|| json!(direct(text, target)));
    Form::new(&body)
        .needs(needs)
        .text("title", 5..=200)
        .text("description", 10..=1000)
        .read("videoUrl", "Video url must be a web address", link(Target::Video))
        .read("thumbnailUrl", "Thumbnail url must be a web address", link(Target::Thumbnail))
        .integer("duration", 1..=1_000_000)
        .id("instructor")
        .id("region")
        .text("category", 2..=100)
        .object("notes")
        .read("notes.pdfUrl", "Pdf url must be a web address", link(Target::Pdf))
        .text("notes.textContent", 0..=50_000)
        .boolean("isPremium")
        .boolean("isActive")
        .boolean("isPublished")
        .texts("tags")
        .choice("difficulty", &["beginner", "intermediate", "advanced"])
        .finish()
}

/// Refuses an instructor or region that does not exist.
pub async fn check_links(state: &AppState, fields: &Map<String, Value>) -> ApiResult<()> {
    let id = |name: &str| fields.get(name).cloned().and_then(|id| serde_json::from_value::<Id>(id).ok());
    if let Some(instructor) = id("instructor") {
        let found = users::contacts(&state.store, &[instructor]).await?.pop();
        if found.is_none_or(|user| user.role == Role::Student) {
            return Err(ApiError::BadRequest("There is no such instructor"));
        }
    }
    if let Some(region) = id("region")
        && state.region(region).await?.is_none()
    {
        return Err(ApiError::BadRequest("There is no such region"));
    }
    Ok(())
}
