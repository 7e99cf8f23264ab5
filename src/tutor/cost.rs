//! What the tutor may cost: a budget of tokens for each learner and day, and the books about it.

use domain::{Id, accounts::Role, budget::estimate, subscription::Tier};
use durable::{
    UserHub, rpc,
    user_hub::{HubReply, HubRequest},
};
use serde_json::json;
use store::{
    ai_usage::{self, Used},
    users::Account,
};
use worker::console_warn;

use super::{answer::Usage, upstream::Ask};
use crate::{
    http::error::{ApiError, ApiResult},
    state::{AppState, Shared},
};

/// Tokens that are set aside for one question until it is known what it cost.
pub struct Reserved {
    user: Id,
    day: String,
    tokens: i64,
}

/// Sets aside what a question may cost at most.
pub async fn reserve(state: &AppState, account: &Account, ask: &Ask) -> ApiResult<Reserved> {
    let now = durable::now();
    let holder = state.holder(account).await?;
    let tier = match account.role {
        Role::Student if !holder.is_subscribed(now) => Tier::Free,
        Role::Student => holder.tier,
        Role::Teacher | Role::Admin => Tier::Pro,
    };
    let said: usize = ask.turns.iter().map(|turn| turn.content.chars().count()).sum();
    let tokens = estimate(said, ask.max_tokens);
    let day = now.indian_day();
    let limit = state.budgets.of(tier);
    let request = HubRequest::ReserveTokens { day: day.clone(), tokens, limit };
    match rpc::call::<UserHub>(&state.env, &account.id.to_string(), &request).await? {
        HubReply::Counted(true) => Ok(Reserved { user: account.id, day, tokens }),
        HubReply::Counted(false) => Err(ApiError::Spent {
            code: "AI_BUDGET",
            text: "You have asked the tutor enough for today. Please come back tomorrow",
            seconds: now.seconds_left_of_indian_day().max(1),
        }),
        _ => Err(ApiError::Internal("a hub answered something else".into())),
    }
}

/// Gives back what was set aside, less what was used. A failure costs the learner at most the rest of one question.
pub async fn settle(state: &AppState, reserved: Reserved, usage: Usage) {
    let Reserved { user, day, tokens } = reserved;
    let used = if usage.total_tokens > 0 { usage.total_tokens } else { 0 };
    let request = HubRequest::SettleTokens { day, reserved: tokens, used };
    if let Err(error) = rpc::call::<UserHub>(&state.env, &user.to_string(), &request).await {
        console_warn!("{}", json!({ "level": "warn", "budget": user, "detail": error.to_string() }));
    }
}

/// How a question ended, for the books.
pub enum Outcome {
    /// The model answered.
    Answered(Usage),
    /// The cache did.
    Cached,
    /// Nobody did.
    Failed,
}

/// Writes it into the books of the day. Books that are a question behind are better than a question that fails.
pub async fn book(state: Shared, outcome: Outcome, is_first: bool) {
    let used = match outcome {
        Outcome::Cached => Used { cache_hits: 1, ..Used::default() },
        Outcome::Failed => Used { failures: 1, cache_misses: i64::from(is_first), ..Used::default() },
        Outcome::Answered(usage) => Used {
            requests: 1,
            prompt_tokens: usage.prompt_tokens,
            completion_tokens: usage.completion_tokens,
            cache_misses: i64::from(is_first),
            ..Used::default()
        },
    };
    if let Err(error) = ai_usage::add(&state.store, &durable::now().indian_day(), &used).await {
        console_warn!("{}", json!({ "level": "warn", "books": "tutor", "detail": error.to_string() }));
    }
}
