//! The `games` collection.

use domain::{Id, Timestamp, games::Key, paging::Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    audit::Entry,
    ejson::{Num, containing, date, oid, or_default, or_yes, yes},
};

pub(crate) const COLLECTION: &str = "games";

/// A game. `Creator` is an id, or expanded where an operation says so.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Game<Creator = Id> {
    /// Game id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// Title.
    #[serde(default, deserialize_with = "or_default")]
    pub title: String,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `grammar`, `pronunciation`, `identification` or `storytelling`.
    #[serde(default, deserialize_with = "or_default")]
    pub game_type: String,
    /// `beginner`, `intermediate` or `advanced`.
    #[serde(default = "beginner")]
    pub difficulty: String,
    /// From 1.
    #[serde(default = "one")]
    pub level: Num,
    /// Seconds; 0 means none.
    #[serde(default)]
    pub time_limit: Num,
    /// For display.
    #[serde(default = "hundred")]
    pub max_score: Num,
    /// Percent.
    #[serde(default = "sixty")]
    pub passing_score: Num,
    /// Count of questions.
    #[serde(default)]
    pub total_questions: Num,
    /// The questions.
    #[serde(default, deserialize_with = "or_default")]
    pub questions: Vec<Question>,
    /// Offered to players.
    #[serde(default = "yes", deserialize_with = "or_yes")]
    pub is_active: bool,
    /// Needs a running subscription.
    #[serde(default, deserialize_with = "or_default")]
    pub is_premium: bool,
    /// Stored for the admin site; `isPremium` decides.
    #[serde(default, deserialize_with = "or_default")]
    pub requires_subscription: bool,
    /// Free texts.
    #[serde(default, deserialize_with = "or_default")]
    pub categories: Vec<String>,
    /// Free texts.
    #[serde(default, deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Graded plays.
    #[serde(default)]
    pub total_plays: Num,
    /// Mean points.
    #[serde(default)]
    pub average_score: Num,
    /// Graded plays per started one, percent.
    #[serde(default)]
    pub completion_rate: Num,
    /// The administrator who made it.
    pub created_by: Option<Creator>,
    /// Creation.
    #[serde(default, deserialize_with = "or_default")]
    pub created_at: Timestamp,
    /// Last change.
    #[serde(default, deserialize_with = "or_default")]
    pub updated_at: Timestamp,
    /// Version counter of the old server.
    #[serde(rename = "__v", default)]
    pub version: Num,
}

/// A question with its key.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Question {
    /// Question id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// 1-based.
    #[serde(default)]
    pub question_number: Num,
    /// What is asked.
    #[serde(default, deserialize_with = "or_default")]
    pub question_text: String,
    /// `multiple_choice`, `true_false`, `fill_blank`, `audio`, `image` or `video`.
    #[serde(default, deserialize_with = "or_default")]
    pub question_type: String,
    /// Of multiple choice.
    #[serde(default, deserialize_with = "or_default")]
    pub options: Vec<Choice>,
    /// Key of other types; of multiple choice the first right option.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correct_answer: Option<String>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
    /// Points of a right answer.
    #[serde(default = "ten")]
    pub points: Num,
    /// Never applied.
    #[serde(default)]
    pub negative_points: Num,
    /// Left out when there is none: the story screen then takes the suggested words.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub keywords: Vec<String>,
    /// Words for a story.
    #[serde(default, deserialize_with = "or_default")]
    pub suggested_words: Vec<String>,
    /// What only some types have.
    #[serde(flatten)]
    pub extras: Extras,
}

/// The optional parts of a question, none of which gives the answer away.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the names say it")]
pub struct Extras {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grammar_rule: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pronunciation_guide: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_category: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story_context: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub story_beginning: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_words: Option<Num>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub word_limit: Option<Num>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phonetic: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub example: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tips: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_limit: Option<Num>,
}

/// An option of a multiple-choice question.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Choice {
    /// Option id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// What it says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Right; left out for those who may not know.
    #[serde(default = "wrong", skip_serializing_if = "Option::is_none")]
    pub is_correct: Option<bool>,
    /// Why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub explanation: Option<String>,
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field")]
fn wrong() -> Option<bool> {
    Some(false)
}

fn beginner() -> String {
    "beginner".into()
}

fn one() -> Num {
    1.into()
}

fn ten() -> Num {
    10.into()
}

fn sixty() -> Num {
    60.into()
}

fn hundred() -> Num {
    100.into()
}

impl Question {
    /// Has options.
    pub fn is_multiple_choice(&self) -> bool {
        self.question_type == "multiple_choice"
    }

    /// What grading reads.
    pub fn key(&self) -> Key<'_> {
        let options = self
            .options
            .iter()
            .filter_map(|option| Some((option.text.as_deref()?, option.is_correct == Some(true))));
        Key {
            number: self.question_number.as_i64(),
            multiple_choice: self.is_multiple_choice(),
            options: options.collect(),
            correct: self.correct_answer.as_deref(),
            points: self.points.as_f64(),
            explanation: self.explanation.as_deref(),
        }
    }
}

impl<Creator> Game<Creator> {
    /// The same game with its creator.
    pub fn by<C>(self, created_by: Option<C>) -> Game<C> {
        Game {
            id: self.id,
            title: self.title,
            description: self.description,
            game_type: self.game_type,
            difficulty: self.difficulty,
            level: self.level,
            time_limit: self.time_limit,
            max_score: self.max_score,
            passing_score: self.passing_score,
            total_questions: self.total_questions,
            questions: self.questions,
            is_active: self.is_active,
            is_premium: self.is_premium,
            requires_subscription: self.requires_subscription,
            categories: self.categories,
            tags: self.tags,
            total_plays: self.total_plays,
            average_score: self.average_score,
            completion_rate: self.completion_rate,
            created_by,
            created_at: self.created_at,
            updated_at: self.updated_at,
            version: self.version,
        }
    }
}

/// Which games; everything absent is no filter.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this type; a text that is no type matches nothing.
    pub game_type: Option<String>,
    /// Of this difficulty.
    pub difficulty: Option<String>,
    /// Of this level.
    pub level: Option<i64>,
    /// Premium, or not.
    pub is_premium: Option<bool>,
    /// Offered, or not.
    pub is_active: Option<bool>,
    /// Only those that can be played: drafts have no question yet.
    pub playable: bool,
    /// A fragment of the title.
    pub search: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Value {
        let mut filter = Map::new();
        let mut add = |key: &str, value: Option<Value>| {
            if let Some(value) = value {
                filter.insert(key.to_owned(), value);
            }
        };
        add("gameType", self.game_type.as_ref().map(|kind| json!(kind)));
        // Documents without the field have its default.
        add(
            "difficulty",
            self.difficulty.as_ref().map(|text| match text.as_str() {
                "beginner" => json!({ "$in": ["beginner", null] }),
                text => json!(text),
            }),
        );
        add(
            "level",
            self.level.map(|level| if level == 1 { json!({ "$in": [1, null] }) } else { json!(level) }),
        );
        add(
            "isPremium",
            self.is_premium.map(|premium| if premium { json!(true) } else { json!({ "$ne": true }) }),
        );
        add(
            "isActive",
            self.is_active.map(|active| if active { json!({ "$ne": false }) } else { json!(false) }),
        );
        add("questions.0", self.playable.then(|| json!({ "$exists": true })));
        if let Some(search) = self.search.as_deref().filter(|search| !search.trim().is_empty())
            && let Value::Object(found) = containing(search, &["title"])
        {
            filter.extend(found);
        }
        Value::Object(filter)
    }
}

/// One game.
pub async fn by_id(store: &Store, id: Id) -> Result<Option<Game>, StoreError> {
    store.find_one(COLLECTION, json!({ "_id": oid(id) }), json!({})).await
}

/// A page of the games of a type, by level, then the newest; `free_first` puts those first that everybody may play. A game
/// that does not say its level or whether it is premium has the defaults.
pub async fn page_by_level(
    store: &Store,
    wanted: &Wanted,
    free_first: bool,
    page: Page,
) -> Result<(Vec<Game>, u64), StoreError> {
    let premium = if free_first { json!({ "$eq": ["$isPremium", true] }) } else { json!(false) };
    let pipeline = json!([
        { "$match": wanted.filter() },
        { "$addFields": { "order": { "premium": premium, "level": { "$ifNull": ["$level", 1] } } } },
        { "$sort": { "order.premium": 1, "order.level": 1, "createdAt": -1, "_id": -1 } },
        { "$skip": page.offset() },
        { "$limit": page.limit },
    ]);
    futures_util::try_join!(store.aggregate(COLLECTION, pipeline), store.count(COLLECTION, wanted.filter()),)
}

/// A page of games, and the count of all matches. `sort` is in the order of an index.
pub async fn page(
    store: &Store,
    wanted: &Wanted,
    sort: &[(&str, i8)],
    page: Page,
) -> Result<(Vec<Game>, u64), StoreError> {
    let sort: Map<String, Value> =
        sort.iter().map(|(field, way)| ((*field).to_owned(), json!(way))).collect();
    let rest = json!({ "sort": sort, "skip": page.offset(), "limit": page.limit });
    futures_util::try_join!(
        store.find(COLLECTION, wanted.filter(), rest),
        store.count(COLLECTION, wanted.filter()),
    )
}

/// One of the matches, each as likely as the others.
pub async fn any(store: &Store, wanted: &Wanted) -> Result<Option<Game>, StoreError> {
    let pipeline = json!([{ "$match": wanted.filter() }, { "$sample": { "size": 1 } }]);
    Ok(store.aggregate(COLLECTION, pipeline).await?.pop())
}

/// Adds a game with these fields.
pub async fn create(
    store: &Store,
    id: Id,
    fields: Map<String, Value>,
    entry: &Entry,
) -> Result<(), StoreError> {
    let now = date(entry.at);
    let mut document = json!({ "_id": oid(id), "difficulty": "beginner", "level": 1, "timeLimit": 0, "maxScore": 100,
        "passingScore": 60, "questions": [], "isActive": true, "isPremium": false, "requiresSubscription": false,
        "categories": [], "tags": [], "totalPlays": 0, "averageScore": 0, "completionRate": 0,
        "createdBy": oid(entry.actor), "createdAt": now, "updatedAt": now, "__v": 0 });
    if let Some(document) = document.as_object_mut() {
        document.extend(fields);
    }
    store.audited_insert(COLLECTION, document, entry).await
}

/// Changes fields of a game. Says whether there is one.
pub async fn update(
    store: &Store,
    id: Id,
    set: Map<String, Value>,
    entry: &Entry,
) -> Result<bool, StoreError> {
    store.audited_set(COLLECTION, json!({ "_id": oid(id) }), set, entry).await
}
