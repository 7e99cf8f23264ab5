//! `GET /lectures/{id}`. Reading changes nothing; openings are counted by `view`.

use axum::{Json, extract::State};
use store::lectures;

use super::show::{DescribedRegion, Links, ShownLecture, Viewer};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{IdPath, MaybeUser},
    },
    state::Shared,
};

pub(crate) const NO_LECTURE: ApiError = ApiError::NotFound("There is no such lecture");

/// One lecture. Premium parts are blank without a running plan.
#[utoipa::path(get, path = "/lectures/{id}", tag = "lectures", security((), ("bearer" = [])),
    params(("id" = String, Path)), responses(
    (status = 200, body = Envelope<ShownLecture<DescribedRegion>>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 404, body = ErrorBody, description = "There is none, or none for learners"),
))]
#[worker::send]
pub async fn one(
    State(state): State<Shared>,
    MaybeUser(account): MaybeUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<ShownLecture<DescribedRegion>>>> {
    let viewer = Viewer::new(account.as_ref());
    let lecture = lectures::by_id(&state.store, id).await?;
    let lecture = lecture.filter(|lecture| viewer.sees(lecture)).ok_or(NO_LECTURE)?;
    let links = Links::of(&state, std::slice::from_ref(&lecture)).await?;
    let region = links.described(&lecture);
    Ok(envelope("The lecture", links.show(&viewer, lecture, region)))
}
