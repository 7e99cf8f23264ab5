//! What a teacher's codes brought: for himself, and for the admin site.

use std::collections::HashMap;

use axum::{Json, extract::State};
use domain::{Id, Timestamp, accounts::Role};
use futures_util::try_join;
use serde::Serialize;
use store::{
    ejson::Num,
    plans::PlanRefDuration,
    referrals::{self, Referral},
    transactions::{self, Transaction},
    users::{self, ReferredUser, TeacherInfo},
};
use utoipa::ToSchema;

use crate::{
    http::{
        body::{DataOnly, Envelope, data, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, AuthUser, IdPath},
    },
    state::{AppState, Shared},
    users::expand::RegionRef,
};

/// Purchases and students listed at most.
const MOST: u32 = 100;
const NO_USER: ApiError = ApiError::NotFound("There is no such user");

/// The teacher.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Teacher {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    phone: String,
    role: Role,
    /// Whole: the edit form of the app starts from it.
    teacher_info: TeacherInfo,
}

/// Who bought. Address and number are personal: the keys stay, and are empty for the teacher.
#[derive(Serialize, ToSchema)]
pub struct Buyer {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    email: String,
    phone: String,
}

/// Figures.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    total_referrals: usize,
    active_referrals: usize,
    /// Paid purchases credited to the teacher.
    total_uses: Num,
    /// Rupees off in all.
    total_discount: Num,
}

/// A teacher's codes, buyers and figures.
#[derive(Serialize, ToSchema)]
pub struct Overview {
    teacher: Teacher,
    code: Option<String>,
    referrals: Vec<Referral>,
    transactions: Vec<Transaction<Option<Buyer>, Option<PlanRefDuration>>>,
    statistics: Totals,
}

/// A teacher's codes, buyers and figures: for himself and for administrators.
#[utoipa::path(get, path = "/referrals/teacher/{teacherId}", tag = "referrals", security(("bearer" = [])),
    params(("teacherId" = String, Path)), responses(
    (status = 200, body = Envelope<Overview>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Somebody else's figures"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn overview(
    State(state): State<Shared>,
    user: AuthUser,
    IdPath(id): IdPath,
) -> ApiResult<Json<Envelope<Overview>>> {
    let by_admin = user.account.role == Role::Admin;
    if user.account.id != id && !by_admin {
        return Err(ApiError::Forbidden("These figures are not yours"));
    }
    let (teacher, codes, bought, credit) = try_join!(
        users::by_id(&state.store, id),
        referrals::of_teacher(&state.store, id),
        transactions::credited_to(&state.store, id, MOST),
        transactions::credit_totals(&state.store, id),
    )?;
    let teacher = teacher.ok_or(NO_USER)?;
    let statistics = Totals {
        total_referrals: codes.len(),
        active_referrals: codes.iter().filter(|code| code.is_active).count(),
        total_uses: credit.count,
        total_discount: credit.discount,
    };
    Ok(envelope(
        "Referrals of the teacher",
        Overview {
            code: teacher.teacher_info.referral_code.clone(),
            teacher: Teacher {
                id: teacher.id,
                name: teacher.name,
                email: teacher.email,
                phone: teacher.phone,
                role: teacher.role,
                teacher_info: teacher.teacher_info,
            },
            referrals: codes,
            transactions: with_buyers(&state, bought, by_admin).await?,
            statistics,
        },
    ))
}

async fn with_buyers(
    state: &AppState,
    bought: Vec<Transaction>,
    by_admin: bool,
) -> ApiResult<Vec<Transaction<Option<Buyer>, Option<PlanRefDuration>>>> {
    let ids: Vec<Id> = bought.iter().map(|purchase| purchase.user).collect();
    let buyers =
        async { if ids.is_empty() { Ok(Vec::new()) } else { users::contacts(&state.store, &ids).await } };
    let (buyers, plans) = try_join!(buyers, state.plans(bought.iter().map(|purchase| purchase.plan)))?;
    let buyers: HashMap<_, _> = buyers.into_iter().map(|user| (user.id, user)).collect();
    let personal = |text: &str| if by_admin { text.to_owned() } else { String::new() };
    let shown = |purchase: Transaction| {
        let buyer = buyers.get(&purchase.user).map(|user| Buyer {
            id: user.id,
            name: user.name.clone(),
            email: personal(&user.email),
            phone: personal(&user.phone),
        });
        let plan = plans.get(&purchase.plan).map(PlanRefDuration::from);
        purchase.linked(buyer, plan)
    };
    Ok(bought.into_iter().map(shown).collect())
}

/// One student whom a teacher brought.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Referred {
    #[serde(rename = "_id")]
    id: Id,
    referral_code: String,
    is_active: bool,
    referred_user_id: ReferredUser<RegionRef>,
    created_at: Timestamp,
}

/// The students whom a teacher brought.
#[derive(Serialize, ToSchema)]
pub struct ReferredList {
    referrals: Vec<Referred>,
}

/// The students who signed up or bought with a teacher's code, newest first.
#[utoipa::path(get, path = "/admin/referrals/teacher/{teacherId}", tag = "referrals", security(("bearer" = [])),
    params(("teacherId" = String, Path)), responses(
    (status = 200, body = DataOnly<ReferredList>),
    (status = 400, body = ErrorBody, description = "The id is malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn referred(
    State(state): State<Shared>,
    _admin: Admin,
    IdPath(id): IdPath,
) -> ApiResult<Json<DataOnly<ReferredList>>> {
    let (teacher, signed_up, bought) = try_join!(
        users::by_id(&state.store, id),
        users::referred_by(&state.store, id, MOST),
        transactions::credited_to(&state.store, id, MOST),
    )?;
    let teacher = teacher.ok_or(NO_USER)?;
    let code = teacher.teacher_info.referral_code.unwrap_or_default();
    let known: Vec<Id> = signed_up.iter().map(|student| student.id).collect();
    let more: Vec<Id> =
        bought.iter().map(|purchase| purchase.user).filter(|buyer| !known.contains(buyer)).collect();
    let mut students = signed_up;
    if !more.is_empty() {
        students.extend(users::as_referred(&state.store, &more).await?);
    }
    let codes: HashMap<Id, String> =
        bought.into_iter().filter_map(|purchase| Some((purchase.user, purchase.referral_code?))).collect();
    let regions = state.regions(students.iter().filter_map(|student| student.region)).await?;
    let shown = |student: ReferredUser| {
        let region = student.region.and_then(|id| regions.get(&id)).map(RegionRef::from);
        Referred {
            id: student.id,
            referral_code: codes.get(&student.id).unwrap_or(&code).clone(),
            is_active: student.is_active,
            created_at: student.created_at,
            referred_user_id: student.in_region(region.unwrap_or_else(|| RegionRef::missing(id))),
        }
    };
    Ok(data(ReferredList { referrals: students.into_iter().map(shown).collect() }))
}
