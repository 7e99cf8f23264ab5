//! Records of sessions: lists, details, and the runs of games and viewings of lectures that the app saves itself.

mod admin;
mod games;
mod groups;
mod lectures;
mod own;
mod search;
mod show;
mod statistics;

pub(crate) use admin::given;
pub(crate) use show::{Reader, Shown, shown};

use crate::http::{error::ApiError, routes::operations};

operations!(
    admin::all,
    admin::by_type,
    own::list,
    own::recent,
    own::one,
    admin::delete,
    statistics::statistics,
    search::search,
    games::save,
    games::active,
    games::pause,
    games::resume,
    games::end,
    groups::save,
    groups::active,
    lectures::save,
    lectures::active,
    lectures::progress,
    lectures::bookmark,
    lectures::notes,
);

/// All types, as stored and sent.
const TYPES: [&str; 9] = [
    "video_call",
    "voice_call",
    "chat",
    "group_video_call",
    "group_voice_call",
    "group_chat",
    "group_discussion",
    "game",
    "lecture",
];
/// All states, as stored and sent.
const STATUSES: [&str; 6] =
    ["scheduled", "active", "completed", "cancelled", "failed", "waiting_for_partner"];
const NO_SESSION: ApiError = ApiError::NotFound("There is no such session");
