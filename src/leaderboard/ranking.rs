//! `GET /leaderboard/…`: places are read from the object of the region, never from the database.

use axum::{Json, extract::State};
use domain::{
    Id,
    accounts::Role,
    paging::{Page, Pagination},
    ranking::{Place, Standing},
    scoring::METHOD,
    window::Window,
};
use durable::{
    Leaderboard,
    leaderboard::{Entry, LeaderboardReply, LeaderboardRequest},
    rpc,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use store::regions::Region;
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, IdPath, QueryOf},
    },
    state::{AppState, Shared},
};

/// A region, as leaderboards show it.
#[derive(Serialize, ToSchema)]
pub struct ShownRegion {
    id: Id,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

/// A student, as leaderboards show him.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownStudent {
    id: Id,
    name: String,
    profile_picture: Option<String>,
}

/// Points, twice.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointStatistics {
    total_sessions: u64,
    total_score: u64,
}

/// One place.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownEntry {
    rank: usize,
    student: ShownStudent,
    statistics: PointStatistics,
    total_score: u64,
}

impl ShownEntry {
    pub(super) fn is_of(&self, student: Id) -> bool {
        self.student.id == student
    }

    pub(super) fn rank(&self) -> usize {
        self.rank
    }
}

/// How points are counted.
#[derive(Serialize, ToSchema)]
pub struct ScoringMethod {
    description: &'static str,
    #[schema(value_type = Object)]
    components: Map<String, Value>,
    formula: &'static str,
}

/// The best three.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Top3 {
    region: ShownRegion,
    leaderboard: Vec<ShownEntry>,
    total_students: usize,
    scoring_method: ScoringMethod,
}

/// A page of the ranking.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RankingPage {
    region: ShownRegion,
    leaderboard: Vec<ShownEntry>,
    pagination: Pagination,
    /// The cursor of the next page, for those who page by cursor; absent behind the last place.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    scoring_method: ScoringMethod,
}

/// The caller's own place.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OwnPlace {
    student_id: Id,
    #[serde(flatten)]
    entry: ShownEntry,
}

/// The caller's own place, and how many there are.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MyRank {
    user: OwnPlace,
    region: ShownRegion,
    total_students: usize,
    scoring_method: ScoringMethod,
}

impl From<Region> for ShownRegion {
    fn from(region: Region) -> Self {
        Self { id: region.id, name: region.name, code: region.code, description: region.description }
    }
}

impl From<Entry> for ShownEntry {
    fn from(entry: Entry) -> Self {
        let Entry { rank, points, member } = entry;
        Self {
            rank,
            student: ShownStudent { id: member.id, name: member.name, profile_picture: member.picture },
            statistics: PointStatistics { total_sessions: points, total_score: points },
            total_score: points,
        }
    }
}

pub(super) fn scoring_method() -> ScoringMethod {
    let components =
        METHOD.components.iter().map(|(name, what)| ((*name).to_owned(), (*what).into())).collect();
    ScoringMethod { description: METHOD.description, components, formula: METHOD.formula }
}

/// Which page.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageQuery {
    /// From 1; clamped.
    page: Option<String>,
    /// 1 to 100, 20 when absent; clamped.
    limit: Option<String>,
    /// `all` (default), `month`, `week` or `day`, beginning at midnight in India.
    window: Option<String>,
    /// The `next` of an earlier page: goes on behind it, whatever changed in between. Empty for the first page.
    cursor: Option<String>,
}

/// Best three students of a region.
#[utoipa::path(get, path = "/leaderboard/region/{regionId}/top3", tag = "leaderboard", security(("bearer" = [])),
    params(("regionId" = Id, Path)), responses(
    (status = 200, body = Envelope<Top3>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "No such region"),
))]
#[worker::send]
pub async fn top3(
    State(state): State<Shared>,
    _user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Top3>>> {
    let region = region(&state, id).await?;
    let Standings { entries: leaderboard, students: total_students, .. } =
        standings(&state, id, 0, 3).await?;
    let scoring_method = scoring_method();
    Ok(envelope("Top 3", Top3 { region, leaderboard, total_students, scoring_method }))
}

/// Full ranking of a region, in pages.
#[utoipa::path(get, path = "/leaderboard/region/{regionId}", tag = "leaderboard", security(("bearer" = [])),
    params(("regionId" = Id, Path), PageQuery), responses(
    (status = 200, body = Envelope<RankingPage>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "No such region"),
))]
#[worker::send]
pub async fn region_page(
    State(state): State<Shared>,
    _user: AuthUser,
    IdPath(id): IdPath,
    QueryOf(query): QueryOf<PageQuery>,
) -> ApiResult<Json<Envelope<RankingPage>>> {
    let page = Page::from_text(query.page.as_deref(), query.limit.as_deref(), 20);
    let window = window(query.window.as_ref())?;
    let region = region(&state, id).await?;
    let limit = page.limit;
    let by_cursor = query.cursor.is_some();
    let request = match query.cursor.filter(|cursor| !cursor.is_empty()) {
        Some(place) => LeaderboardRequest::After { window, place, limit },
        None => LeaderboardRequest::Page { window, offset: page.offset(), limit },
    };
    let Standings { entries: leaderboard, students, next, .. } = ask(&state, id, &request).await?;
    let pagination = page.of_total(u64::try_from(students).unwrap_or(u64::MAX));
    let (next, scoring_method) = (next.filter(|_| by_cursor), scoring_method());
    Ok(envelope("Ranking", RankingPage { region, leaderboard, pagination, next, scoring_method }))
}

/// The caller's place in his own region.
#[utoipa::path(get, path = "/leaderboard/my-rank", tag = "leaderboard", security(("bearer" = [])),
    params(WindowQuery), responses(
    (status = 200, body = Envelope<MyRank>),
    (status = 400, body = ErrorBody, description = "Not a student, or without a region"),
    (status = 401, body = ErrorBody),
    (status = 404, body = ErrorBody, description = "Not ranked"),
))]
#[worker::send]
pub async fn my_rank(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<WindowQuery>,
) -> ApiResult<Json<Envelope<MyRank>>> {
    let (id, region) = own_region(&state, &user).await?;
    let request = rank(window(query.window.as_ref())?, user.account.id, 0);
    let Standings { entries, students: total_students, .. } = ask(&state, id, &request).await?;
    let entry = entries.into_iter().next().ok_or(ApiError::NotFound("You are not ranked in your region"))?;
    let user = OwnPlace { student_id: entry.student.id, entry };
    Ok(envelope("Your rank", MyRank { user, region, total_students, scoring_method: scoring_method() }))
}

/// The region in which a student is ranked.
pub(super) async fn own_region(state: &AppState, user: &AuthUser) -> ApiResult<(Id, ShownRegion)> {
    const NO_REGION: ApiError = ApiError::BadRequest("Please choose a region first");
    if user.account.role != Role::Student {
        return Err(ApiError::BadRequest("Only students are ranked"));
    }
    let id = user.account.region.ok_or(NO_REGION)?;
    Ok((id, state.region(id).await?.ok_or(NO_REGION)?.into()))
}

pub(super) fn rank(window: Window, student: Id, around: u32) -> LeaderboardRequest {
    LeaderboardRequest::Rank { window, student, around }
}

/// Reads a window of the query; everything when there is none.
pub(super) fn window(text: Option<&String>) -> ApiResult<Window> {
    const BAD_WINDOW: ApiError = ApiError::BadRequest("window must be all, month, week or day");
    let given = text.filter(|text| !text.is_empty());
    given.map_or(Ok(Window::All), |text| Window::from_text(text).ok_or(BAD_WINDOW))
}

/// What counts.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct WindowQuery {
    /// `all` (default), `month`, `week` or `day`, beginning at midnight in India.
    pub window: Option<String>,
}

async fn region(state: &AppState, id: Id) -> ApiResult<ShownRegion> {
    state.region(id).await?.map(Into::into).ok_or(ApiError::NotFound("There is no such region"))
}

/// A part of a region's ranking, and totals of the whole.
pub(super) struct Standings {
    /// Best first.
    pub entries: Vec<ShownEntry>,
    /// Ranked students.
    pub students: usize,
    /// Sum of all points.
    pub points: u64,
    /// Where the next page goes on.
    pub next: Option<String>,
}

impl Standings {
    /// Points of the first entry.
    pub fn top_score(&self) -> u64 {
        self.entries.first().map_or(0, |entry| entry.total_score)
    }
}

/// Up to `limit` places from `offset`.
pub(super) async fn standings(state: &AppState, region: Id, offset: u64, limit: u32) -> ApiResult<Standings> {
    ask(state, region, &LeaderboardRequest::Page { window: Window::All, offset, limit }).await
}

/// The points of a student, wherever he is ranked.
pub(super) async fn points_of(
    state: &AppState,
    region: Option<Id>,
    student: Id,
) -> ApiResult<PointStatistics> {
    let points = match region {
        Some(region) => ask(state, region, &rank(Window::All, student, 0)).await?.top_score(),
        None => 0,
    };
    Ok(PointStatistics { total_sessions: points, total_score: points })
}

fn place(entry: &Entry) -> String {
    let standing = Standing { points: entry.points, since: entry.member.since };
    Place { standing, member: entry.member.id }.to_string()
}

pub(super) async fn ask(state: &AppState, region: Id, request: &LeaderboardRequest) -> ApiResult<Standings> {
    match rpc::call::<Leaderboard>(&state.env, &region.to_string(), request).await? {
        LeaderboardReply::Page { entries, total, points } => {
            let next = entries.last().filter(|last| last.rank < total).map(place);
            Ok(Standings {
                entries: entries.into_iter().map(Into::into).collect(),
                students: total,
                points,
                next,
            })
        }
        LeaderboardReply::NoPlace => Err(ApiError::BadRequest("The cursor is not valid")),
        LeaderboardReply::NotReady | LeaderboardReply::Done => {
            Err(ApiError::Unavailable("the leaderboard is being built".into()))
        }
    }
}
