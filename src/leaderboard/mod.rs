//! `/leaderboard`: who stands where.

mod activity;
mod overview;
mod ranking;

use crate::http::routes::operations;

operations!(
    ranking::top3,
    ranking::region_page,
    ranking::my_rank,
    overview::all_top3,
    overview::statistics,
    overview::ranked_regions,
    activity::update,
);
