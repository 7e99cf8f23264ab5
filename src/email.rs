//! Letters, through the runtime's e-mail binding: a provider in production, a folder in development.

use serde_json::json;
use worker::{console_error, email::SendEmailBuilder};

use crate::state::AppState;

const BINDING: &str = "EMAIL";

/// A letter in plain text.
pub struct Letter<'a> {
    /// Address.
    pub to: &'a str,
    /// Subject.
    pub subject: &'a str,
    /// Text.
    pub text: &'a str,
}

/// Sends a letter. Nobody waits for it: what goes wrong is in the log.
pub async fn send(state: &AppState, letter: Letter<'_>) {
    let builder =
        SendEmailBuilder::builder(&state.email_from, letter.to, letter.subject).text(letter.text).build();
    let sent = match state.env.send_email(BINDING) {
        Ok(binding) => {
            binding.send_with_builder(&builder).await.map(drop).map_err(|error| format!("{error:?}"))
        }
        Err(error) => Err(error.to_string()),
    };
    if let Err(detail) = sent {
        console_error!("{}", json!({ "level": "error", "email": letter.subject, "detail": detail }));
    }
}
