//! `/leaderboard`: who stands where.

mod ranking;

use crate::http::routes::operations;

operations!(ranking::top3, ranking::region_page, ranking::my_rank);
