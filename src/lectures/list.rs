//! `GET /lectures`: what learners may watch; administrators see everything.

use axum::{Json, extract::State};
use domain::{
    Id,
    paging::{Page, Pagination},
};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::lectures::{self, DifficultyTotals, Lecture, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::show::{Links, ShownLecture, Viewer};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{MaybeUser, QueryOf, told},
    },
    state::Shared,
};

const DEFAULT_LIMIT: u32 = 20;
/// Orders with an index.
const SORTS: [&str; 3] = ["createdAt", "title", "totalViews"];

/// Which lectures, in which order.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// For administrators: `true` lists those switched on, another text the others.
    active: Option<String>,
    /// `true` selects premium lectures, another text the others.
    premium: Option<String>,
    /// `beginner`, `intermediate` or `advanced`.
    difficulty: Option<String>,
    /// Region id.
    region: Option<String>,
    /// Account id of the instructor.
    instructor: Option<String>,
    /// Exact.
    category: Option<String>,
    /// A fragment of title, description or a tag.
    search: Option<String>,
    /// `createdAt` (default), `title` or `totalViews`.
    sort_by: Option<String>,
    /// `desc` (default) sorts downwards, anything else upwards.
    sort_order: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of lectures.
#[derive(Serialize, ToSchema)]
pub struct LectureList {
    lectures: Vec<ShownLecture>,
    pagination: Pagination,
    statistics: Vec<DifficultyTotals>,
    filters: Filters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
pub struct Filters {
    /// True, false, or `all`.
    #[schema(value_type = String)]
    active: Value,
    /// True, false, or `all`.
    #[schema(value_type = String)]
    premium: Value,
    difficulty: String,
    region: String,
    instructor: String,
    search: String,
}

fn id(text: Option<&String>, wrong: &'static str) -> ApiResult<Option<Id>> {
    let given = text.filter(|text| !text.is_empty());
    given.map(|text| text.parse()).transpose().map_err(|_| ApiError::BadRequest(wrong))
}

impl ListQuery {
    fn wanted(&self, viewer: &Viewer) -> ApiResult<Wanted> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        Ok(Wanted {
            visible: !viewer.is_admin,
            is_active: given(&self.active).map(|active| active == "true"),
            is_premium: given(&self.premium).map(|premium| premium == "true"),
            difficulty: given(&self.difficulty),
            region: id(self.region.as_ref(), "The region is not a valid id")?,
            instructor: id(self.instructor.as_ref(), "The instructor is not a valid id")?,
            category: given(&self.category),
            search: given(&self.search),
            ..Wanted::default()
        })
    }
}

/// Lectures by filters, with totals by difficulty.
#[utoipa::path(get, path = "/lectures", tag = "lectures", security((), ("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = Envelope<LectureList>),
    (status = 400, body = ErrorBody, description = "An id in the filters is malformed"),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    MaybeUser(account): MaybeUser,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<Envelope<LectureList>>> {
    let viewer = Viewer::new(account.as_ref());
    let wanted = query.wanted(&viewer)?;
    let field = query.sort_by.as_deref().and_then(|by| SORTS.into_iter().find(|sort| *sort == by));
    let way = if query.sort_order.as_deref().unwrap_or("desc") == "desc" { -1 } else { 1 };
    let sort = (field.unwrap_or("createdAt"), way);
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), DEFAULT_LIMIT);
    let (found, statistics) = try_join!(
        lectures::page(&state.store, &wanted, sort, page),
        lectures::totals(&state.store, &wanted)
    )?;
    let total: i64 = statistics.iter().map(|line| line.count.as_i64()).sum();
    let links = Links::of(&state, &found).await?;
    let show = |lecture: Lecture| {
        let region = links.region(&lecture);
        links.show(&viewer, lecture, region)
    };
    let flag = |flag: Option<bool>| flag.map_or_else(|| json!("all"), Value::from);
    let filters = Filters {
        active: flag(wanted.is_active),
        premium: flag(wanted.is_premium),
        difficulty: told(query.difficulty, "all"),
        region: told(query.region, "all"),
        instructor: told(query.instructor, "none"),
        search: told(query.search, "none"),
    };
    Ok(envelope(
        "Lectures",
        LectureList {
            lectures: found.into_iter().map(show).collect(),
            pagination: page.of_total(u64::try_from(total).unwrap_or(0)),
            statistics,
            filters,
        },
    ))
}
