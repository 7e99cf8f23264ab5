//! What the leaderboards are told of accounts.

use domain::Id;
use durable::{Leaderboard, leaderboard::LeaderboardRequest, rpc};
use serde_json::json;
use worker::console_warn;

use crate::state::AppState;

/// Lets the leaderboards of the regions that an account was and is in look at it again. A failure only delays that: the
/// object compares itself with the database later.
pub(super) async fn refresh_ranking(state: &AppState, student: Id, regions: [Option<Id>; 2]) {
    let [from, to] = regions;
    let also = if to == from { None } else { to };
    for region in [from, also].into_iter().flatten() {
        let request = LeaderboardRequest::Refresh { student };
        if let Err(error) = rpc::call::<Leaderboard>(&state.env, &region.to_string(), &request).await {
            console_warn!(
                "{}",
                json!({ "level": "warn", "leaderboard": region, "detail": error.to_string() })
            );
        }
    }
}
