//! Records for administrators: all, those of one type, and their removal.

use axum::{Json, extract::State};
use domain::{
    Id,
    accounts::Role,
    paging::{Page, Pagination},
};
use durable::{CallRoom, call_room::RoomRequest, rpc};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use store::{
    records::{self, Sort, StatusCount, TypeCount, Wanted},
    users,
};
use utoipa::{IntoParams, ToSchema};

use super::{
    NO_SESSION, TYPES,
    show::{Reader, Shown, shown},
};
use crate::{
    http::{
        body::{Envelope, MessageOnly, envelope, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, IdPath, QueryOf, TextPath, query_time, told},
    },
    state::Shared,
};

const DEFAULT_LIMIT: u32 = 20;
/// Orders with an index.
const SORTS: [&str; 3] = ["createdAt", "duration", "startedAt"];
pub(super) const BAD_REGION: ApiError = ApiError::BadRequest("The region is not a valid id");

impl Admin {
    pub(crate) fn reader(&self) -> Reader {
        Reader { id: self.account.id, role: Role::Admin }
    }
}

/// A filter that was given.
pub(crate) fn given(value: Option<&String>) -> Option<String> {
    value.filter(|value| !value.trim().is_empty()).cloned()
}

/// A region that was given.
pub(super) fn region(value: Option<&String>) -> ApiResult<Option<Id>> {
    given(value).map(|id| id.parse().map_err(|_| BAD_REGION)).transpose()
}

/// Which records, in which order.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct AllQuery {
    /// One of the nine types.
    session_type: Option<String>,
    /// One of the six states.
    status: Option<String>,
    /// Created then or later.
    start_date: Option<String>,
    /// Created then or earlier.
    end_date: Option<String>,
    /// Region id of the host.
    region: Option<String>,
    /// A fragment of title, key, or the host's name or address.
    search: Option<String>,
    /// `createdAt` (default), `duration` or `startedAt`.
    sort_by: Option<String>,
    /// `desc` (default) sorts downwards, anything else upwards.
    sort_order: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AllFilters {
    session_type: String,
    status: String,
    start_date: String,
    end_date: String,
    region: String,
}

/// A page of records.
#[derive(Serialize, ToSchema)]
pub struct AllRecords {
    sessions: Vec<Shown>,
    pagination: Pagination,
    statistics: Vec<TypeCount>,
    filters: AllFilters,
}

/// All sessions, with totals by type over the whole filter.
#[utoipa::path(get, path = "/sessions/admin/all", tag = "sessions", security(("bearer" = [])), params(AllQuery),
    responses(
    (status = 200, body = Envelope<AllRecords>),
    (status = 400, body = ErrorBody, description = "A date or the region cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn all(
    State(state): State<Shared>,
    admin: Admin,
    QueryOf(query): QueryOf<AllQuery>,
) -> ApiResult<Json<Envelope<AllRecords>>> {
    let search = match given(query.search.as_ref()) {
        Some(text) => {
            let hosts = users::ids_matching(&state.store, &text).await?;
            Some((text, hosts))
        }
        None => None,
    };
    let wanted = Wanted {
        session_type: given(query.session_type.as_ref()),
        status: given(query.status.as_ref()),
        from: query_time(query.start_date.as_ref())?,
        until: query_time(query.end_date.as_ref())?,
        region: region(query.region.as_ref())?,
        search,
        ..Wanted::default()
    };
    let by = query.sort_by.as_deref().and_then(|by| SORTS.into_iter().find(|sort| *sort == by));
    let down = given(query.sort_order.as_ref()).is_none_or(|order| order == "desc");
    let sort = Sort { field: by.unwrap_or("createdAt"), down };
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), DEFAULT_LIMIT);
    let (found, statistics) =
        try_join!(records::page(&state.store, &wanted, sort, page), records::by_type(&state.store, &wanted))?;
    let total = statistics.iter().map(|row| row.count.as_i64()).sum::<i64>();
    let filters = AllFilters {
        session_type: told(query.session_type, "all"),
        status: told(query.status, "all"),
        start_date: told(query.start_date, "none"),
        end_date: told(query.end_date, "none"),
        region: told(query.region, "all"),
    };
    let sessions = shown(&state, admin.reader(), found).await?;
    let pagination = page.of_total(u64::try_from(total).unwrap_or(0));
    Ok(envelope("All sessions", AllRecords { sessions, pagination, statistics, filters }))
}

/// Which records of a type.
#[derive(Default, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct TypeQuery {
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
pub struct TypeFilters {
    status: String,
    start_date: String,
    end_date: String,
}

/// A page of records of a type.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TypeRecords {
    session_type: String,
    sessions: Vec<Shown>,
    pagination: Pagination,
    statistics: Vec<StatusCount>,
    filters: TypeFilters,
}

/// Sessions of one type, with totals by status over all of the type.
#[utoipa::path(get, path = "/sessions/admin/type/{sessionType}", tag = "sessions", security(("bearer" = [])),
    params(("sessionType" = String, Path), TypeQuery), responses(
    (status = 200, body = Envelope<TypeRecords>),
    (status = 400, body = ErrorBody, description = "No such type, or a date cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn by_type(
    State(state): State<Shared>,
    admin: Admin,
    TextPath(session_type): TextPath,
    QueryOf(query): QueryOf<TypeQuery>,
) -> ApiResult<Json<Envelope<TypeRecords>>> {
    if !TYPES.contains(&session_type.as_str()) {
        return Err(ApiError::BadRequest("There is no such type of session"));
    }
    let of_type = Wanted { session_type: Some(session_type.clone()), ..Wanted::default() };
    let wanted = Wanted {
        session_type: Some(session_type.clone()),
        status: given(query.status.as_ref()),
        from: query_time(query.start_date.as_ref())?,
        until: query_time(query.end_date.as_ref())?,
        ..Wanted::default()
    };
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), DEFAULT_LIMIT);
    let ((found, total), statistics) =
        try_join!(records::newest(&state.store, &wanted, page), records::by_status(&state.store, &of_type))?;
    let filters = TypeFilters {
        status: told(query.status, "all"),
        start_date: told(query.start_date, "none"),
        end_date: told(query.end_date, "none"),
    };
    let sessions = shown(&state, admin.reader(), found).await?;
    let pagination = page.of_total(total);
    Ok(envelope(
        "Sessions of a type",
        TypeRecords { session_type, sessions, pagination, statistics, filters },
    ))
}

/// Remove a session for good. A live one ends first.
#[utoipa::path(delete, path = "/sessions/{id}", tag = "sessions", security(("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = MessageOnly),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<MessageOnly>> {
    let had_room = rpc::call::<CallRoom>(&state.env, &id.to_string(), &RoomRequest::Discard).await?.is_ok();
    let entry = admin.entry("sessions.delete", id, Vec::new());
    let had_record = records::delete(&state.store, id, &entry).await?;
    if had_record || had_room { Ok(message("The session is deleted")) } else { Err(NO_SESSION) }
}
