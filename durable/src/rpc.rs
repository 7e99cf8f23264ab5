//! Calls into objects: one typed request and reply per object, carried as JSON.

use std::{fmt, time::Duration};

use futures_util::{FutureExt, pin_mut, select};
use serde::{Serialize, de::DeserializeOwned};
use worker::{Delay, Env, Method, Request, RequestInit, Response};

/// An object that hangs must not hang its callers.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The contract of an object class.
pub trait Object {
    /// Its binding in wrangler.toml.
    const BINDING: &'static str;
    /// What it can be asked.
    type Request: Serialize + DeserializeOwned;
    /// What it answers.
    type Reply: Serialize + DeserializeOwned;
}

/// The object could not be reached, failed, or panicked. Its state is kept; the caller may try again.
#[derive(Debug, Clone)]
pub struct CallError(String);

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "object call failed: {}", self.0)
    }
}

impl From<worker::Error> for CallError {
    fn from(error: worker::Error) -> Self {
        Self(error.to_string())
    }
}

impl From<serde_json::Error> for CallError {
    fn from(error: serde_json::Error) -> Self {
        Self(error.to_string())
    }
}

/// Asks the object of class `O` that has this name.
pub async fn call<O: Object>(env: &Env, name: &str, request: &O::Request) -> Result<O::Reply, CallError> {
    let mut init = RequestInit::new();
    init.with_method(Method::Post).with_body(Some(serde_json::to_string(request)?.into()));
    let request = Request::new_with_init("https://object/", &init)?;
    let stub = env.durable_object(O::BINDING)?.get_by_name(name)?;
    let exchange = async {
        let mut response = stub.fetch_with_request(request).await?;
        if response.status_code() != 200 {
            return Err(CallError(format!("status {}", response.status_code())));
        }
        Ok(serde_json::from_str(&response.text().await?)?)
    }
    .fuse();
    let limit = Delay::from(TIME_LIMIT).fuse();
    pin_mut!(exchange, limit);
    select! {
        reply = exchange => reply,
        () = limit => Err(CallError("no answer in 5 s".into())),
    }
}

/// Hands a WebSocket upgrade to an object; `request` travels in the address, inside the platform only.
pub async fn upgrade<O: Object>(
    env: &Env,
    name: &str,
    request: &impl Serialize,
) -> Result<Response, CallError> {
    let init = RequestInit::new();
    init.headers.set("upgrade", "websocket")?;
    let mut address = worker::Url::parse("https://object/socket").map_err(worker::Error::from)?;
    address.query_pairs_mut().append_pair("request", &serde_json::to_string(request)?);
    let request = Request::new_with_init(address.as_str(), &init)?;
    Ok(env.durable_object(O::BINDING)?.get_by_name(name)?.fetch_with_request(request).await?)
}

/// Reads what [`call`] sent.
pub(crate) async fn read<O: Object>(request: &mut Request) -> worker::Result<O::Request> {
    Ok(serde_json::from_str(&request.text().await?)?)
}

/// Writes what [`call`] reads.
pub(crate) fn reply<O: Object>(reply: &O::Reply) -> worker::Result<Response> {
    Response::ok(serde_json::to_string(reply)?)
}
