//! `GET /admin/audit`.

use axum::{Json, extract::State};
use domain::{Id, paging::Page};
use serde::{Deserialize, Serialize};
use store::audit::{self, Filter, Line};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, QueryOf},
    },
    state::Shared,
};

/// Which lines.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TrailQuery {
    /// For example `users.update`.
    action: Option<String>,
    /// Account id of an administrator.
    actor: Option<String>,
    /// Id or key of what was changed.
    target: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of the trail.
#[derive(Serialize, ToSchema)]
pub struct Trail {
    entries: Vec<Line>,
    pagination: TrailPagination,
}

/// Where the page lies.
#[derive(Serialize, ToSchema)]
pub struct TrailPagination {
    current: u32,
    pages: u64,
    total: u64,
    limit: u32,
}

/// What administrators changed, newest first.
#[utoipa::path(get, path = "/admin/audit", tag = "admin", security(("bearer" = [])), params(TrailQuery), responses(
    (status = 200, body = Envelope<Trail>),
    (status = 400, body = ErrorBody, description = "The actor is no id"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(query): QueryOf<TrailQuery>,
) -> ApiResult<Json<Envelope<Trail>>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let actor = given(query.actor).as_deref().map(str::parse::<Id>).transpose();
    let filter = Filter {
        action: given(query.action),
        actor: actor.map_err(|_| ApiError::BadRequest("The actor is not a valid id"))?,
        target: given(query.target),
    };
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 20);
    let (entries, total) = audit::page(&state.store, filter, page).await?;
    let whole = page.of_total(total);
    let pagination = TrailPagination { current: page.page, pages: whole.pages, total, limit: page.limit };
    Ok(envelope("Audit trail", Trail { entries, pagination }))
}
