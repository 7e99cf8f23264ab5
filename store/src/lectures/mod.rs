//! The `videolectures` collection.

mod statistics;

use domain::{Id, Timestamp, paging::Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, containing, date, oid, or_default, or_yes, rounded, with_state, yes},
    users::between,
};

pub use statistics::*;

const COLLECTION: &str = "videolectures";

/// A lecture.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Lecture {
    /// Lecture id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// Description.
    #[serde(default, deserialize_with = "or_default")]
    pub description: String,
    /// Address of the video.
    #[serde(default, deserialize_with = "or_default")]
    pub video_url: String,
    /// Address of a picture.
    pub thumbnail_url: Option<String>,
    /// Seconds.
    #[serde(default)]
    pub duration: Num,
    /// What goes with it.
    pub notes: Option<Notes>,
    /// Who speaks.
    pub instructor: Option<Id>,
    /// For one region only.
    pub region: Option<Id>,
    /// Needs a running subscription.
    #[serde(default, deserialize_with = "or_default")]
    pub is_premium: bool,
    /// Switched on.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Shown to learners.
    #[serde(default, deserialize_with = "or_default")]
    pub is_published: bool,
    /// Free texts.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Free text.
    pub category: Option<String>,
    /// `beginner`, `intermediate` or `advanced`.
    #[serde(default = "beginner")]
    pub difficulty: String,
    /// Counted openings.
    #[serde(default)]
    pub total_views: Num,
    /// Mean seconds of the views that reported a time.
    #[serde(default)]
    pub average_watch_time: Num,
    /// Views to the end, percent.
    #[serde(default)]
    pub completion_rate: Num,
    /// Creation.
    #[serde(default)]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default)]
    pub updated_at: Timestamp,
}

/// What goes with a lecture.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Notes {
    /// Address of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pdf_url: Option<String>,
    /// Text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text_content: Option<String>,
}

fn beginner() -> String {
    "beginner".into()
}

/// Which lectures; everything absent is no filter.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Only those that learners see.
    pub visible: bool,
    /// Switched on, or off.
    pub is_active: Option<bool>,
    /// Premium, or not.
    pub is_premium: Option<bool>,
    /// Of this difficulty.
    pub difficulty: Option<String>,
    /// Of this region.
    pub region: Option<Id>,
    /// By this instructor.
    pub instructor: Option<Id>,
    /// Of this category.
    pub category: Option<String>,
    /// A fragment of title, description or a tag.
    pub search: Option<String>,
    /// With one of these tags.
    pub tags: Vec<String>,
    /// Seconds, at least and at most.
    pub duration: (Option<f64>, Option<f64>),
    /// Made from here on, and up to here.
    pub made: (Option<Timestamp>, Option<Timestamp>),
}

impl Wanted {
    fn filter(&self) -> Value {
        let mut filter = Map::new();
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                filter.insert(key.to_owned(), value);
            }
        };
        let active = if self.visible { Some(true) } else { self.is_active };
        // Documents without a field have its default.
        add("isActive", active.map(|active| if active { json!({ "$ne": false }) } else { json!(false) }));
        add("isPublished", self.visible.then(|| json!(true)));
        add(
            "isPremium",
            self.is_premium.map(|premium| if premium { json!(true) } else { json!({ "$ne": true }) }),
        );
        add(
            "difficulty",
            self.difficulty.as_ref().map(|text| match text.as_str() {
                "beginner" => json!({ "$in": ["beginner", null] }),
                text => json!(text),
            }),
        );
        add("region", self.region.map(oid));
        add("instructor", self.instructor.map(oid));
        add("category", self.category.as_ref().map(|category| json!(category)));
        add("tags", (!self.tags.is_empty()).then(|| json!({ "$in": self.tags })));
        let mut seconds = Map::new();
        seconds.extend(self.duration.0.map(|least| ("$gte".to_owned(), json!(least))));
        seconds.extend(self.duration.1.map(|most| ("$lte".to_owned(), json!(most))));
        add("duration", (!seconds.is_empty()).then_some(Value::Object(seconds)));
        add("createdAt", between(self.made.0, self.made.1));
        if let Some(search) = self.search.as_deref().filter(|search| !search.trim().is_empty())
            && let Value::Object(found) = containing(search, &["title", "description", "tags"])
        {
            filter.extend(found);
        }
        Value::Object(filter)
    }
}

/// One lecture.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Lecture>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// Another lecture with this title, whatever the case. Those of the old server have no folded form beside them, so
/// they are compared one by one.
pub async fn with_title(store: &Store, title: &str, other_than: Option<Id>) -> Result<bool, StoreError> {
    #[derive(Deserialize)]
    struct Found {
        #[serde(rename = "_id")]
        id: Id,
        #[serde(default, deserialize_with = "or_default")]
        title: String,
    }
    let rest = json!({ "projection": { "title": 1 }, "limit": 20 });
    let found = store.find::<Found>(COLLECTION, containing(title, &["title"]), rest).await?;
    let folded = title.to_lowercase();
    Ok(found.iter().any(|lecture| Some(lecture.id) != other_than && lecture.title.to_lowercase() == folded))
}

/// A page of lectures; `sort` has an index.
pub async fn page(
    store: &Store,
    wanted: &Wanted,
    sort: (&'static str, i8),
    page: Page,
) -> Result<Vec<Lecture>, StoreError> {
    let rest =
        json!({ "sort": { sort.0: sort.1, "_id": sort.1 }, "skip": page.offset(), "limit": page.limit });
    store.find(COLLECTION, wanted.filter(), rest).await
}

/// Lectures of one difficulty.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DifficultyTotals {
    /// The difficulty.
    #[serde(rename = "_id")]
    pub difficulty: String,
    /// Lectures.
    pub count: Num,
    /// Seconds in all.
    pub total_duration: Num,
    /// Mean seconds.
    pub avg_duration: Option<Num>,
    /// Openings.
    pub total_views: Num,
}

/// Totals of all matches by difficulty.
pub async fn totals(store: &Store, wanted: &Wanted) -> Result<Vec<DifficultyTotals>, StoreError> {
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$group": { "_id": { "$ifNull": ["$difficulty", "beginner"] }, "count": { "$sum": 1 },
            "totalDuration": { "$sum": "$duration" }, "avgDuration": { "$avg": "$duration" },
            "totalViews": { "$sum": "$totalViews" } } },
        { "$sort": { "_id": 1 } },
    ]);
    store.aggregate(COLLECTION, pipeline).await
}

/// The number of matches.
pub async fn count(store: &Store, wanted: &Wanted) -> Result<u64, StoreError> {
    store.count(COLLECTION, wanted.filter()).await
}

/// The fields, and the folded title beside a title: its unique index decides between two that come at once.
fn with_title_key(mut fields: Map<String, Value>) -> Map<String, Value> {
    if let Some(title) = fields.get("title").and_then(Value::as_str) {
        let key = title.to_lowercase();
        fields.insert("titleKey".into(), json!(key));
    }
    fields
}

/// Adds a lecture with these fields. A taken title is a [`StoreError::Duplicate`]. It is published at once unless they say otherwise.
pub async fn create(
    store: &Store,
    id: Id,
    fields: Map<String, Value>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let now = date(entry.at);
    let mut document = json!({ "_id": oid(id), "category": "General", "difficulty": "beginner", "level": 1, "tags": [],
        "keywords": [], "isActive": true, "isPremium": false, "requiresSubscription": false, "isPublished": true,
        "publishedAt": now, "language": "English", "totalViews": 0, "totalWatchTime": 0, "averageWatchTime": 0,
        "completionRate": 0, "rating": { "average": 0, "totalRatings": 0 }, "prerequisites": [], "relatedLectures": [],
        "createdBy": oid(entry.actor), "createdAt": now, "updatedAt": now, "__v": 0 });
    for (path, value) in with_title_key(fields) {
        crate::ejson::put(&mut document, &path, value);
    }
    store.audited_insert(COLLECTION, document, entry).await
}

/// Changes fields of a lecture whose state is still `was_active`, if that is given. Says whether there is one.
pub async fn update(
    store: &Store,
    id: Id,
    was_active: Option<bool>,
    set: Map<String, Value>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    store.audited_set(COLLECTION, with_state(id, was_active), with_title_key(set), entry).await
}

/// Removes a lecture, and every pointer of another lecture to it. Says whether there was one.
pub async fn delete(store: &Store, id: Id, entry: &Entry) -> Result<bool, StoreError> {
    let pull = |field: &str| {
        json!({ "action": "updateMany", "collection": COLLECTION, "filter": { field: oid(id) },
            "update": { "$pull": { field: oid(id) } } })
    };
    let remove = json!({ "action": "deleteOne", "collection": COLLECTION, "filter": { "_id": oid(id) },
        "expect": { "deletedCount": 1 } });
    store.audited_all(&[remove, pull("prerequisites"), pull("relatedLectures")], entry).await
}

/// Adds an opening to the counters of a lecture and of its viewer. `seconds` is the reported time, at most the length.
/// Of an opening that was counted before only a reported time counts.
pub async fn viewed(
    store: &Store,
    lecture: &Lecture,
    user: Id,
    seconds: Option<f64>,
    counted: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    let watched = seconds.unwrap_or(0.0);
    let completed = watched > 0.0 && watched >= 0.8 * lecture.duration.as_f64();
    let one = i32::from(counted);
    let old = |field: &str| json!({ "$ifNull": [field, 0] });
    // Of views that the old server counted, those to the end are known by their rate only.
    let known = json!({ "$ifNull": ["$completedViews", rounded(&json!({ "$divide": [{ "$multiply":
        [old("$completionRate"), old("$totalViews")] }, 100] }))] });
    let timed = json!({ "$ifNull": ["$timedViews", { "$cond": [{ "$gt": [old("$totalWatchTime"), 0] }, old("$totalViews"), 0] }] });
    let update = json!([
        { "$set": {
            "completedViews": { "$add": [known, i32::from(completed)] },
            "timedViews": { "$add": [timed, i32::from(seconds.is_some())] },
            "totalViews": { "$add": [old("$totalViews"), one] },
            "totalWatchTime": { "$add": [old("$totalWatchTime"), watched] },
        } },
        { "$set": {
            "averageWatchTime": { "$cond": [{ "$gt": ["$timedViews", 0] },
                rounded(&json!({ "$divide": ["$totalWatchTime", "$timedViews"] })), 0] },
            "completionRate": { "$cond": [{ "$gt": ["$totalViews", 0] }, { "$min": [100,
                rounded(&json!({ "$divide": [{ "$multiply": ["$completedViews", 100] }, "$totalViews"] }))] }, 0] },
        } },
    ]);
    let steps = [
        json!({ "action": "updateOne", "collection": COLLECTION, "filter": { "_id": oid(lecture.id) }, "update": update }),
        json!({ "action": "updateOne", "collection": "users", "filter": { "_id": oid(user) },
            "update": { "$inc": { "studentInfo.totalLecturesWatched": one, "studentInfo.totalWatchTime": watched / 60.0 },
                "$set": { "lastActive": date(now) } } }),
    ];
    store.transaction(&steps).await.map(drop)
}
