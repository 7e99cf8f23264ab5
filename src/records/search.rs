//! `POST /sessions/admin/search`.

use axum::{Json, extract::State};
use domain::{
    Timestamp,
    paging::{Page, Pagination},
};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    records::{self, Wanted},
    users,
};
use utoipa::ToSchema;

use super::{
    STATUSES, TYPES,
    admin::{BAD_REGION, region},
    show::{Shown, shown},
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiResult, ErrorBody},
        extract::{Admin, JsonBody, told},
        form::Form,
    },
    state::{AppState, Shared},
};

/// Longest part of an address that is searched for, in characters.
const MAX_EMAIL_CHARS: usize = 100;

/// What search takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct RecordSearch {
    /// One of the nine types.
    session_type: Option<String>,
    /// One of the six states.
    status: Option<String>,
    /// Created then or later.
    start_date: Option<Timestamp>,
    /// Created then or earlier.
    end_date: Option<Timestamp>,
    /// Region id of the host.
    region: Option<String>,
    /// A part of a participant's address.
    participant_email: Option<String>,
    /// A part of the host's address.
    host_email: Option<String>,
    /// From 1.
    page: Option<u32>,
    /// 1 to 100.
    limit: Option<u32>,
}

/// What was searched for.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordCriteria {
    session_type: String,
    status: String,
    start_date: String,
    end_date: String,
    region: String,
    participant_email: String,
    host_email: String,
}

/// A page of what was found.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FoundRecords {
    sessions: Vec<Shown>,
    pagination: Pagination,
    search_criteria: RecordCriteria,
}

/// Sessions by filters in the body, newest first.
#[utoipa::path(post, path = "/sessions/admin/search", tag = "sessions", security(("bearer" = [])),
    request_body = RecordSearch, responses(
    (status = 200, body = Envelope<FoundRecords>),
    (status = 400, body = ErrorBody, description = "A filter is wrong"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn search(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(mut body): JsonBody,
) -> ApiResult<Json<Envelope<FoundRecords>>> {
    // Empty fields of the page are no filters.
    body.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
    let time = |text: &str| Timestamp::from_text(text).map(|_| json!(text));
    let fields = Form::new(&body)
        .choice("sessionType", &TYPES)
        .choice("status", &STATUSES)
        .read("startDate", "Start date must be a date", time)
        .read("endDate", "End date must be a date", time)
        .text("participantEmail", 0..=MAX_EMAIL_CHARS)
        .text("hostEmail", 0..=MAX_EMAIL_CHARS)
        .finish()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str).map(str::to_owned);
    if body.get("region").is_some_and(|region| !region.is_string()) {
        return Err(BAD_REGION);
    }
    let asked_region = body.get("region").and_then(Value::as_str).map(str::to_owned);
    let date = |name: &str| text(name).as_deref().and_then(Timestamp::from_text);
    let wanted = Wanted {
        session_type: text("sessionType"),
        status: text("status"),
        from: date("startDate"),
        until: date("endDate"),
        region: region(asked_region.as_ref())?,
        hosts: people(&state, text("hostEmail")).await?,
        participants: people(&state, text("participantEmail")).await?,
        ..Wanted::default()
    };
    let page = page_of(&body);
    let (found, total) = records::newest(&state.store, &wanted, page).await?;
    let given = |name: &str| body.get(name).and_then(Value::as_str).map(str::to_owned);
    let search_criteria = RecordCriteria {
        session_type: told(given("sessionType"), "all"),
        status: told(given("status"), "all"),
        start_date: told(given("startDate"), "none"),
        end_date: told(given("endDate"), "none"),
        region: told(asked_region, "all"),
        participant_email: told(given("participantEmail"), "none"),
        host_email: told(given("hostEmail"), "none"),
    };
    let sessions = shown(&state, admin.reader(), found).await?;
    let pagination = page.of_total(total);
    Ok(envelope("Sessions found", FoundRecords { sessions, pagination, search_criteria }))
}

async fn people(state: &AppState, fragment: Option<String>) -> ApiResult<Option<Vec<domain::Id>>> {
    match fragment {
        Some(fragment) => Ok(Some(users::ids_with_email(&state.store, &fragment).await?)),
        None => Ok(None),
    }
}

fn page_of(body: &Map<String, Value>) -> Page {
    let number = |name: &str| match body.get(name) {
        Some(Value::String(text)) => Some(text.clone()),
        Some(value @ Value::Number(_)) => Some(value.to_string()),
        _ => None,
    };
    Page::from_text(number("page").as_deref(), number("limit").as_deref(), 20)
}
