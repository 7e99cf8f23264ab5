//! `GET /games/{id}`, and what all reads of games do to them.

use std::collections::HashMap;

use axum::{Json, extract::State};
use domain::{
    Id,
    accounts::Role,
    media_links::{Target, direct},
    subscription::{Holder, Tier},
};
use serde::Serialize;
use store::{
    games::{self, Game, Question},
    users::{self, Account},
};
use utoipa::ToSchema;

use crate::{
    http::{
        body::{DataOnly, data},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, TextPath},
    },
    state::{AppState, Shared},
};

pub(super) const NO_GAME: ApiError = ApiError::NotFound("There is no such game");
pub(super) const PREMIUM: ApiError = ApiError::SubscriptionRequired("This game needs a subscription");

/// The id of a game; a malformed one is that of no game.
pub(super) fn game_id(text: &str) -> ApiResult<Id> {
    text.parse().map_err(|_| NO_GAME)
}

/// A creator, as everybody may see him.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Creator {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
}

/// A game with its creator; null when his account is gone.
pub type ShownGame = Game<Creator>;

/// One game.
#[derive(Serialize, ToSchema)]
pub struct OneGame {
    pub(super) game: ShownGame,
}

/// Whether somebody may play premium games: teachers and admins, and students with a running plan.
pub(super) fn is_entitled(account: Option<&Account>) -> bool {
    account.is_some_and(|account| {
        let info = &account.student_info;
        Holder { role: account.role, plan_expiry: info.plan_expiry_date, tier: Tier::default() }
            .is_subscribed(durable::now())
    })
}

/// What somebody may see of games (contract: README, decisions on open questions).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    /// Not signed in: questions without keys, and none of premium games.
    Anonymous,
    /// Signed in: keys, too, since the app grades on the device.
    Free,
    /// Premium games, too.
    Premium,
}

impl Access {
    pub(super) fn of(account: Option<&Account>) -> Self {
        match account {
            None => Self::Anonymous,
            account if is_entitled(account) => Self::Premium,
            Some(_) => Self::Free,
        }
    }
}

/// Games as they are shown: creators by name, links direct, right options as keys.
pub(super) async fn shown(state: &AppState, games: Vec<Game>, access: Access) -> ApiResult<Vec<ShownGame>> {
    let ids: Vec<Id> = games.iter().filter_map(|game| game.created_by).collect();
    let creators = if ids.is_empty() { Vec::new() } else { users::references(&state.store, &ids).await? };
    let creators: HashMap<Id, String> = creators.into_iter().map(|user| (user.id, user.name)).collect();
    let show = |mut game: Game| {
        if game.is_premium && access != Access::Premium {
            game.questions.clear();
        }
        for question in &mut game.questions {
            if access == Access::Anonymous {
                without_key(question);
            } else if question.correct_answer.is_none() {
                question.correct_answer = question.key().right_answer().map(str::to_owned);
            }
            let extras = &mut question.extras;
            if game.game_type == "identification" && extras.media_type.as_deref() == Some("image") {
                extras.media_url = extras.media_url.as_deref().map(|url| direct(url, Target::Image));
            }
        }
        let creator = game.created_by.and_then(|id| Some(Creator { id, name: creators.get(&id)?.clone() }));
        game.by(creator)
    };
    Ok(games.into_iter().map(show).collect())
}

fn without_key(question: &mut Question) {
    question.correct_answer = None;
    question.explanation = None;
    for option in &mut question.options {
        option.is_correct = None;
        option.explanation = None;
    }
}

/// One game with its questions.
#[utoipa::path(get, path = "/games/{id}", tag = "games", security(("bearer" = [])), params(("id" = String, Path)),
    responses(
    (status = 200, body = DataOnly<OneGame>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "A premium game, and no running plan"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    user: AuthUser,
) -> ApiResult<Json<DataOnly<OneGame>>> {
    let game = games::by_id(&state.store, game_id(&id)?).await?;
    let game = game.filter(|game| game.is_active || user.account.role == Role::Admin).ok_or(NO_GAME)?;
    if game.is_premium && !is_entitled(Some(&user.account)) {
        return Err(PREMIUM);
    }
    let game = shown(&state, vec![game], Access::Premium).await?.pop().ok_or(NO_GAME)?;
    Ok(data(OneGame { game }))
}
