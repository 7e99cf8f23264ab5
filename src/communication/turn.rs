//! Servers that help two phones find a way to each other: STUN for all, TURN with credentials that expire.

use axum::{Json, extract::State};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{Id, Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha1::Sha1;
use utoipa::ToSchema;
use worker::console_error;

use crate::{
    config::Turn,
    http::{
        body::{DataOnly, NO_STORE, NoStore, data},
        error::{ApiResult, ErrorBody},
        extract::RoomUser,
    },
    state::{AppState, Shared},
};

/// How long credentials are good: longer than any call, s.
const GOOD_FOR: i64 = 6 * 3600;
const STUN: [&str; 2] = ["stun:stun.l.google.com:19302", "stun:stun1.l.google.com:19302"];
/// A relay that is open to everybody, for development only.
const PUBLIC_RELAY: [&str; 3] = [
    "turn:openrelay.metered.ca:80",
    "turn:openrelay.metered.ca:443",
    "turn:openrelay.metered.ca:443?transport=tcp",
];
const PUBLIC_USER: &str = "openrelayproject";

/// A server, as `RTCPeerConnection` takes it.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct IceServer {
    urls: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    credential: Option<String>,
}

impl IceServer {
    fn open(urls: &[&str]) -> Self {
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        Self { urls, username: None, credential: None }
    }
}

/// Servers for a call.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct IceServers {
    ice_servers: Vec<IceServer>,
    expires_at: Timestamp,
}

/// Get STUN and TURN servers with credentials of the caller's own. They are good for six hours.
#[utoipa::path(get, path = "/communication/ice-servers", tag = "communication", security(("bearer" = [])),
    responses((status = 200, body = DataOnly<IceServers>), (status = 401, body = ErrorBody)))]
#[worker::send]
pub async fn servers(
    State(state): State<Shared>,
    RoomUser(user): RoomUser,
) -> ApiResult<(NoStore, Json<DataOnly<IceServers>>)> {
    let expires_at = durable::now().plus(GOOD_FOR * 1000);
    let ice_servers = ice_servers(&state, user, expires_at).await;
    Ok((NO_STORE, data(IceServers { ice_servers, expires_at })))
}

/// The servers that a room's welcome names.
pub async fn for_room(state: &AppState, user: Id) -> serde_json::Value {
    json!(ice_servers(state, user, durable::now().plus(GOOD_FOR * 1000)).await)
}

/// The servers for a user. Without TURN most calls still find a way, so trouble there is logged and not told.
async fn ice_servers(state: &AppState, user: Id, expires_at: Timestamp) -> Vec<IceServer> {
    let mut servers = vec![IceServer::open(&STUN)];
    match &state.turn {
        Turn::None if state.is_development => {
            let relay = IceServer::open(&PUBLIC_RELAY);
            let known = Some(PUBLIC_USER.to_owned());
            servers.push(IceServer { username: known.clone(), credential: known, ..relay });
        }
        Turn::None => {}
        Turn::Shared { urls, secret } => servers.push(shared(urls, secret, user, expires_at)),
        Turn::Provider { address, token } => match provider(state, address, token).await {
            Ok(more) => servers.extend(more),
            Err(error) => {
                console_error!(
                    "{}",
                    json!({ "level": "error", "turn": "provider", "detail": error.to_string() })
                );
            }
        },
    }
    servers
}

/// The scheme of coturn and others (draft-uberti-behave-turn-rest): the name is an expiry and a user, the password its
/// HMAC-SHA1 under a secret that the TURN server knows, too.
fn shared(urls: &[String], secret: &str, user: Id, expires_at: Timestamp) -> IceServer {
    let username = format!("{}:{user}", expires_at.millis() / 1000);
    let credential = Hmac::<Sha1>::new_from_slice(secret.as_bytes()).ok().map(|mut mac| {
        mac.update(username.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    });
    IceServer { urls: urls.to_vec(), username: Some(username), credential }
}

/// Cloudflare's TURN service makes the credentials itself.
async fn provider(state: &AppState, address: &str, token: &str) -> Result<Vec<IceServer>, reqwest::Error> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Made {
        ice_servers: Vec<IceServer>,
    }
    let request = state.http.post(address).bearer_auth(token).json(&json!({ "ttl": GOOD_FOR }));
    let made: Made =
        request.send().await?.error_for_status()?.json().await.map_err(reqwest::Error::without_url)?;
    Ok(made.ice_servers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shared_credentials_are_those_of_the_scheme() {
        let urls = vec!["turn:turn.example.com:3478".to_owned()];
        let server = shared(&urls, "north", Id::from([1; 12]), Timestamp::from_millis(1_433_895_918_506));
        assert_eq!(server.username.as_deref(), Some("1433895918:010101010101010101010101"));
        // printf '1433895918:010101010101010101010101' | openssl dgst -sha1 -hmac north -binary | base64
        assert_eq!(server.credential.as_deref(), Some("AOm7aHwetpjOYrrzkWyjkJ9S7rk="));
    }
}
