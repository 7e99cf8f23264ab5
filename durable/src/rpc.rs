//! Calls into objects: one typed request and reply per object, carried as JSON.

use std::{fmt, time::Duration};

use futures_util::{FutureExt, pin_mut, select};
use serde::{Serialize, de::DeserializeOwned};
use worker::{Delay, Env, Request, Response};

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
    let init = web_sys::RequestInit::new();
    init.set_method("POST");
    init.set_body(&js_sys::Uint8Array::from(serde_json::to_vec(request)?.as_slice()));
    let request = to_object("https://object/", &init)?;
    let stub = env.durable_object(O::BINDING)?.get_by_name(name)?;
    let exchange = async {
        let mut response = stub.fetch_with_request(request).await?;
        if response.status_code() != 200 {
            return Err(CallError(format!("status {}", response.status_code())));
        }
        Ok(serde_json::from_slice(&response.bytes().await?)?)
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
    let headers = web_sys::Headers::new().map_err(worker::Error::from)?;
    headers.set("upgrade", "websocket").map_err(worker::Error::from)?;
    let init = web_sys::RequestInit::new();
    init.set_headers(&headers);
    let mut address = worker::Url::parse("https://object/socket").map_err(worker::Error::from)?;
    address.query_pairs_mut().append_pair("request", &serde_json::to_string(request)?);
    let request = to_object(address.as_str(), &init)?;
    Ok(env.durable_object(O::BINDING)?.get_by_name(name)?.fetch_with_request(request).await?)
}

/// The worker crate's own builder sets two dozen properties that an object never looks at, on every call.
fn to_object(address: &str, init: &web_sys::RequestInit) -> worker::Result<Request> {
    Ok(web_sys::Request::new_with_str_and_init(address, init)?.into())
}

/// Reads what [`call`] sent.
pub(crate) async fn read<O: Object>(request: &mut Request) -> worker::Result<O::Request> {
    Ok(serde_json::from_slice(&request.bytes().await?)?)
}

/// Writes what [`call`] reads.
pub(crate) fn reply<O: Object>(reply: &O::Reply) -> worker::Result<Response> {
    let body = js_sys::Uint8Array::from(serde_json::to_vec(reply)?.as_slice());
    Ok(web_sys::Response::new_with_opt_js_u8_array(Some(&body))?.into())
}
