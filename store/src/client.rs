//! The Data API client: Extended JSON, a time limit, one retry for reads, and a breaker (DESIGN.md §5).

use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt, pin_mut, select};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use crate::{audit::Entry, breaker::Breaker, ejson::date, error::StoreError};

/// Longest time for one call with its retry.
const TIME_LIMIT: Duration = Duration::from_secs(5);
/// Failures in a row after which calls fail at once.
const BREAKER_FAILURES: u32 = 5;
/// How long they do, ms.
const BREAKER_PAUSE_MS: u64 = 2_000;
/// The server's numbers for a transaction that lost against another one: write conflict, lock timeout, gone.
const CONFLICTS: [i64; 3] = [112, 24, 251];
/// The server's number for a duplicate key.
const DUPLICATE_KEY: i64 = 11_000;

/// Where the Data API is.
#[derive(Clone)]
pub struct Settings {
    /// Everything before `/action/…`.
    pub url: String,
    /// API key.
    pub key: String,
    /// `dataSource` of each call.
    pub source: String,
    /// `database` of each call.
    pub database: String,
}

/// A handle to the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    settings: Settings,
    http: reqwest::Client,
    breaker: Breaker,
}

#[derive(Deserialize)]
struct Refusal {
    error: String,
    code: Option<i64>,
}

/// Counts of an update.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Updated {
    matched_count: crate::ejson::Num,
}

impl Updated {
    /// Count of documents that the filter matched.
    #[must_use]
    pub fn matched(&self) -> i64 {
        self.matched_count.as_i64()
    }
}

impl Store {
    /// A handle with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            inner: Arc::new(Inner {
                settings,
                http: reqwest::Client::new(),
                breaker: Breaker::new(BREAKER_FAILURES, BREAKER_PAUSE_MS),
            }),
        }
    }

    /// First match.
    pub(crate) async fn find_one<T: DeserializeOwned>(
        &self,
        collection: &str,
        filter: Value,
        projection: Value,
    ) -> Result<Option<T>, StoreError> {
        #[derive(Deserialize)]
        struct Found<T> {
            document: Option<T>,
        }
        let body = json!({ "collection": collection, "filter": filter, "projection": projection });
        Ok(self.read::<Found<T>>("findOne", body).await?.document)
    }

    /// All matches; `rest` holds sort, limit, skip and projection.
    pub(crate) async fn find<T: DeserializeOwned>(
        &self,
        collection: &str,
        filter: Value,
        rest: Value,
    ) -> Result<Vec<T>, StoreError> {
        let mut body = json!({ "collection": collection, "filter": filter });
        merge(&mut body, rest);
        Ok(self.read::<Documents>("find", body).await?.readable())
    }

    /// The answer of a pipeline.
    pub(crate) async fn aggregate<T: DeserializeOwned>(
        &self,
        collection: &str,
        pipeline: Value,
    ) -> Result<Vec<T>, StoreError> {
        let body = json!({ "collection": collection, "pipeline": pipeline });
        Ok(self.read::<Documents>("aggregate", body).await?.readable())
    }

    /// The number of matches.
    pub(crate) async fn count(&self, collection: &str, filter: Value) -> Result<u64, StoreError> {
        #[derive(Deserialize)]
        struct Counted {
            n: crate::ejson::Num,
        }
        let pipeline = json!([{ "$match": filter }, { "$count": "n" }]);
        let counted = self.aggregate::<Counted>(collection, pipeline).await?;
        Ok(counted.first().map_or(0, |counted| u64::try_from(counted.n.as_i64()).unwrap_or(0)))
    }

    /// Adds a document.
    pub(crate) async fn insert_one(&self, collection: &str, document: Value) -> Result<(), StoreError> {
        let body = json!({ "collection": collection, "document": document });
        self.call::<Value>("insertOne", body).await.map(drop)
    }

    /// Removes the first match.
    pub(crate) async fn delete_one(&self, collection: &str, filter: Value) -> Result<(), StoreError> {
        let body = json!({ "collection": collection, "filter": filter });
        self.call::<Value>("deleteOne", body).await.map(drop)
    }

    /// Changes the first match.
    pub(crate) async fn update_one(
        &self,
        collection: &str,
        filter: Value,
        update: Value,
        upsert: bool,
    ) -> Result<Updated, StoreError> {
        let body = json!({ "collection": collection, "filter": filter, "update": update, "upsert": upsert });
        self.call("updateOne", body).await
    }

    /// Steps that are done all or not at all; their answers. A step whose `expect` is not met is a
    /// [`StoreError::Aborted`]. Our Data API service has this beyond the ten actions (docs/data-api.md).
    pub(crate) async fn transaction(&self, steps: &[Value]) -> Result<Vec<Value>, StoreError> {
        #[derive(Deserialize)]
        struct Results {
            results: Vec<Value>,
        }
        Ok(self.call::<Results>("transaction", json!({ "actions": steps })).await?.results)
    }

    /// An administrator's write and its line in the audit trail, as one. Says whether the step did what it expected;
    /// if not, nothing was written.
    pub(crate) async fn audited(&self, step: Value, entry: &Entry) -> Result<bool, StoreError> {
        self.audited_all(&[step], entry).await
    }

    /// As [`Self::audited`]: adds a document.
    pub(crate) async fn audited_insert(
        &self,
        collection: &str,
        document: Value,
        entry: &Entry,
    ) -> Result<(), StoreError> {
        let step = json!({ "action": "insertOne", "collection": collection, "document": document });
        self.audited(step, entry).await.map(drop)
    }

    /// As [`Self::audited`]: changes fields of the one match of `filter`.
    pub(crate) async fn audited_set(
        &self,
        collection: &str,
        filter: Value,
        mut set: Map<String, Value>,
        entry: &Entry,
    ) -> Result<bool, StoreError> {
        set.insert("updatedAt".into(), date(entry.at));
        let step = json!({ "action": "updateOne", "collection": collection, "filter": filter,
            "update": { "$set": set }, "expect": { "matchedCount": 1 } });
        self.audited(step, entry).await
    }

    /// As [`Self::audited`], for several steps.
    pub(crate) async fn audited_all(&self, steps: &[Value], entry: &Entry) -> Result<bool, StoreError> {
        let steps: Vec<Value> = steps.iter().cloned().chain([entry.step()]).collect();
        match self.transaction(&steps).await {
            Ok(_) => {
                entry.log();
                Ok(true)
            }
            Err(StoreError::Aborted(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// A call that may be repeated: one retry after a quick failure.
    async fn read<T: DeserializeOwned>(&self, action: &str, body: Value) -> Result<T, StoreError> {
        let text = self.body(body);
        self.limited(async {
            match self.send(action, text.clone()).await {
                Err(StoreError::Unavailable(_)) => {
                    // Jitter spreads the retries of an isolate; object and time differ enough for that.
                    let jitter = 20 + worker::Date::now().as_millis() % 60;
                    worker::Delay::from(Duration::from_millis(jitter)).await;
                    self.send(action, text).await
                }
                answer => answer,
            }
        })
        .await
    }

    async fn call<T: DeserializeOwned>(&self, action: &str, body: Value) -> Result<T, StoreError> {
        let text = self.body(body);
        self.limited(self.send(action, text)).await
    }

    fn body(&self, mut body: Value) -> String {
        let Settings { source, database, .. } = &self.inner.settings;
        merge(&mut body, json!({ "dataSource": source, "database": database }));
        body.to_string()
    }

    /// Applies the time limit and the breaker.
    async fn limited<T>(&self, call: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        if !self.inner.breaker.lets_through(worker::Date::now().as_millis()) {
            return Err(StoreError::Unavailable("too many failures a moment ago".into()));
        }
        let call = call.fuse();
        let limit = worker::Delay::from(TIME_LIMIT).fuse();
        pin_mut!(call, limit);
        let answer = select! {
            answer = call => answer,
            () = limit => Err(StoreError::Unavailable("no answer in 5 s".into())),
        };
        let succeeded = !matches!(answer, Err(StoreError::Unavailable(_)));
        self.inner.breaker.note(succeeded, worker::Date::now().as_millis());
        answer
    }

    async fn send<T: DeserializeOwned>(&self, action: &str, body: String) -> Result<T, StoreError> {
        let Settings { url, key, .. } = &self.inner.settings;
        let unavailable = |error: reqwest::Error| StoreError::Unavailable(error.without_url().to_string());
        let response = self
            .inner
            .http
            .post(format!("{url}/action/{action}"))
            .header("apiKey", key)
            .header("content-type", "application/ejson")
            .header("accept", "application/ejson")
            .body(body)
            .send()
            .await
            .map_err(unavailable)?;
        let status = response.status();
        let answer = response.bytes().await.map_err(unavailable)?;
        if status.is_success() {
            return serde_json::from_slice(&answer).map_err(|error| match error.classify() {
                // JSON, but not what we expect: one odd document must not close the breaker for everybody.
                serde_json::error::Category::Data => StoreError::Unreadable(error.to_string()),
                _ => StoreError::Unavailable(format!("the answer cannot be read: {error}")),
            });
        }
        match serde_json::from_slice::<Refusal>(&answer) {
            Ok(refusal) if refusal.code == Some(DUPLICATE_KEY) => Err(StoreError::Duplicate(refusal.error)),
            Ok(refusal)
                if status.as_u16() == 409 || refusal.code.is_some_and(|code| CONFLICTS.contains(&code)) =>
            {
                Err(StoreError::Aborted(refusal.error))
            }
            Ok(refusal) if status.as_u16() < 500 => Err(StoreError::Rejected(refusal.error)),
            _ => Err(StoreError::Unavailable(format!("status {status}"))),
        }
    }
}

#[derive(Deserialize)]
struct Documents {
    documents: Vec<Value>,
}

impl Documents {
    /// All that can be read: one odd document must not hide the others.
    fn readable<T: DeserializeOwned>(self) -> Vec<T> {
        let read = |document: Value| match serde_json::from_value(document) {
            Ok(read) => Some(read),
            Err(error) => {
                let line = json!({ "level": "warn", "unreadable": error.to_string() });
                worker::console_warn!("{line}");
                None
            }
        };
        self.documents.into_iter().filter_map(read).collect()
    }
}

fn merge(body: &mut Value, more: Value) {
    if let (Value::Object(body), Value::Object(more)) = (body, more) {
        body.extend(more);
    }
}
