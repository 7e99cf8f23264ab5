//! `PATCH /admin/transactions/{id}/status`: by hand, with the same steps as everybody's payments.

use axum::{Json, extract::State};
use domain::payment::Status;
use serde::Serialize;
use serde_json::{Map, Value, json};
use store::{
    audit::changes,
    ejson::{date, oid},
    purchases, transactions,
};
use utoipa::ToSchema;

use super::settle::{self, Proof};
use crate::{
    http::{
        body::{Envelope, envelope},
        error::{ApiError, ApiResult, ErrorBody},
        extract::{Admin, JsonBody, TextPath, parse_id},
        form::Form,
    },
    retry::until_done,
    state::Shared,
};

/// What a change takes.
#[derive(ToSchema)]
#[allow(dead_code, reason = "describes the body; reading it is done by a form")]
pub struct StatusChange {
    /// `pending`, `completed`, `failed` or `cancelled`.
    status: String,
    /// Why; kept with the administrator's id.
    notes: Option<String>,
}

/// The status as it is now.
#[derive(Serialize, ToSchema)]
pub struct Changed {
    status: Status,
}

/// Set a status by hand. Completing starts the subscription; taking that back ends it.
#[utoipa::path(patch, path = "/admin/transactions/{transactionId}/status", tag = "admin", security(("bearer" = [])),
    params(("transactionId" = String, Path)), request_body = StatusChange, responses(
    (status = 200, body = Envelope<Changed>),
    (status = 400, body = ErrorBody, description = "A field is wrong, or the id malformed"),
    (status = 401, body = ErrorBody),
    (status = 403, body = ErrorBody, description = "Not an administrator"),
    (status = 404, body = ErrorBody),
))]
#[worker::send]
pub async fn set_status(
    State(state): State<Shared>,
    TextPath(id): TextPath,
    admin: Admin,
    JsonBody(body): JsonBody,
) -> ApiResult<Json<Envelope<Changed>>> {
    let fields = Form::new(&body)
        .needs(&["status"])
        .choice("status", &["pending", "completed", "failed", "cancelled"])
        .text("notes", 0..=2000)
        .finish()?;
    let wanted =
        fields.get("status").cloned().and_then(|status| serde_json::from_value::<Status>(status).ok());
    let wanted = wanted.ok_or(ApiError::BadRequest("The status cannot be read"))?;
    let id = parse_id(&id)?;
    until_done(async || {
        let found = transactions::by_id(&state.store, id).await?;
        let found = found.ok_or(ApiError::NotFound("There is no such transaction"))?;
        let now = durable::now();
        let mut more = Map::new();
        if let Some(notes) = fields.get("notes").and_then(Value::as_str).filter(|notes| !notes.is_empty()) {
            let note = json!({ "text": notes, "by": oid(admin.account.id), "at": date(now) });
            more.insert("adminNote".into(), note);
        }
        let set: Map<_, _> = [("status".to_owned(), json!(wanted))].into_iter().collect();
        let entry =
            admin.entry("transactions.setStatus", id, changes(&json!({ "status": found.status }), &set));
        let entry = Some(&entry);
        let done = match (found.status, wanted) {
            (Status::Completed, Status::Completed) | (Status::Refunded, _) => {
                purchases::mark(&state.store, &found, found.status, more, entry, now).await?
            }
            (_, Status::Completed) => {
                let done = settle::credit(&state, &found, Proof::default(), entry).await?;
                if done && !more.is_empty() {
                    let found =
                        store::transactions::Transaction { status: Status::Completed, ..found.clone() };
                    purchases::mark(&state.store, &found, Status::Completed, more, None, now).await?;
                }
                done
            }
            (Status::Completed, other) => settle::reverse(&state, &found, other, more, entry).await?,
            (_, other) => purchases::mark(&state.store, &found, other, more, entry, now).await?,
        };
        let status = if found.status == Status::Refunded { Status::Refunded } else { wanted };
        Ok(done.then(|| envelope("The status is set", Changed { status })))
    })
    .await
}
