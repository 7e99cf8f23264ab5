//! Own records: the list, the latest ones, and one of them.

use axum::{Json, extract::State};
use domain::{
    Id,
    accounts::Role,
    paging::{Page, Pagination},
};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::records::{self, NEWEST, Party, Record, TypeCount, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::{
    NO_SESSION,
    admin::given,
    show::{Reader, Shown, involves, shown},
};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, QueryOf, query_time, told},
    },
    state::{AppState, Shared},
};

impl AuthUser {
    pub(crate) fn reader(&self) -> Reader {
        Reader { id: self.account.id, role: self.account.role }
    }
}

/// Which own records.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OwnQuery {
    /// One of the nine types.
    session_type: Option<String>,
    /// One of the six states.
    status: Option<String>,
    /// Created then or later.
    start_date: Option<String>,
    /// Created then or earlier.
    end_date: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnFilters {
    session_type: String,
    status: String,
    start_date: String,
    end_date: String,
}

/// A page of own records.
#[derive(Serialize, ToSchema)]
pub struct OwnRecords {
    sessions: Vec<Shown>,
    pagination: Pagination,
    statistics: Vec<TypeCount>,
    filters: OwnFilters,
}

/// Sessions that list the caller, newest first, with totals over all of them.
#[utoipa::path(get, path = "/sessions/my-sessions", tag = "sessions", security(("bearer" = [])), params(OwnQuery),
    responses(
    (status = 200, body = Envelope<OwnRecords>),
    (status = 400, body = ErrorBody, description = "A date cannot be read"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<OwnQuery>,
) -> ApiResult<Json<Envelope<OwnRecords>>> {
    let own = || Wanted { party: Some(Party::Participant(user.account.id)), ..Wanted::default() };
    let wanted = Wanted {
        session_type: given(query.session_type.as_ref()),
        status: given(query.status.as_ref()),
        from: query_time(query.start_date.as_ref())?,
        until: query_time(query.end_date.as_ref())?,
        ..own()
    };
    let everything = own();
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 20);
    let ((found, total), statistics) =
        try_join!(records::newest(&state.store, &wanted, page), records::by_type(&state.store, &everything))?;
    let filters = OwnFilters {
        session_type: told(query.session_type, "all"),
        status: told(query.status, "all"),
        start_date: told(query.start_date, "none"),
        end_date: told(query.end_date, "none"),
    };
    let sessions = shown(&state, user.reader(), found).await?;
    let pagination = page.of_total(total);
    Ok(envelope("Your sessions", OwnRecords { sessions, pagination, statistics, filters }))
}

/// How many of the latest.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct RecentQuery {
    /// 1 to 100; 10 when not given.
    limit: Option<String>,
    /// One of the nine types.
    session_type: Option<String>,
}

/// The latest own records, shortened.
#[derive(Serialize, ToSchema)]
pub struct RecentRecords {
    sessions: Vec<Shown>,
    count: usize,
}

/// The latest sessions that the caller hosts or takes part in.
#[utoipa::path(get, path = "/sessions/recent", tag = "sessions", security(("bearer" = [])), params(RecentQuery),
    responses((status = 200, body = Envelope<RecentRecords>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn recent(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<RecentQuery>,
) -> ApiResult<Json<Envelope<RecentRecords>>> {
    let me = user.account.id;
    let wanted = Wanted {
        party: Some(Party::Involved(me)),
        session_type: given(query.session_type.as_ref()),
        ..Wanted::default()
    };
    let page = Page::from_text(None, query.limit.as_deref(), 10);
    let mut found = records::page(&state.store, &wanted, NEWEST, page).await?;
    link(&state, &mut found, "gameSession", "game", ("games", &["title", "gameType"])).await?;
    link(&state, &mut found, "groupSession", "groupId", ("groups", &["title", "topic", "level"])).await?;
    let sessions: Vec<Shown> = found.into_iter().map(|record| Shown(short(record, me))).collect();
    Ok(envelope("Your latest sessions", RecentRecords { count: sessions.len(), sessions }))
}

/// Replaces the id in `part.field` by the document that it names; null when that is gone.
async fn link(
    state: &AppState,
    found: &mut [Record],
    part: &str,
    field: &str,
    (collection, fields): (&str, &[&str]),
) -> ApiResult<()> {
    let id = |record: &Record| -> Option<Id> { record.get(part)?.get(field)?.as_str()?.parse().ok() };
    let ids: Vec<Id> = found.iter().filter_map(id).collect();
    let linked = records::linked(&state.store, collection, &ids, fields).await?;
    for record in found {
        let Some(id) = id(record) else { continue };
        let target = linked.iter().find(|target| target.get("_id") == Some(&json!(id)));
        if let Some(Value::Object(part)) = record.get_mut(part) {
            part.insert(field.to_owned(), json!(target));
        }
    }
    Ok(())
}

fn short(mut record: Record, me: Id) -> Record {
    const KEPT: [&str; 11] = [
        "_id",
        "sessionId",
        "sessionType",
        "title",
        "status",
        "startedAt",
        "endedAt",
        "duration",
        "gameSession",
        "groupSession",
        "createdAt",
    ];
    let participants = record.get("participants").and_then(Value::as_array).map_or(0, Vec::len);
    let is_host = record.get("host") == Some(&json!(me));
    record.retain(|name, _| KEPT.contains(&name.as_str()));
    record.entry("duration").or_insert_with(|| json!(0));
    record.insert("participantCount".into(), json!(participants));
    record.insert("isHost".into(), json!(is_host));
    record
}

/// One session, for those in it and administrators.
#[utoipa::path(get, path = "/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<Shown>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Neither host nor participant"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Shown>>> {
    let found = records::by_id(&state.store, id).await?.ok_or(NO_SESSION)?;
    if user.account.role != Role::Admin && !involves(&found, user.account.id) {
        return Err(ApiError::Forbidden("You are not part of this session"));
    }
    let session = shown(&state, user.reader(), vec![found]).await?.pop().ok_or(NO_SESSION)?;
    Ok(envelope("The session", session))
}
