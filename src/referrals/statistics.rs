//! `GET /referrals/admin/statistics`: figures about codes, in one aggregation.

use axum::{Json, extract::State};
use domain::Id;
use serde::{Deserialize, Serialize};
use store::referrals::{self, MonthOfUse, TeacherStatistics, TopReferral, Wanted};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, QueryOf, query_time, told},
    },
    state::Shared,
};

/// A time span, and a teacher.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct Span {
    /// ISO 8601; the code was made from here on.
    start_date: Option<String>,
    /// ISO 8601; up to here.
    end_date: Option<String>,
    /// Account id of a teacher.
    teacher: Option<String>,
}

/// Figures about codes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferralStatistics {
    referral_stats: Vec<TeacherStatistics>,
    top_referrals: Vec<TopReferral>,
    usage_over_time: Vec<MonthOfUse>,
    filters: Filters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    start_date: String,
    end_date: String,
    teacher: String,
}

/// Codes and uses by teacher and by month.
#[utoipa::path(get, path = "/referrals/admin/statistics", tag = "referrals", security(("bearer" = [])), params(Span),
    responses(
    (status = 200, body = Envelope<ReferralStatistics>),
    (status = 400, body = ErrorBody, description = "A date or the teacher cannot be read"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
    QueryOf(span): QueryOf<Span>,
) -> ApiResult<Json<Envelope<ReferralStatistics>>> {
    let teacher = span.teacher.as_ref().filter(|id| !id.is_empty()).map(|id| id.parse::<Id>()).transpose();
    let wanted = Wanted {
        teacher: teacher.map_err(|_| ApiError::BadRequest("The teacher is not a valid id"))?,
        from: query_time(span.start_date.as_ref())?,
        until: query_time(span.end_date.as_ref())?,
        ..Wanted::default()
    };
    let found = referrals::statistics(&state.store, &wanted).await?;
    Ok(envelope(
        "Referral statistics",
        ReferralStatistics {
            usage_over_time: found.usage_over_time(),
            referral_stats: found.referral_stats,
            top_referrals: found.top_referrals,
            filters: Filters {
                start_date: told(span.start_date, "none"),
                end_date: told(span.end_date, "none"),
                teacher: told(span.teacher, "all"),
            },
        },
    ))
}
