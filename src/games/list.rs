//! Lists of games.

use axum::{Json, extract::State};
use domain::{
    accounts::Role,
    paging::{Page, Pagination},
};
use serde::{Deserialize, Serialize};
use store::games::{self, Wanted};
use utoipa::{IntoParams, ToSchema};

use super::{
    fields::DIFFICULTIES,
    one::{Access, NO_GAME, OneGame, ShownGame, is_entitled, shown},
};
use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, MaybeUser, QueryOf, TextPath},
    },
    state::Shared,
};

const DEFAULT_LIMIT: u32 = 10;
/// Orders with an index.
const SORTS: [&str; 4] = ["createdAt", "title", "level", "totalPlays"];

/// Which games, in which order.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `grammar`, `pronunciation`, `identification` or `storytelling`.
    game_type: Option<String>,
    /// `beginner`, `intermediate` or `advanced`.
    difficulty: Option<String>,
    /// From 1.
    level: Option<String>,
    /// `true` selects premium games, another text the others.
    is_premium: Option<String>,
    /// For administrators: `false` lists deleted games.
    is_active: Option<String>,
    /// A fragment of the title.
    search: Option<String>,
    /// `createdAt` (default), `title`, `level` or `totalPlays`.
    sort_by: Option<String>,
    /// `desc` (default) sorts downwards, anything else upwards.
    sort_order: Option<String>,
    /// From 1.
    page: Option<String>,
    /// 1 to 100.
    limit: Option<String>,
}

/// A page of games.
#[derive(Serialize, ToSchema)]
pub struct GameList {
    games: Vec<ShownGame>,
    pagination: Pagination,
}

impl ListQuery {
    /// What is wanted; a difficulty or level that cannot be is a 400.
    fn wanted(&self) -> ApiResult<Wanted> {
        let given = |value: &Option<String>| value.clone().filter(|value| !value.is_empty());
        let difficulty = given(&self.difficulty);
        if difficulty.as_ref().is_some_and(|difficulty| !DIFFICULTIES.contains(&difficulty.as_str())) {
            return Err(ApiError::BadRequest("The difficulty must be beginner, intermediate or advanced"));
        }
        let level = given(&self.level).map(|level| level.trim().parse::<i64>()).transpose();
        Ok(Wanted {
            game_type: given(&self.game_type),
            difficulty,
            level: level.map_err(|_| ApiError::BadRequest("The level must be a whole number"))?,
            is_premium: given(&self.is_premium).map(|premium| premium == "true"),
            is_active: Some(true),
            playable: true,
            search: None,
        })
    }

    fn page(&self) -> Page {
        Page::from_text(self.page.as_deref(), self.limit.as_deref(), DEFAULT_LIMIT)
    }
}

/// All games that are offered; administrators see drafts, too.
#[utoipa::path(get, path = "/games", tag = "games", security(("bearer" = [])), params(ListQuery), responses(
    (status = 200, body = DataOnly<GameList>),
    (status = 400, body = ErrorBody, description = "A filter cannot be read"),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    user: AuthUser,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<DataOnly<GameList>>> {
    let is_admin = user.account.role == Role::Admin;
    let wanted = Wanted {
        search: query.search.clone(),
        playable: !is_admin,
        is_active: Some(!(is_admin && query.is_active.as_deref() == Some("false"))),
        ..query.wanted()?
    };
    let field = query.sort_by.as_deref().and_then(|by| SORTS.into_iter().find(|sort| *sort == by));
    let way = if query.sort_order.as_deref().unwrap_or("desc") == "desc" { -1 } else { 1 };
    let sort = [(field.unwrap_or("createdAt"), way), ("_id", way)];
    let page = query.page();
    let (found, total) = games::page(&state.store, &wanted, &sort, page).await?;
    let games = shown(&state, found, Access::of(Some(&user.account))).await?;
    Ok(data(GameList { games, pagination: page.of_total(total) }))
}

/// The games of a type: those that the caller may play first, then by level, then the newest.
#[utoipa::path(get, path = "/games/type/{gameType}", tag = "games", security((), ("bearer" = [])),
    params(("gameType" = String, Path), ListQuery), responses(
    (status = 200, body = DataOnly<GameList>),
    (status = 400, body = ErrorBody, description = "A filter cannot be read"),
))]
#[worker::send]
pub async fn of_type(
    State(state): State<Shared>,
    TextPath(game_type): TextPath,
    MaybeUser(account): MaybeUser,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<DataOnly<GameList>>> {
    let wanted = Wanted { game_type: Some(game_type), ..query.wanted()? };
    let entitled = is_entitled(account.as_ref());
    let page = query.page();
    let (found, total) = games::page_by_level(&state.store, &wanted, !entitled, page).await?;
    let games = shown(&state, found, Access::of(account.as_ref())).await?;
    Ok(data(GameList { games, pagination: page.of_total(total) }))
}

/// Any game of a type, each as likely as the others. Premium games are for those who may play them.
#[utoipa::path(get, path = "/games/random/{gameType}", tag = "games", security((), ("bearer" = [])),
    params(("gameType" = String, Path), ListQuery), responses(
    (status = 200, body = DataOnly<OneGame>),
    (status = 400, body = ErrorBody, description = "A filter cannot be read"),
    (status = 404, body = ErrorBody, description = "Nothing fits"),
))]
#[worker::send]
pub async fn random(
    State(state): State<Shared>,
    TextPath(game_type): TextPath,
    MaybeUser(account): MaybeUser,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<DataOnly<OneGame>>> {
    let premium = query.is_premium.as_deref() == Some("true");
    if premium && !is_entitled(account.as_ref()) {
        return Err(NO_GAME);
    }
    let wanted = Wanted { game_type: Some(game_type), is_premium: Some(premium), ..query.wanted()? };
    let found = games::any(&state.store, &wanted).await?.ok_or(NO_GAME)?;
    let game = shown(&state, vec![found], Access::of(account.as_ref())).await?.pop().ok_or(NO_GAME)?;
    Ok(data(OneGame { game }))
}
