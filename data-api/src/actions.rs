//! The ten actions. Each is read from a body, runs inside or outside a session, and answers with the contract's keys.

use std::time::Duration;

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, action::Action as _, options::UpdateModifications,
    results::UpdateResult,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    ejson::{read, read_document},
    error::ApiError,
};

/// Documents that `find` returns when nothing is said.
const DEFAULT_LIMIT: i64 = 1000;
/// Most documents of one answer.
const MAX_LIMIT: i64 = 50_000;

/// The fields of all actions, unread.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
pub struct Body {
    /// Collection, required.
    pub collection: Option<String>,
    filter: Option<Value>,
    projection: Option<Value>,
    sort: Option<Value>,
    limit: Option<Value>,
    skip: Option<Value>,
    document: Option<Value>,
    documents: Option<Value>,
    update: Option<Value>,
    upsert: Option<bool>,
    array_filters: Option<Value>,
    replacement: Option<Value>,
    pipeline: Option<Value>,
}

/// An action with everything it needs.
#[derive(Debug, Clone)]
pub enum Action {
    /// First match.
    FindOne { filter: Document, projection: Option<Document> },
    /// All matches, bounded.
    Find { filter: Document, projection: Option<Document>, sort: Option<Document>, limit: i64, skip: u64 },
    /// One new document.
    InsertOne { document: Document },
    /// Several new documents.
    InsertMany { documents: Vec<Document> },
    /// Changes one or all matches.
    Update {
        many: bool,
        filter: Document,
        update: UpdateModifications,
        upsert: bool,
        array_filters: Option<Vec<Document>>,
    },
    /// Puts a document in the place of another.
    ReplaceOne { filter: Document, replacement: Document, upsert: bool },
    /// Deletes one or all matches.
    Delete { many: bool, filter: Document },
    /// Runs a pipeline.
    Aggregate { pipeline: Vec<Document> },
}

impl Action {
    /// Reads the body of action `name`.
    pub fn read(name: &str, body: Body) -> Result<Self, ApiError> {
        let filter = |value: Option<Value>| {
            value.map_or_else(|| Ok(Document::new()), |value| read_document("filter", value))
        };
        let optional = |name: &str, value: Option<Value>| {
            value.filter(|value| !value.is_null()).map(|value| read_document(name, value)).transpose()
        };
        let upsert = body.upsert.unwrap_or(false);
        Ok(match name {
            "findOne" => Self::FindOne {
                filter: filter(body.filter)?,
                projection: optional("projection", body.projection)?,
            },
            "find" => Self::Find {
                filter: filter(body.filter)?,
                projection: optional("projection", body.projection)?,
                sort: optional("sort", body.sort)?,
                limit: number("limit", body.limit, DEFAULT_LIMIT, 1, MAX_LIMIT)?,
                skip: number("skip", body.skip, 0, 0, i64::MAX)?.unsigned_abs(),
            },
            "insertOne" => Self::InsertOne { document: required("document", body.document)? },
            "insertMany" => Self::InsertMany { documents: list("documents", body.documents)? },
            "updateOne" | "updateMany" => Self::Update {
                many: name == "updateMany",
                filter: required("filter", body.filter)?,
                update: update(body.update)?,
                upsert,
                array_filters: body
                    .array_filters
                    .map(|filters| list("arrayFilters", Some(filters)))
                    .transpose()?,
            },
            "replaceOne" => Self::ReplaceOne {
                filter: required("filter", body.filter)?,
                replacement: required("replacement", body.replacement)?,
                upsert,
            },
            "deleteOne" | "deleteMany" => {
                Self::Delete { many: name == "deleteMany", filter: required("filter", body.filter)? }
            }
            "aggregate" => Self::Aggregate { pipeline: list("pipeline", body.pipeline)? },
            _ => return Err(ApiError::NotFound(format!("there is no action {name}"))),
        })
    }

    /// Whether the answer is a 201.
    pub fn inserts(&self) -> bool {
        matches!(self, Self::InsertOne { .. } | Self::InsertMany { .. })
    }

    /// Runs the action, in `session` when there is one.
    pub async fn run(
        self,
        database: &Database,
        collection: &str,
        limit: Duration,
        session: Option<&mut ClientSession>,
    ) -> Result<Document, ApiError> {
        let collection: Collection<Document> = database.collection(collection);
        match self {
            Self::FindOne { filter, projection } => {
                let action =
                    collection.find_one(filter).optional(projection, |a, p| a.projection(p)).max_time(limit);
                let found = match session {
                    Some(session) => action.session(session).await?,
                    None => action.await?,
                };
                Ok(doc! { "document": found.map_or(Bson::Null, Bson::Document) })
            }
            Self::Find { filter, projection, sort, limit: count, skip } => {
                let action = collection
                    .find(filter)
                    .optional(projection, |a, p| a.projection(p))
                    .optional(sort, |a, s| a.sort(s))
                    .limit(count)
                    .skip(skip)
                    .max_time(limit);
                let documents = match session {
                    Some(session) => {
                        let mut cursor = action.session(&mut *session).await?;
                        cursor.stream(session).try_collect().await?
                    }
                    None => action.await?.try_collect::<Vec<_>>().await?,
                };
                Ok(doc! { "documents": documents })
            }
            Self::Aggregate { pipeline } => {
                let action = collection.aggregate(pipeline).max_time(limit);
                let documents = match session {
                    Some(session) => {
                        let mut cursor = action.session(&mut *session).await?;
                        bounded(cursor.stream(session)).await?
                    }
                    None => bounded(action.await?).await?,
                };
                Ok(doc! { "documents": documents })
            }
            write => write.run_write(&collection, session).await,
        }
    }

    async fn run_write(
        self,
        collection: &Collection<Document>,
        session: Option<&mut ClientSession>,
    ) -> Result<Document, ApiError> {
        match self {
            Self::InsertOne { document } => {
                let action = collection.insert_one(document).optional(session, |a, s| a.session(s));
                Ok(doc! { "insertedId": action.await?.inserted_id })
            }
            Self::InsertMany { documents } => {
                let action = collection.insert_many(documents).optional(session, |a, s| a.session(s));
                let mut ids: Vec<_> = action.await?.inserted_ids.into_iter().collect();
                ids.sort_by_key(|(place, _)| *place);
                Ok(doc! { "insertedIds": ids.into_iter().map(|(_, id)| id).collect::<Vec<_>>() })
            }
            Self::Update { many, filter, update, upsert, array_filters } => {
                let action = if many {
                    collection.update_many(filter, update)
                } else {
                    collection.update_one(filter, update)
                };
                let action = action
                    .upsert(upsert)
                    .optional(array_filters, |a, f| a.array_filters(f))
                    .optional(session, |a, s| a.session(s));
                Ok(counts(action.await?))
            }
            Self::ReplaceOne { filter, replacement, upsert } => {
                let action = collection
                    .replace_one(filter, replacement)
                    .upsert(upsert)
                    .optional(session, |a, s| a.session(s));
                Ok(counts(action.await?))
            }
            Self::Delete { many, filter } => {
                let action =
                    if many { collection.delete_many(filter) } else { collection.delete_one(filter) };
                let deleted = action.optional(session, |a, s| a.session(s)).await?.deleted_count;
                Ok(doc! { "deletedCount": number_of(deleted) })
            }
            Self::FindOne { .. } | Self::Find { .. } | Self::Aggregate { .. } => {
                Err(ApiError::InvalidParameter("not a write".into()))
            }
        }
    }
}

/// Collects a pipeline's answer up to the bound that `find` has.
async fn bounded(
    mut stream: impl futures_util::TryStream<Ok = Document, Error = mongodb::error::Error> + Unpin,
) -> Result<Vec<Document>, ApiError> {
    let mut documents = Vec::new();
    let most = usize::try_from(MAX_LIMIT).unwrap_or(usize::MAX);
    while let Some(document) = stream.try_next().await? {
        if documents.len() == most {
            return Err(ApiError::TooLarge(format!(
                "the pipeline returns more than {MAX_LIMIT} documents; add $limit"
            )));
        }
        documents.push(document);
    }
    Ok(documents)
}

fn counts(result: UpdateResult) -> Document {
    let mut answer = doc! {
        "matchedCount": number_of(result.matched_count),
        "modifiedCount": number_of(result.modified_count),
    };
    if let Some(id) = result.upserted_id {
        answer.insert("upsertedId", id);
    }
    answer
}

/// Counts are int32 where they fit, as drivers and the hosted service have them.
fn number_of(count: u64) -> Bson {
    i32::try_from(count).map_or_else(|_| Bson::Int64(i64::try_from(count).unwrap_or(i64::MAX)), Bson::Int32)
}

fn required(name: &str, value: Option<Value>) -> Result<Document, ApiError> {
    read_document(name, value.ok_or_else(|| ApiError::InvalidParameter(format!("{name} is required")))?)
}

fn list(name: &str, value: Option<Value>) -> Result<Vec<Document>, ApiError> {
    let wrong = || ApiError::InvalidParameter(format!("{name} must be a list of objects"));
    let Bson::Array(items) = read(value.ok_or_else(wrong)?)? else { return Err(wrong()) };
    items
        .into_iter()
        .map(|item| if let Bson::Document(document) = item { Ok(document) } else { Err(wrong()) })
        .collect()
}

fn update(value: Option<Value>) -> Result<UpdateModifications, ApiError> {
    match value {
        Some(Value::Array(stages)) => {
            Ok(UpdateModifications::Pipeline(list("update", Some(Value::Array(stages)))?))
        }
        value => Ok(UpdateModifications::Document(required("update", value)?)),
    }
}

fn number(name: &str, value: Option<Value>, default: i64, least: i64, most: i64) -> Result<i64, ApiError> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(default) };
    let number = match read(value)? {
        Bson::Int32(number) => Some(i64::from(number)),
        Bson::Int64(number) => Some(number),
        Bson::Double(number) if number.fract() == 0.0 && number.abs() < 9e15 => {
            format!("{number:.0}").parse().ok()
        }
        _ => None,
    };
    number.filter(|number| (least..=most).contains(number)).ok_or_else(|| {
        ApiError::InvalidParameter(format!("{name} must be a whole number from {least} to {most}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refusal(name: &str, body: Value) -> bool {
        matches!(
            Action::read(name, serde_json::from_value(body).unwrap()),
            Err(ApiError::InvalidParameter(_))
        )
    }

    #[test]
    fn bodies_are_checked() {
        for (name, body) in [
            ("find", json!({"filter": []})),
            ("find", json!({"limit": 0})),
            ("find", json!({"limit": 50_001})),
            ("find", json!({"skip": -1})),
            ("insertOne", json!({})),
            ("insertMany", json!({"documents": {}})),
            ("updateOne", json!({"filter": {}})),
            ("updateOne", json!({"update": {"$set": {"a": 1}}})),
            ("deleteMany", json!({})),
            ("aggregate", json!({"pipeline": [1]})),
        ] {
            assert!(refusal(name, body.clone()), "{name} {body}");
        }
        assert!(matches!(Action::read("drop", Body::default()), Err(ApiError::NotFound(_))));
    }

    #[test]
    fn find_has_the_limits_of_the_hosted_service() {
        let Ok(Action::Find { limit, skip, .. }) = Action::read("find", Body::default()) else { panic!() };
        assert_eq!((limit, skip), (1000, 0));
    }
}
