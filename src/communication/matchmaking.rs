//! `POST /communication/matchmaking/find-partner`.

use axum::{Json, extract::State};
use domain::{
    Id, Timestamp,
    session::{Card, RegionName, Session, SessionType, Status},
    subscription::{self, Refusal},
};
use durable::{
    UserHub, rpc,
    user_hub::{HubReply, HubRequest},
};
use serde::Serialize;
use serde_json::Value;
use store::users::Account;
use utoipa::ToSchema;

use super::{UserCard, unexpected};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, JsonBody},
        validate::Checks,
    },
    state::Shared,
};

/// What matchmaking takes.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by checks with their own texts")]
pub struct FindPartner {
    session_type: SessionType,
    /// Accepted, but a partner of any level is better than none.
    preferred_language_level: Option<String>,
}

/// A session in few words.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionHandle {
    id: Id,
    session_id: String,
    session_type: SessionType,
    title: String,
    status: Status,
}

/// The partner.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Partner {
    #[serde(flatten)]
    card: UserCard,
    language_level: String,
    last_active: Timestamp,
}

/// Matched, or waiting.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
pub enum Found {
    /// A partner waited: the session is active.
    Matched {
        /// Who waited.
        partner: Partner,
        /// The session of both.
        session: SessionHandle,
    },
    /// Nobody waits yet.
    #[serde(rename_all = "camelCase")]
    Waiting {
        /// Always null.
        partner: Option<Partner>,
        /// Always true.
        waiting_in_queue: bool,
        /// The own waiting session.
        session: SessionHandle,
        /// Whose queue it is.
        region_info: RegionName,
    },
}

/// Join a waiting partner of the own region, or start waiting.
#[utoipa::path(post, path = "/communication/matchmaking/find-partner", tag = "communication",
    security(("bearer" = [])), request_body = FindPartner, responses(
    (status = 200, body = Envelope<Found>),
    (status = 400, body = ErrorBody, description = "Unknown type, no region, or already in a session"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "The paid gate is closed"),
))]
#[worker::send]
pub async fn find_partner(
    State(state): State<Shared>,
    user: AuthUser,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Found>>> {
    let asked = body.get("sessionType").and_then(Value::as_str).and_then(session_type);
    if let Some(asked) = asked {
        gate(&state, &user.account, asked).await?;
    }
    let mut checks = Checks::new(&body);
    let wanted =
        checks.required("sessionType", "Session type must be chat, voice_call or video_call", session_type);
    checks.optional("preferredLanguageLevel", "Level must be beginner, intermediate or advanced", level);
    let session_type = checks.finish(wanted)?;

    const NO_REGION: ApiError = ApiError::BadRequest("Please choose a region first");
    let id = user.account.region.ok_or(NO_REGION)?;
    let region = state.region(id).await?.ok_or(NO_REGION)?;
    let region = RegionName { name: region.name, code: region.code };
    let card = card(user.account, id);
    let hub = card.id;
    let request = HubRequest::FindPartner { card, session_type, region: region.clone() };
    match rpc::call::<UserHub>(&state.env, &hub.to_string(), &request).await? {
        HubReply::Matched(session) => {
            let partner = session.host().ok_or_else(unexpected)?.clone();
            let card = UserCard::new(partner.user.id, partner.user.name, partner.user.picture);
            let partner = Partner { card, language_level: partner.user.level, last_active: durable::now() };
            Ok(envelope("Partner found", Found::Matched { partner, session: handle(session) }))
        }
        HubReply::Waiting(session) => {
            let session = handle(session);
            let waiting =
                Found::Waiting { partner: None, waiting_in_queue: true, session, region_info: region };
            Ok(envelope("Looking for a partner in your region", waiting))
        }
        HubReply::AlreadyIn(session) => Err(ApiError::AlreadyInSession(session)),
        HubReply::Unavailable => Err(ApiError::Unavailable("matchmaking failed behind the hub".into())),
        _ => Err(unexpected()),
    }
}

/// Refuses who may not use a kind of session (domain::subscription).
pub async fn gate(state: &Shared, account: &Account, session_type: SessionType) -> ApiResult<()> {
    let Some(key) = session_type.feature_key() else { return Ok(()) };
    let (feature, holder) = futures_util::try_join!(state.feature(key), state.holder(account))?;
    subscription::gate(feature.map(|feature| feature.rule()), holder, durable::now()).map_err(refused)
}

/// What a closed gate says.
pub fn refused(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Unavailable => ApiError::SubscriptionRequired("This feature is not available right now"),
        Refusal::SubscriptionRequired => ApiError::SubscriptionRequired("This feature needs a subscription"),
        Refusal::UpgradeRequired => ApiError::SubscriptionRequired("This feature needs a larger plan"),
    }
}

/// The kind with this name, of those that two learners are matched for.
pub fn session_type(text: &str) -> Option<SessionType> {
    SessionType::from_text(text).filter(|kind| !kind.is_group())
}

fn level(text: &str) -> Option<()> {
    matches!(text, "beginner" | "intermediate" | "advanced").then_some(())
}

/// What others may see of a learner.
pub fn card(account: Account, region: Id) -> Card {
    Card {
        id: account.id,
        name: account.name,
        picture: account.profile_picture,
        level: account.student_info.education_level.unwrap_or_else(|| "beginner".into()),
        region,
    }
}

fn handle(session: Session) -> SessionHandle {
    SessionHandle {
        id: session.id,
        session_id: session.key,
        session_type: session.session_type,
        title: session.title,
        status: session.status,
    }
}
