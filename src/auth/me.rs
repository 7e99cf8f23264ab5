//! `GET /auth/me` and `POST /auth/logout`.

use axum::{Json, extract::State, http::HeaderMap};
use domain::{Id, Timestamp, accounts::Role, subscription};
use futures_util::try_join;
use serde::Serialize;
use store::{
    plans::PlanRef,
    users::{self, TeacherInfo, User, UserRef},
};
use utoipa::ToSchema;

use crate::{
    http::{
        body::{DataOnly, MessageOnly, data, message},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{AuthUser, check_claims, claims},
    },
    state::Shared,
};

/// A region, reduced to what is shown inside a user.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct RegionRef {
    /// Region id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Display name.
    pub name: String,
    /// Upper-case short name.
    pub code: String,
}

/// A user with region, referrer and plan expanded; a link to nothing is null.
pub type Expanded = User<Option<RegionRef>, UserRef, Option<PlanRef>>;

/// The user, and once more the fields that a screen of the app reads one level higher.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Me {
    user: Expanded,
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    phone: String,
    region: Option<RegionRef>,
    teacher_info: TeacherInfo,
}

/// The signed-in user.
#[utoipa::path(get, path = "/auth/me", tag = "auth", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<Me>),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn me(State(state): State<Shared>, headers: HeaderMap) -> ApiResult<Json<DataOnly<Me>>> {
    // One read serves the check of the token and the answer.
    let claims = claims(&headers, &state)?;
    let user = users::by_id(&state.store, claims.user_id).await?;
    let user = user.ok_or(ApiError::Unauthorized("The account of this token does not exist"))?;
    check_claims(&claims, user.is_active, user.token_version.as_i64(), &user.revoked_tokens)?;
    let user = expand(&state, user, durable::now()).await?;
    Ok(data(Me {
        id: user.id,
        name: user.name.clone(),
        email: user.email.clone(),
        phone: user.phone.clone(),
        region: user.region.clone(),
        teacher_info: user.teacher_info.clone(),
        user,
    }))
}

/// Follows the links of a user, and derives what the app reads of his subscription.
async fn expand(state: &Shared, user: User<Option<Id>>, now: Timestamp) -> ApiResult<Expanded> {
    let region = async {
        match user.region {
            Some(id) => state.region(id).await,
            None => Ok(None),
        }
    };
    let plan = async {
        match user.student_info.current_plan {
            Some(id) => state.plan(id).await.map(Some),
            None => Ok(None),
        }
    };
    let referrer = async {
        match user.referred_by {
            Some(id) => users::referrer(&state.store, id).await,
            None => Ok(None),
        }
    };
    let (region, plan, referrer) = try_join!(region, plan, referrer)?;
    let began = |expiry| {
        let plan: &PlanRef = plan.as_ref()?.as_ref()?;
        subscription::start(expiry, plan.duration.as_i64(), &plan.duration_type)
    };
    let start = user.student_info.plan_expiry_date.and_then(began);
    let region = region.map(|region| RegionRef { id: region.id, name: region.name, code: region.code });
    let mut user = user.linked(region, referrer, plan);
    let info = &mut user.student_info;
    if let Some(expiry) = info.plan_expiry_date {
        let runs = subscription::is_running(Role::Student, Some(expiry), now);
        info.subscription_status = Some(if runs { "active" } else { "expired" });
        info.subscription_expiry = Some(expiry);
        info.subscription_start_date = start;
    }
    Ok(user)
}

/// Sign out: the token is over, other devices stay signed in.
#[utoipa::path(post, path = "/auth/logout", tag = "auth", security(("bearer" = [])), responses(
    (status = 200, body = MessageOnly),
    (status = 401, body = ErrorBody),
))]
#[worker::send]
pub async fn logout(State(state): State<Shared>, user: AuthUser) -> ApiResult<Json<MessageOnly>> {
    users::signed_out(&state.store, user.account.id, user.claims.id.as_deref(), durable::now()).await?;
    state.forget_account(user.account.id);
    Ok(message("You are signed out"))
}
