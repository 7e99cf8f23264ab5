//! What administrators do to games.

use axum::{Json, extract::State, http::StatusCode};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    audit::changes,
    games::{self, Game},
};
use utoipa::ToSchema;

use super::{
    fields,
    one::{NO_GAME, game_id},
};
use crate::{
    http::{
        body::{Envelope, MessageOnly, envelope, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, JsonBody, TextPath},
    },
    state::Shared,
};

/// A game as its editor gets it back.
#[derive(Serialize, ToSchema)]
pub struct Saved {
    game: Game,
}

/// Make a game with its questions. Without questions it is a draft, which players do not see.
#[utoipa::path(post, path = "/games", tag = "games", security(("bearer" = [])), request_body = Object, responses(
    (status = 201, body = Envelope<Saved>),
    (status = 400, body = ErrorBody, description = "A field is wrong, the count differs, or questions are not complete"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn create(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<(StatusCode, Json<Envelope<Saved>>)> {
    let fields = fields::read_new(&body)?;
    let id = durable::new_id();
    let entry = admin.entry("games.create", id, changes(&Value::Null, &fields));
    games::create(&state.store, id, fields, &entry).await?;
    let game = games::by_id(&state.store, id).await?.ok_or(NO_GAME)?;
    Ok((StatusCode::CREATED, envelope("The game is created", Saved { game })))
}

/// Change fields of a game.
#[utoipa::path(put, path = "/games/{id}", tag = "games", security(("bearer" = [])), params(("id" = String, Path)),
    request_body = Object, responses(
    (status = 200, body = Envelope<Saved>),
    (status = 400, body = ErrorBody, description = "A field is wrong, the count differs, or questions are not complete"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn update(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Saved>>> {
    let id = game_id(&id)?;
    let before = games::by_id(&state.store, id).await?.ok_or(NO_GAME)?;
    let fields = fields::read_change(&body, &before.game_type, before.total_questions.as_i64())?;
    let entry = admin.entry("games.update", id, changes(&json!(before), &fields));
    if !games::update(&state.store, id, fields, &entry).await? {
        return Err(NO_GAME);
    }
    let game = games::by_id(&state.store, id).await?.ok_or(NO_GAME)?;
    Ok(envelope("The game is saved", Saved { game }))
}

/// Take a game from the lists. Plays and scores stay.
#[utoipa::path(delete, path = "/games/{id}", tag = "games", security(("bearer" = [])), params(("id" = String, Path)),
    responses(
    (status = 200, body = MessageOnly),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn delete(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    admin: Admin,
) -> ApiResult<Json<MessageOnly>> {
    let id = game_id(&id)?;
    let before = games::by_id(&state.store, id).await?.ok_or(NO_GAME)?;
    let set: Map<_, _> = [("isActive".to_owned(), json!(false))].into_iter().collect();
    let entry = admin.entry("games.delete", id, changes(&json!({ "isActive": before.is_active }), &set));
    if games::update(&state.store, id, set, &entry).await? {
        Ok(message("The game is deleted"))
    } else {
        Err::<_, ApiError>(NO_GAME)
    }
}
