//! `/leaderboard`: who stands where.

mod activity;
mod around;
mod overview;
mod ranking;

use crate::http::routes::operations;

operations!(
    ranking::top3,
    ranking::region_page,
    ranking::my_rank,
    around::around_me,
    overview::all_top3,
    overview::statistics,
    overview::ranked_regions,
    activity::update,
);
