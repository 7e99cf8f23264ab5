//! What handlers share: the environment, the store, and small caches that live as long as the isolate.

use std::{
    collections::{HashMap, HashSet},
    hash::Hash,
    sync::{Arc, Mutex},
    time::Duration,
};

use domain::{
    Id, Timestamp,
    budget::{Budgets, Prices},
    subscription::{Holder, Tier},
};
use futures_util::{FutureExt, pin_mut, select};
use store::{Store, StoreError, features::Feature, plans::Plan, regions::Region, users::Account};
use worker::{Delay, Env};

use crate::{
    auth::token::Tokens,
    config::{Config, PasswordHash, Turn},
    payments::gateway::Gateway,
    tutor::upstream::Upstream,
};

/// A deactivated account is refused everywhere within 10 s: an isolate trusts what it read for a little less.
const ACCOUNT_MS: i64 = 8_000;
/// While the database cannot be reached, an account read not longer ago is still trusted.
const ACCOUNT_IN_TROUBLE_MS: i64 = 3_600_000;
/// A request to a live room does not wait longer for the account.
const ROOM_PATIENCE: Duration = Duration::from_millis(500);
/// Names of regions and plans, and feature switches.
const CATALOGUE_MS: i64 = 5_000;

/// Shared by all requests of an isolate.
pub struct AppState {
    /// Bindings.
    pub env: Env,
    /// Signs and checks tokens.
    pub tokens: Tokens,
    /// The database.
    pub store: Store,
    /// Debugging aids answer.
    pub is_development: bool,
    /// Where links in letters lead.
    pub public_url: String,
    /// Sender of letters.
    pub email_from: String,
    /// How new passwords are hashed.
    pub password_hash: PasswordHash,
    /// The payment provider.
    pub gateway: Gateway,
    /// The model behind the tutor.
    pub model: Upstream,
    /// Where TURN credentials come from.
    pub turn: Turn,
    /// For services that need no client of their own.
    pub http: reqwest::Client,
    /// Tokens that a learner may spend at the tutor in a day.
    pub budgets: Budgets,
    /// What they cost.
    pub prices: Prices,
    /// Recordings are scored without a token, too.
    pub anonymous_pronunciation: bool,
    accounts: Cache<Id, Account>,
    features: Cache<(), Arc<Vec<Feature>>>,
    regions: Cache<Id, Option<Region>>,
    plans: Cache<Id, Option<Plan>>,
}

/// A handle to [`AppState`].
pub type Shared = Arc<AppState>;

impl AppState {
    /// Everything empty.
    pub fn new(env: Env, config: &Config) -> Self {
        Self {
            env,
            tokens: Tokens::new(&config.jwt_secret),
            store: Store::new(config.store.clone()),
            is_development: config.is_development,
            public_url: config.public_url.clone(),
            email_from: config.email_from.clone(),
            password_hash: config.password_hash,
            gateway: Gateway::new(config.payments.clone()),
            model: Upstream::new(config.ai.clone()),
            turn: config.turn.clone(),
            http: reqwest::Client::new(),
            budgets: config.budgets,
            prices: config.prices,
            anonymous_pronunciation: config.anonymous_pronunciation,
            accounts: Cache::new(20_000),
            features: Cache::new(1),
            regions: Cache::new(1_000),
            plans: Cache::new(1_000),
        }
    }

    /// An account as it was a moment ago.
    pub async fn account(&self, id: Id) -> Result<Option<Account>, StoreError> {
        let now = durable::now();
        if let Some(known) = self.accounts.get(&id, now, ACCOUNT_MS) {
            return Ok(Some(known));
        }
        match store::users::account(&self.store, id).await {
            Ok(Some(account)) => {
                self.accounts.put(id, account.clone(), now);
                Ok(Some(account))
            }
            Ok(None) => {
                self.accounts.forget(&id);
                Ok(None)
            }
            Err(trouble) => self.accounts.get(&id, now, ACCOUNT_IN_TROUBLE_MS).map(Some).ok_or(trouble),
        }
    }

    /// As [`Self::account`], for requests to live rooms, which must stay quick while the database is slow.
    pub async fn account_at_once(&self, id: Id) -> Result<Option<Account>, StoreError> {
        let now = durable::now();
        if let Some(fresh) = self.accounts.get(&id, now, ACCOUNT_MS) {
            return Ok(Some(fresh));
        }
        let known = self.accounts.get(&id, now, ACCOUNT_IN_TROUBLE_MS);
        let read = self.account(id).fuse();
        let patience = Delay::from(ROOM_PATIENCE).fuse();
        pin_mut!(read, patience);
        select! {
            account = read => account,
            () = patience => match known {
                Some(known) => Ok(Some(known)),
                None => Err(StoreError::Unavailable("slow".into())),
            },
        }
    }

    /// After a change: the next request reads the account anew.
    pub fn forget_account(&self, id: Id) {
        self.accounts.forget(&id);
    }

    /// All features, in the order of lists.
    pub async fn features(&self) -> Result<Arc<Vec<Feature>>, StoreError> {
        self.features.get_or_load((), async || Ok(Arc::new(store::features::all(&self.store).await?))).await
    }

    /// A feature, if it exists.
    pub async fn feature(&self, key: &str) -> Result<Option<Feature>, StoreError> {
        match self.features().await?.iter().find(|feature| feature.key == key) {
            Some(known) => Ok(Some(known.clone())),
            None => store::features::by_key(&self.store, key).await,
        }
    }

    /// After a change of features.
    pub fn forget_features(&self) {
        self.features.forget(&());
    }

    /// A region, if it exists.
    pub async fn region(&self, id: Id) -> Result<Option<Region>, StoreError> {
        Ok(self.regions([id]).await?.remove(&id))
    }

    /// Those of these regions that exist.
    pub async fn regions(
        &self,
        ids: impl IntoIterator<Item = Id>,
    ) -> Result<HashMap<Id, Region>, StoreError> {
        let load = async |ids: &[Id]| {
            let found = store::regions::by_ids(&self.store, ids).await?;
            Ok(found.into_iter().map(|region| (region.id, region)).collect())
        };
        self.regions.get_all_or_load(ids, load).await
    }

    /// After a change of a region.
    pub fn forget_region(&self, id: Id) {
        self.regions.forget(&id);
    }

    /// A plan, if it exists.
    pub async fn plan(&self, id: Id) -> Result<Option<Plan>, StoreError> {
        Ok(self.plans([id]).await?.remove(&id))
    }

    /// Those of these plans that exist.
    pub async fn plans(&self, ids: impl IntoIterator<Item = Id>) -> Result<HashMap<Id, Plan>, StoreError> {
        let load = async |ids: &[Id]| {
            let found = store::plans::by_ids(&self.store, ids).await?;
            Ok(found.into_iter().map(|plan| (plan.id, plan)).collect())
        };
        self.plans.get_all_or_load(ids, load).await
    }

    /// After a change of a plan.
    pub fn forget_plan(&self, id: Id) {
        self.plans.forget(&id);
    }

    /// What an account brings to the paid gate.
    pub async fn holder(&self, account: &Account) -> Result<Holder, StoreError> {
        let info = &account.student_info;
        let holder = Holder { role: account.role, plan_expiry: info.plan_expiry_date, tier: Tier::default() };
        match info.current_plan.filter(|_| holder.is_subscribed(durable::now())) {
            Some(plan) => Ok(Holder {
                tier: self.plan(plan).await?.map(|plan| plan.tier).unwrap_or_default(),
                ..holder
            }),
            None => Ok(holder),
        }
    }
}

/// A bounded map whose entries age.
struct Cache<K, V> {
    entries: Mutex<HashMap<K, (V, Timestamp)>>,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Cache<K, V> {
    fn new(most: usize) -> Self {
        Self { entries: Mutex::new(HashMap::new()), most }
    }

    /// The entry, if it is not older than `age` ms.
    fn get(&self, key: &K, now: Timestamp, age: i64) -> Option<V> {
        let entries = self.entries.lock().ok()?;
        entries.get(key).filter(|(_, at)| now.since(*at) < age).map(|(value, _)| value.clone())
    }

    fn put(&self, key: K, value: V, now: Timestamp) {
        if let Ok(mut entries) = self.entries.lock() {
            // Simplest bound that never scans on a hot path: start over when full.
            if entries.len() >= self.most {
                entries.clear();
            }
            entries.insert(key, (value, now));
        }
    }

    fn forget(&self, key: &K) {
        if let Ok(mut entries) = self.entries.lock() {
            entries.remove(key);
        }
    }

    async fn get_or_load(
        &self,
        key: K,
        load: impl AsyncFnOnce() -> Result<V, StoreError>,
    ) -> Result<V, StoreError> {
        let now = durable::now();
        if let Some(known) = self.get(&key, now, CATALOGUE_MS) {
            return Ok(known);
        }
        let value = load().await?;
        self.put(key, value.clone(), now);
        Ok(value)
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Cache<K, Option<V>> {
    /// Those that exist; the unknown ones are loaded together.
    async fn get_all_or_load(
        &self,
        keys: impl IntoIterator<Item = K>,
        load: impl AsyncFnOnce(&[K]) -> Result<HashMap<K, V>, StoreError>,
    ) -> Result<HashMap<K, V>, StoreError> {
        let now = durable::now();
        let (mut found, mut unknown) = (HashMap::new(), HashSet::new());
        for key in keys {
            match self.get(&key, now, CATALOGUE_MS) {
                Some(known) => found.extend(known.map(|value| (key, value))),
                None => {
                    unknown.insert(key);
                }
            }
        }
        if !unknown.is_empty() {
            let unknown: Vec<K> = unknown.into_iter().collect();
            let mut loaded = load(&unknown).await?;
            for key in unknown {
                let value = loaded.remove(&key);
                self.put(key, value.clone(), now);
                found.extend(value.map(|value| (key, value)));
            }
        }
        Ok(found)
    }
}
