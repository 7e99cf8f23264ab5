//! The edge.
use worker::*;

#[event(fetch)]
async fn fetch(_req: Request, _env: Env, _ctx: Context) -> Result<Response> {
    Response::ok("hello")
}

macro_rules! obj { ($n:ident) => {
#[durable_object]
pub struct $n {}
impl DurableObject for $n { fn new(_s: State, _e: Env) -> Self { Self {} } async fn fetch(&self, _r: Request) -> Result<Response> { Response::ok("x") } }
} }
obj!(CallRoom); obj!(RegionLobby); obj!(UserHub); obj!(Leaderboard);
