//! What administrators do to features.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use domain::{Id, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    StoreError,
    audit::{Change, changes},
    ejson::Num,
    features::{self, Feature},
};
use utoipa::ToSchema;

use super::user::NO_FEATURE;
use crate::{
    http::{
        body::{DataOnly, Envelope, data, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, JsonBody, TextPath},
        form::Form,
    },
    state::Shared,
};

pub(super) const CATEGORIES: [&str; 5] = ["games", "communication", "learning", "social", "premium"];
const TOP: usize = 10;
/// Most entries of a bulk update.
const MAX_UPDATES: usize = 50;
pub(super) const LOCKED: &str = "This feature cannot be switched";

/// All features.
#[derive(Serialize, ToSchema)]
pub struct AllFeatures {
    features: Vec<Feature>,
    total: usize,
}

/// All features, switched off ones too.
#[utoipa::path(get, path = "/features/admin/all", tag = "features", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<AllFeatures>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn all(State(state): State<Shared>, _admin: Admin) -> ApiResult<Json<DataOnly<AllFeatures>>> {
    let mut features = features::all(&state.store).await?;
    features.sort_by(|a, b| a.category.cmp(&b.category));
    Ok(data(AllFeatures { total: features.len(), features }))
}

/// The features of a category.
#[derive(Serialize, ToSchema)]
pub struct CategoryFeatures {
    category: String,
    features: Vec<ShortFeature>,
}

/// A feature in few words.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShortFeature {
    id: Id,
    key: String,
    name: String,
    is_paid: bool,
    is_active: bool,
    order: Num,
}

/// The active features of a category.
#[utoipa::path(get, path = "/features/admin/category/{category}", tag = "features", security(("bearer" = [])),
    params(("category" = String, Path)), responses(
    (status = 200, body = DataOnly<CategoryFeatures>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn of_category(
    State(state): State<Shared>,
    TextPath(category): TextPath,
    _admin: Admin,
) -> ApiResult<Json<DataOnly<CategoryFeatures>>> {
    let found = features::all(&state.store).await?.into_iter();
    let features = found
        .filter(|feature| feature.is_active && feature.category == category)
        .map(|feature| ShortFeature {
            id: feature.id,
            key: feature.key,
            name: feature.name,
            is_paid: feature.is_paid,
            is_active: feature.is_active,
            order: feature.order,
        })
        .collect();
    Ok(data(CategoryFeatures { category, features }))
}

/// The flags of a feature.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Flags {
    is_paid: bool,
    is_active: Option<bool>,
}

/// A feature with new flags.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Flagged {
    key: String,
    name: String,
    is_paid: bool,
    is_active: bool,
    last_modified_at: Timestamp,
}

pub(super) fn flags(body: &Map<String, Value>) -> ApiResult<Map<String, Value>> {
    Form::new(body).needs(&["isPaid"]).boolean("isPaid").boolean("isActive").finish()
}

pub(super) fn flag(set: &Map<String, Value>, name: &str, otherwise: bool) -> bool {
    set.get(name).and_then(Value::as_bool).unwrap_or(otherwise)
}

/// Set the flags of a feature.
#[utoipa::path(patch, path = "/features/admin/{featureKey}/toggle", tag = "features", security(("bearer" = [])),
    params(("featureKey" = String, Path)), request_body = Flags, responses(
    (status = 200, body = Envelope<Flagged>),
    (status = 400, body = ErrorBody, description = "A flag is wrong, or the feature is locked"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn toggle(
    State(state): State<Shared>,
    TextPath(key): TextPath,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Flagged>>> {
    let set = flags(&body)?;
    let before = features::by_key(&state.store, &key.trim().to_lowercase()).await?.ok_or(NO_FEATURE)?;
    if !before.can_toggle {
        return Err(ApiError::BadRequest(LOCKED));
    }
    let after = Flagged {
        key: before.key.clone(),
        name: before.name.clone(),
        is_paid: flag(&set, "isPaid", before.is_paid),
        is_active: flag(&set, "isActive", before.is_active),
        last_modified_at: durable::now(),
    };
    let entry = admin.entry("features.toggle", &before.key, changes(&json!(before), &set));
    if !features::update(&state.store, vec![(before.key, set)], &entry).await? {
        return Err(NO_FEATURE);
    }
    state.forget_features();
    Ok(envelope("The feature is set", after))
}

/// Flags of several features.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Updates {
    updates: Vec<Update>,
}

/// Flags of one of them.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct Update {
    feature_key: String,
    is_paid: bool,
    is_active: Option<bool>,
}

/// What became of them.
#[derive(Serialize, ToSchema)]
pub struct Updated {
    updated: Vec<UpdatedFeature>,
    errors: Vec<UpdateError>,
}

/// A feature that was changed.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdatedFeature {
    feature_key: String,
    name: String,
    is_paid: bool,
    is_active: bool,
}

/// A feature that was not.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpdateError {
    #[serde(skip_serializing_if = "Option::is_none")]
    feature_key: Option<String>,
    error: String,
}

/// Set the flags of several features. Entries that are wrong are listed; the others are written together.
#[utoipa::path(patch, path = "/features/admin/bulk-update", tag = "features", security(("bearer" = [])),
    request_body = Updates, responses(
    (status = 200, body = Envelope<Updated>),
    (status = 400, body = ErrorBody, description = "No list, or too long a one"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn bulk_update(
    State(state): State<Shared>,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Updated>>> {
    let updates =
        body.get("updates").and_then(Value::as_array).filter(|updates| updates.len() <= MAX_UPDATES);
    let updates = updates.ok_or(ApiError::BadRequest("updates must be a list of at most 50 entries"))?;
    let mut known: BTreeMap<String, Feature> = features::all(&state.store)
        .await?
        .into_iter()
        .map(|feature| (feature.key.clone(), feature))
        .collect();
    let (mut writes, mut told) = (Vec::new(), Vec::new());
    let mut answer = Updated { updated: Vec::new(), errors: Vec::new() };
    for update in updates {
        match read_update(update, &known) {
            Ok((feature, set)) => {
                let mut feature = feature.clone();
                told.extend(
                    changes(&json!(feature), &set).into_iter().map(|change| Change {
                        field: format!("{}.{}", feature.key, change.field),
                        ..change
                    }),
                );
                feature.is_paid = flag(&set, "isPaid", feature.is_paid);
                feature.is_active = flag(&set, "isActive", feature.is_active);
                answer.updated.push(UpdatedFeature {
                    feature_key: feature.key.clone(),
                    name: feature.name.clone(),
                    is_paid: feature.is_paid,
                    is_active: feature.is_active,
                });
                writes.push((feature.key.clone(), set));
                known.insert(feature.key.clone(), feature);
            }
            Err(error) => answer.errors.push(error),
        }
    }
    if !writes.is_empty() {
        let entry = admin.entry("features.bulkUpdate", "several", told);
        if !features::update(&state.store, writes, &entry).await? {
            return Err(StoreError::Aborted("a feature is gone".into()).into());
        }
        state.forget_features();
    }
    Ok(envelope("The features are set", answer))
}

fn read_update<'a>(
    update: &Value,
    known: &'a BTreeMap<String, Feature>,
) -> Result<(&'a Feature, Map<String, Value>), UpdateError> {
    let key = update.get("featureKey").and_then(Value::as_str).map(str::to_lowercase);
    let failed = |error: &str| UpdateError { feature_key: key.clone(), error: error.to_owned() };
    let body = update.as_object().ok_or_else(|| failed("The entry is not an object"))?;
    let feature =
        key.as_ref().and_then(|key| known.get(key)).ok_or_else(|| failed("There is no such feature"))?;
    if !feature.can_toggle {
        return Err(failed(LOCKED));
    }
    let set = flags(body).map_err(|_| failed("isPaid must be given, and flags must be true or false"))?;
    Ok((feature, set))
}

/// Figures about features.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct FeatureStatistics {
    overview: Overview,
    category_breakdown: Vec<CategoryCount>,
    top_used_features: Vec<UsedFeature>,
}

/// Counts. Paid and free ones are active.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Overview {
    total_features: usize,
    active_features: usize,
    paid_features: usize,
    free_features: usize,
}

/// Counts of one category.
#[derive(Serialize, ToSchema)]
pub struct CategoryCount {
    #[serde(rename = "_id")]
    category: String,
    total: usize,
    paid: usize,
    free: usize,
}

/// A feature that is used.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UsedFeature {
    #[serde(rename = "_id")]
    id: Id,
    key: String,
    name: String,
    usage_count: Num,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used: Option<Timestamp>,
}

/// Counts of features and their use. All features fit one small read, so counting is done here.
#[utoipa::path(get, path = "/features/admin/statistics", tag = "features", security(("bearer" = [])), responses(
    (status = 200, body = DataOnly<FeatureStatistics>),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
))]
#[worker::send]
pub async fn statistics(
    State(state): State<Shared>,
    _admin: Admin,
) -> ApiResult<Json<DataOnly<FeatureStatistics>>> {
    let features = features::all(&state.store).await?;
    let paid = |features: &[&Feature]| features.iter().filter(|f| f.is_active && f.is_paid).count();
    let free = |features: &[&Feature]| features.iter().filter(|f| f.is_active && !f.is_paid).count();
    let mut by_category: BTreeMap<&str, Vec<&Feature>> = BTreeMap::new();
    for feature in &features {
        by_category.entry(&feature.category).or_default().push(feature);
    }
    let of_category = |(category, features): (&str, Vec<&Feature>)| CategoryCount {
        category: category.to_owned(),
        total: features.len(),
        paid: paid(&features),
        free: free(&features),
    };
    let every: Vec<&Feature> = features.iter().collect();
    let mut used: Vec<&Feature> = every.iter().copied().filter(|f| f.usage_count.as_i64() > 0).collect();
    used.sort_by_key(|feature| std::cmp::Reverse(feature.usage_count.as_i64()));
    let shown = |feature: &&Feature| UsedFeature {
        id: feature.id,
        key: feature.key.clone(),
        name: feature.name.clone(),
        usage_count: feature.usage_count.clone(),
        last_used: feature.last_used,
    };
    Ok(data(FeatureStatistics {
        overview: Overview {
            total_features: features.len(),
            active_features: features.iter().filter(|f| f.is_active).count(),
            paid_features: paid(&every),
            free_features: free(&every),
        },
        category_breakdown: by_category.into_iter().map(of_category).collect(),
        top_used_features: used.iter().take(TOP).map(shown).collect(),
    }))
}
