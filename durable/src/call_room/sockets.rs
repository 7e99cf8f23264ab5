//! The sockets of a room. The protocol is described in docs/realtime.md.

use domain::{
    Id, Timestamp,
    session::{EndReason, MediaChange},
    signaling::{Candidate, MAX_CANDIDATE_BYTES, MAX_SDP_BYTES, candidate_from_text, candidate_text},
};
use js_sys::Reflect;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use wasm_bindgen::JsValue;
use worker::{
    Response, Url, WebSocket, WebSocketIncomingMessage, WebSocketPair, WebSocketRequestResponsePair,
};

use super::{
    CallRoom,
    api::{RoomAnswer, RoomReply, SocketRequest},
    frames::{FrameError, draft, error, explain, generation, presence, sdp, snapshot},
    room::{Meter, Room},
};
use crate::runtime::{new_id, now};

/// Longest frame, bytes.
const MAX_FRAME_BYTES: usize = 128 * 1024;
/// A socket silent for longer is closed, ms.
const SILENCE_MS: i64 = 30_000;
/// The ping that the runtime answers without waking the room.
const PING: &str = r#"{"t":"ping"}"#;
const PONG: &str = r#"{"t":"pong"}"#;

/// Close codes (contract: x-signaling.websocket.transport).
mod close {
    pub(super) const FORBIDDEN: u16 = 4403;
    pub(super) const SILENT: u16 = 4408;
    pub(super) const REPLACED: u16 = 4409;
    pub(super) const FLOOD: u16 = 4429;
    pub(super) const TOO_LARGE: u16 = 1009;
    pub(super) const ENDED: u16 = 4410;
}

/// What survives hibernation of a socket.
#[derive(Serialize, Deserialize)]
struct Attachment {
    user: Id,
    opened: i64,
    ice_servers: Value,
}

const BAD_STATE: FrameError = (
    "validation",
    "micEnabled, cameraEnabled and isSpeaking are truth values, audioLevel is a number, videoQuality low, medium or high",
);

/// A frame from a client.
#[derive(Deserialize)]
struct Incoming {
    t: String,
    id: Option<String>,
    #[serde(default)]
    d: Value,
}

impl CallRoom {
    /// Accepts a socket of a participant, who takes the place of his older one.
    pub(super) async fn accept(&self, address: &Url) -> worker::Result<Response> {
        let request =
            address.query_pairs().find(|(name, _)| name == "request").map(|(_, value)| value.into_owned());
        let SocketRequest { user, ice_servers } = serde_json::from_str(&request.unwrap_or_default())?;
        let pair = WebSocketPair::new()?;
        if self.member(user).is_err() {
            // A browser cannot read the status of a refused upgrade, but it can read a close code.
            self.state.accept_websocket_with_tags(&pair.server, &[]);
            pair.server.close(Some(close::FORBIDDEN), Some("not a participant of this session"))?;
            return Response::from_websocket(pair.client);
        }
        for old in self.state.get_websockets_with_tag(&user.to_string()) {
            let _ = old.close(Some(close::REPLACED), Some("replaced by a newer socket"));
        }
        self.state.set_websocket_auto_response(&WebSocketRequestResponsePair::new(PING, PONG)?);
        self.state.accept_websocket_with_tags(&pair.server, &[&user.to_string()]);
        let now = now();
        pair.server.serialize_attachment(&Attachment { user, opened: now.millis(), ice_servers })?;
        self.with(|room| room.sockets.insert(user, Meter::default()));
        self.announce_presence(user);
        self.wake_at(now.plus(SILENCE_MS / 3)).await?;
        Response::from_websocket(pair.client)
    }

    /// All sockets with what is attached to them.
    fn attached(&self) -> impl Iterator<Item = (WebSocket, Attachment)> {
        let sockets = self.state.get_websockets().into_iter();
        sockets.filter_map(|socket| {
            let attachment = socket.deserialize_attachment().ok().flatten()?;
            Some((socket, attachment))
        })
    }

    /// After a wake: the sockets that hibernated with the room.
    pub(super) fn reconnect(&self, room: &mut Room) {
        room.sockets.extend(self.attached().map(|(_, Attachment { user, .. })| (user, Meter::default())));
    }

    /// Sends a text to every socket except those of one user.
    pub(super) fn broadcast(&self, text: &str, except: Id) {
        for (socket, _) in self.attached().filter(|(_, attachment)| attachment.user != except) {
            // A socket that cannot be written to is about to be reported closed.
            let _ = socket.send_with_str(text);
        }
    }

    /// Tells everybody else how a user reaches the room. Each also learns his own role anew, for it depends on that.
    pub(super) fn announce_presence(&self, user: Id) {
        let transport = self.with(|room| room.transport(user)).flatten();
        for (socket, Attachment { user: other, .. }) in self.attached() {
            if other != user {
                let role = self.with(|room| room.role_of(other)).flatten();
                send(&socket, &presence(user, transport, role));
            }
        }
    }

    /// A socket is gone: its user has the polling grace time to come back.
    pub(super) fn closed(&self, socket: &WebSocket, code: usize) {
        let Ok(Some(Attachment { user, .. })) = socket.deserialize_attachment::<Attachment>() else { return };
        // 1005 and 1006 may not be sent; the other codes are echoed.
        let echo =
            u16::try_from(code).ok().filter(|code| !matches!(code, 1005 | 1006 | 1015)).unwrap_or(1000);
        let _ = socket.close(Some(echo), Some(""));
        let others = self.state.get_websockets_with_tag(&user.to_string());
        let is_open = |other: &WebSocket| other.as_ref().ready_state() == web_sys::WebSocket::OPEN;
        if others.iter().any(|other| other != socket && is_open(other)) {
            return;
        }
        let now = now();
        self.with(|room| {
            room.sockets.remove(&user);
            room.seen.insert(user, now);
        });
        // A note that fails only shortens the lease.
        let _ = self.note(user, now);
        self.announce_presence(user);
    }

    /// Closes sockets that were silent for too long, and those of a session that is over.
    pub(super) fn sweep(&self, now: Timestamp) {
        let ended = self.with(|room| room.session.ended_at).flatten();
        for (socket, attachment) in self.attached() {
            let sent =
                self.with(|room| room.sockets.get(&attachment.user).map(|meter| meter.active)).flatten();
            let heard = attachment.opened.max(sent.unwrap_or(0)).max(self.last_ping(&socket));
            if now.millis() - heard > SILENCE_MS {
                self.closed(&socket, usize::from(close::SILENT));
                continue;
            }
            // After a crash, or when the socket goes, the lease counts from here.
            let _ = self.note(attachment.user, now);
            self.with(|room| room.seen.insert(attachment.user, now));
            if ended.is_some_and(|ended| now.since(ended) > SILENCE_MS) {
                let _ = socket.close(Some(close::ENDED), Some("the session is over"));
            }
        }
    }

    /// When the runtime last answered a ping of this socket, ms; 0 when it never did.
    fn last_ping(&self, socket: &WebSocket) -> i64 {
        // The binding lacks this method, so it is called by name.
        let state: &JsValue = self.state.as_raw().as_ref();
        let call = || -> Result<JsValue, JsValue> {
            let method: js_sys::Function =
                Reflect::get(state, &"getWebSocketAutoResponseTimestamp".into())?.into();
            method.call1(state, socket.as_ref().as_ref())
        };
        let time = call().ok().filter(|time| !time.is_null() && !time.is_undefined());
        // A time in ms is far below 2^53: the text of the number is exact.
        let millis = time.map(|time| js_sys::Date::from(time).get_time());
        millis.and_then(|millis| format!("{millis:.0}").parse().ok()).unwrap_or(0)
    }

    /// Handles one frame of a client.
    pub(super) async fn received(
        &self,
        socket: &WebSocket,
        message: WebSocketIncomingMessage,
    ) -> worker::Result<()> {
        let Ok(Some(Attachment { user, .. })) = socket.deserialize_attachment::<Attachment>() else {
            return Ok(());
        };
        let now = now();
        if self.with(|room| room.sockets.entry(user).or_default().allow(now)) != Some(true) {
            self.closed(socket, usize::from(close::FLOOD));
            return Ok(());
        }
        let text = match message {
            WebSocketIncomingMessage::String(text) if text.len() <= MAX_FRAME_BYTES => text,
            WebSocketIncomingMessage::String(_) => {
                self.closed(socket, usize::from(close::TOO_LARGE));
                return Ok(());
            }
            WebSocketIncomingMessage::Binary(_) => String::new(),
        };
        let Ok(frame) = serde_json::from_str::<Incoming>(&text) else {
            send(socket, &error(None, ("validation", "A frame is a JSON object with t, and d where needed")));
            return Ok(());
        };
        match self.handle(socket, user, &frame).await? {
            Ok(Some(answer)) => send(socket, &answer),
            Ok(None) => {}
            Err(why) => send(socket, &error(frame.id.as_deref(), why)),
        }
        Ok(())
    }

    async fn handle(
        &self,
        socket: &WebSocket,
        user: Id,
        frame: &Incoming,
    ) -> worker::Result<Result<Option<Value>, FrameError>> {
        let client = frame.id.as_deref().filter(|id| id.len() <= 64);
        let done = match frame.t.as_str() {
            "hello" | "resume" => {
                return self.greet(socket, user, frame.d.get("lastSeq").and_then(Value::as_u64));
            }
            "ping" => return Ok(Ok(Some(json!({ "t": "pong" })))),
            "state.update" => match serde_json::from_value(frame.d.clone()) {
                Ok(change) if MediaChange::is_sound(&change) => self.set_media(user, change)?,
                _ => return Ok(Err(BAD_STATE)),
            },
            "sdp.offer" => match sdp(&frame.d) {
                Ok(sdp) => self.offer(user, sdp, client)?,
                Err(why) => return Ok(Err(why)),
            },
            "sdp.answer" => match sdp(&frame.d) {
                Ok(sdp) => self.answer_offer(user, generation(&frame.d), sdp, client)?,
                Err(why) => return Ok(Err(why)),
            },
            "ice.candidate" => match self.candidates(user, &frame.d, client)? {
                Ok(done) => done,
                Err(why) => return Ok(Err(why)),
            },
            "ice.end" => {
                let end = json!({ "v": 1, "t": "ice.end", "from": user, "d": { "generation": generation(&frame.d) } });
                self.broadcast(&end.to_string(), user);
                Ok(RoomReply::Done)
            }
            "sdp.reset" => self.clear(user, client)?,
            "chat.send" => match draft(&frame.d) {
                Ok(draft) => self.say(user, draft, client).await?,
                Err(why) => return Ok(Err(why)),
            },
            "session.leave" => self.leave(user, EndReason::Left).await?,
            _ => return Ok(Err(("validation", "There is no frame of this type"))),
        };
        Ok(match done {
            Ok(reply) => Ok(frame.id.as_deref().map(|id| self.ack(id, &reply))),
            Err(refusal) => Err(explain(refusal)),
        })
    }

    /// Welcomes a client: with the frames that it missed when it says where it was and they are few, else with a snapshot.
    fn greet(
        &self,
        socket: &WebSocket,
        user: Id,
        last: Option<u64>,
    ) -> worker::Result<Result<Option<Value>, FrameError>> {
        let seq = self.with(|room| room.seq).unwrap_or(0);
        let known: Option<Attachment> = socket.deserialize_attachment().ok().flatten();
        let ice_servers = known.map(|known| known.ice_servers);
        let welcome = self.with(|room| {
            json!({ "v": 1, "t": "welcome", "seq": room.seq, "ts": now(), "d": {
                "userId": user,
                "room": format!("session:{}", room.session.id),
                "role": room.role_of(user),
                "iceServers": ice_servers,
                "limits": { "frameBytes": MAX_FRAME_BYTES, "sdpBytes": MAX_SDP_BYTES,
                    "candidateBytes": MAX_CANDIDATE_BYTES, "pingSeconds": 10, "silenceSeconds": SILENCE_MS / 1000 },
            } })
        });
        if let Some(welcome) = welcome {
            send(socket, &welcome);
        }
        // A number from the future is one of another log: only a snapshot tells the truth.
        let missed = match last.filter(|last| *last <= seq) {
            Some(last) => self.frames_after(last)?,
            None => None,
        };
        match missed {
            Some(frames) => {
                for frame in frames {
                    socket.send_with_str(frame)?;
                }
                Ok(Ok(None))
            }
            None => Ok(Ok(self.with(|room| snapshot(room, user)))),
        }
    }

    /// One candidate, or several under `candidates`.
    fn candidates(
        &self,
        user: Id,
        data: &Value,
        client: Option<&str>,
    ) -> worker::Result<Result<RoomAnswer, FrameError>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Fields {
            generation: Option<u32>,
            candidate: String,
            sdp_mid: Option<String>,
            sdp_m_line_index: Option<u16>,
        }
        const WRONG: FrameError =
            ("validation", "A candidate has candidate (at most 2048 bytes), sdpMid and sdpMLineIndex");
        let many = data.get("candidates").cloned().unwrap_or_else(|| json!([data]));
        let Ok(many) = serde_json::from_value::<Vec<Fields>>(many) else { return Ok(Err(WRONG)) };
        let mut last = Ok(RoomReply::Done);
        let several = many.len() > 1;
        for (place, one) in many.into_iter().enumerate() {
            // One id for several candidates: each is known by its place.
            let own = client.map(|id| if several { format!("{id}:{place}") } else { id.to_owned() });
            let text = candidate_text(&one.candidate, one.sdp_mid.as_deref(), one.sdp_m_line_index);
            if text.len() > MAX_CANDIDATE_BYTES {
                return Ok(Err(WRONG));
            }
            let newest = self.with(|room| room.signaling.generation()).unwrap_or(0);
            if one.generation.is_some_and(|generation| generation < newest) {
                // Of an offer that has been overtaken: of no use to anybody.
                continue;
            }
            let named = one.generation.is_some();
            let candidate = Candidate { named, ..candidate_from_text(new_id(), text, None, None) };
            last = self.candidate(user, candidate, own.as_deref())?;
            if last.is_err() {
                break;
            }
        }
        Ok(Ok(last))
    }

    fn ack(&self, id: &str, reply: &RoomReply) -> Value {
        let entity = if let RoomReply::Line(line) = reply { Some(line.id) } else { None };
        let seq = self.with(|room| room.seq);
        json!({ "v": 1, "t": "ack", "id": id, "d": { "seq": seq, "entityId": entity } })
    }
}

/// A socket that cannot be written to is about to be reported closed.
fn send(socket: &WebSocket, frame: &Value) {
    let _ = socket.send_with_str(frame.to_string());
}
