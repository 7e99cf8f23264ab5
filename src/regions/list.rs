//! `GET /regions`: the list that sign-up offers.

use std::collections::HashMap;

use axum::{Json, extract::State};
use domain::{Id, Timestamp, accounts::Role};
use futures_util::try_join;
use serde::{Deserialize, Serialize};
use store::{ejson::Num, regions, users};
use utoipa::{IntoParams, ToSchema};

use crate::{
    http::{
        body::{Envelope, envelope},
        error::ApiResult,
        extract::QueryOf,
    },
    state::Shared,
};

/// How to filter and sort the list.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct ListQuery {
    /// `true` selects active regions, anything else inactive ones; all when absent.
    active: Option<String>,
    /// A fragment of name, code or description.
    search: Option<String>,
    /// `name` (default), `code`, `createdAt`, `totalUsers` or `averageScore`.
    sort_by: Option<String>,
    /// `desc` sorts downwards.
    sort_order: Option<String>,
}

/// A region with the number of its people.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedRegion {
    #[serde(rename = "_id")]
    id: Id,
    name: String,
    code: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    is_active: bool,
    #[serde(flatten)]
    people: People,
    created_at: Timestamp,
}

/// The active people of a region.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct People {
    total_users: i64,
    total_students: i64,
    total_teachers: i64,
    average_score: i64,
}

impl People {
    /// From the counts of one region.
    pub fn count(counts: &[&users::RegionCount]) -> Self {
        let of = |role| counts.iter().find(|count| count.key.role == Some(role));
        Self {
            total_users: counts.iter().map(|count| count.count.as_i64()).sum(),
            total_students: of(Role::Student).map_or(0, |count| count.count.as_i64()),
            total_teachers: of(Role::Teacher).map_or(0, |count| count.count.as_i64()),
            average_score: of(Role::Student).map_or(0, |count| Num::as_i64(&count.score)),
        }
    }
}

/// The list, and how it was made.
#[derive(Serialize, ToSchema)]
pub struct RegionList {
    regions: Vec<ListedRegion>,
    total: usize,
    filters: Filters,
}

/// The filters in effect.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Filters {
    #[schema(value_type = String)]
    active: serde_json::Value,
    search: String,
    sort_by: String,
    sort_order: String,
}

/// All regions.
#[utoipa::path(get, path = "/regions", tag = "regions", params(ListQuery), responses(
    (status = 200, body = Envelope<RegionList>),
))]
#[worker::send]
pub async fn list(
    State(state): State<Shared>,
    QueryOf(query): QueryOf<ListQuery>,
) -> ApiResult<Json<Envelope<RegionList>>> {
    let counted = async {
        // The counts are an ornament: without them the list still lets people sign up.
        Ok(users::counts_by_region(&state.store, None).await.unwrap_or_default())
    };
    let (found, counts) = try_join!(regions::all(&state.store), counted)?;
    let mut regions = with_counts(found, &counts);

    let active = query.active.as_deref().map(|active| active == "true");
    let needle =
        query.search.as_deref().map(str::trim).filter(|search| !search.is_empty()).map(str::to_lowercase);
    regions.retain(|region| {
        active.is_none_or(|active| region.is_active == active)
            && needle.as_deref().is_none_or(|needle| mentions(region, needle))
    });
    let sort_by = query.sort_by.as_deref().unwrap_or("name");
    sort(&mut regions, sort_by);
    let sort_order = query.sort_order.unwrap_or_else(|| "asc".into());
    if sort_order == "desc" {
        regions.reverse();
    }
    let filters = Filters {
        active: active.map_or_else(|| "all".into(), Into::into),
        search: query.search.filter(|search| !search.is_empty()).unwrap_or_else(|| "none".into()),
        sort_by: sort_by.to_owned(),
        sort_order,
    };
    Ok(envelope("Regions", RegionList { total: regions.len(), regions, filters }))
}

fn mentions(region: &ListedRegion, needle: &str) -> bool {
    [Some(&region.name), Some(&region.code), region.description.as_ref()]
        .into_iter()
        .flatten()
        .any(|text| text.to_lowercase().contains(needle))
}

fn sort(regions: &mut [ListedRegion], by: &str) {
    match by {
        "code" => regions.sort_by(|a, b| a.code.cmp(&b.code)),
        "createdAt" => regions.sort_by_key(|region| region.created_at),
        "totalUsers" => regions.sort_by_key(|region| region.people.total_users),
        "averageScore" => regions.sort_by_key(|region| region.people.average_score),
        _ => regions.sort_by(|a, b| a.name.cmp(&b.name)),
    }
}

fn with_counts(found: Vec<regions::Region>, counts: &[users::RegionCount]) -> Vec<ListedRegion> {
    let mut by_region: HashMap<Id, Vec<&users::RegionCount>> = HashMap::new();
    for count in counts {
        if let Some(region) = count.key.region {
            by_region.entry(region).or_default().push(count);
        }
    }
    let listed = |region: regions::Region| ListedRegion {
        people: People::count(by_region.get(&region.id).map(Vec::as_slice).unwrap_or_default()),
        id: region.id,
        name: region.name,
        code: region.code,
        description: region.description,
        is_active: region.is_active,
        created_at: region.created_at,
    };
    found.into_iter().map(listed).collect()
}
