//! The `audit` collection: what administrators changed. Each line is written in one transaction with its change.

use domain::{Id, Timestamp, paging::Page};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use utoipa::ToSchema;

use crate::{
    Store, StoreError,
    ejson::{date, oid, or_default, plain},
};

const COLLECTION: &str = "audit";

/// One write of an administrator.
pub struct Entry {
    /// Who.
    pub actor: Id,
    /// His name at that time.
    pub actor_name: String,
    /// What, for example `users.update`.
    pub action: &'static str,
    /// The id or key of what was changed.
    pub target: Option<String>,
    /// The changed fields.
    pub changes: Vec<Change>,
    /// The request that did it.
    pub request_id: String,
    /// When.
    pub at: Timestamp,
}

/// One changed field.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
pub struct Change {
    /// Its path.
    pub field: String,
    /// Its value before, as clients see it.
    pub before: Value,
    /// Its value after.
    pub after: Value,
}

/// What `set` changes in a document of which clients see `before`. The values of secrets are never told.
#[must_use]
pub fn changes(before: &Value, set: &Map<String, Value>) -> Vec<Change> {
    let change = |(field, after): (&String, &Value)| {
        let secret = field.starts_with("password");
        let found = field.split('.').try_fold(before, |value, key| value.get(key)).cloned();
        let (before, after) = if secret {
            (json!("hidden"), json!("hidden"))
        } else {
            (found.unwrap_or_default(), plain(after.clone()))
        };
        (secret || before != after).then(|| Change { field: field.clone(), before, after })
    };
    set.iter()
        .filter(|(field, _)| !["updatedAt", "_id", "__v"].contains(&field.as_str()))
        .filter_map(change)
        .collect()
}

/// What goes with a document that is removed.
pub fn removal(document: &impl Serialize) -> Vec<Change> {
    let before = json!(document);
    let fields = before.as_object().into_iter().flat_map(Map::keys);
    changes(&before, &fields.map(|field| (field.clone(), Value::Null)).collect())
}

impl Entry {
    pub(crate) fn step(&self) -> Value {
        let changes = serde_json::to_value(&self.changes).unwrap_or_default();
        json!({ "action": "insertOne", "collection": COLLECTION, "document": {
            "at": date(self.at), "actor": oid(self.actor), "actorName": self.actor_name, "action": self.action,
            "target": self.target, "changes": changes, "requestId": self.request_id } })
    }

    pub(crate) fn log(&self) {
        let line = json!({ "level": "info", "audit": self.action, "actor": self.actor, "target": self.target,
            "fields": self.changes.iter().map(|change| &change.field).collect::<Vec<_>>(), "requestId": self.request_id });
        worker::console_log!("{line}");
    }
}

/// Which lines to list.
#[derive(Default)]
pub struct Filter {
    /// Only this action.
    pub action: Option<String>,
    /// Only by this administrator.
    pub actor: Option<Id>,
    /// Only about this.
    pub target: Option<String>,
}

/// A line as listed.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "_id")]
    id: Id,
    #[serde(default)]
    at: Timestamp,
    actor: Id,
    #[serde(default)]
    actor_name: String,
    #[serde(default)]
    action: String,
    target: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    changes: Vec<Change>,
    #[serde(default)]
    request_id: String,
}

/// Who did it.
#[derive(Serialize, ToSchema)]
pub struct Actor {
    /// Account id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// His name at that time.
    pub name: String,
}

/// A line of the trail.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Line {
    /// Id of the line.
    #[serde(rename = "_id")]
    pub id: Id,
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// What, for example `users.update`.
    pub action: String,
    /// The id or key of what was changed.
    pub target: Option<String>,
    /// Changed fields by path: `{before, after}`.
    #[schema(value_type = Object)]
    pub changes: Map<String, Value>,
    /// The request that did it.
    pub request_id: String,
}

impl From<Document> for Line {
    fn from(document: Document) -> Self {
        let told = |change: Change| {
            let values = json!({ "before": plain(change.before), "after": plain(change.after) });
            (change.field, values)
        };
        Self {
            id: document.id,
            at: document.at,
            actor: Actor { id: document.actor, name: document.actor_name },
            action: document.action,
            target: document.target,
            changes: document.changes.into_iter().map(told).collect(),
            request_id: document.request_id,
        }
    }
}

/// A page of the trail, newest first, and the count of all matches.
pub async fn page(store: &Store, filter: Filter, page: Page) -> Result<(Vec<Line>, u64), StoreError> {
    let mut wanted = Map::new();
    let parts = [
        ("action", filter.action.map(Value::from)),
        ("actor", filter.actor.map(oid)),
        ("target", filter.target.map(Value::from)),
    ];
    wanted.extend(parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))));
    let rest = json!({ "sort": { "at": -1, "_id": -1 }, "skip": page.offset(), "limit": page.limit });
    let (lines, total) = futures_util::try_join!(
        store.find::<Document>(COLLECTION, Value::Object(wanted.clone()), rest),
        store.count(COLLECTION, Value::Object(wanted.clone())),
    )?;
    Ok((lines.into_iter().map(Line::from).collect(), total))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_changes_is_told_and_never_a_secret() {
        let before = json!({ "name": "A", "info": { "age": 5 }, "same": true });
        let set = json!({ "name": "B", "info.age": 6, "same": true, "passwordHash": "$2b$", "new": { "$oid": "507f1f77bcf86cd799439011" }, "updatedAt": 1 });
        let told: Vec<_> = changes(&before, set.as_object().unwrap())
            .into_iter()
            .map(|c| (c.field, c.before, c.after))
            .collect();
        assert_eq!(
            told,
            [
                ("name".into(), json!("A"), json!("B")),
                ("info.age".into(), json!(5), json!(6)),
                ("passwordHash".into(), json!("hidden"), json!("hidden")),
                ("new".into(), json!(null), json!("507f1f77bcf86cd799439011")),
            ]
        );
    }
}
