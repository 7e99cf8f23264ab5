//! `/evaluation`: spoken words and written stories are scored. Every score is computed here; the model only judges.

mod bundle;
mod history;
mod pronunciation;
mod recording;
mod spoken;
mod story;

use crate::http::routes::operations;

operations!(pronunciation::evaluate, recording::evaluate, story::evaluate, history::history, history::stats,);
