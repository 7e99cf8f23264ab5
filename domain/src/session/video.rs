//! From a voice call to a video call: one request at a time, which expires (x-signaling.video-upgrade).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Session, SessionType, Status};
use crate::{Id, Timestamp};

/// A request that nobody answers is void after this time (x-signaling.recommended-leases), ms.
pub const VIDEO_REQUEST_MS: i64 = 60_000;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum VideoAnswer {
    /// Not answered yet.
    Pending,
    /// The call has pictures now.
    Accepted,
    /// It stays as it is.
    Rejected,
}

/// A wish for pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct VideoRequest {
    /// Whose.
    pub from: Id,
    /// Who is asked.
    pub to: Id,
    /// When.
    pub requested_at: Timestamp,
    /// What became of it; stays readable for the one who asked.
    pub answer: VideoAnswer,
}

/// Why it does not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VideoRefusal {
    /// Only a running voice call can become a video call.
    NoVoiceCall,
    /// There is nobody to ask.
    NoPartner,
    /// The other side asked first.
    AskedAlready,
    /// Nobody asked this side, or it was too long ago.
    NotAsked,
}

impl VideoRequest {
    /// Waits for an answer.
    #[must_use]
    pub fn is_pending(&self, now: Timestamp) -> bool {
        self.answer == VideoAnswer::Pending && now.since(self.requested_at) <= VIDEO_REQUEST_MS
    }
}

impl Session {
    /// `from` asks the other side for pictures; `open` is the request so far. Asking again renews an own one.
    pub fn ask_for_video(
        &self,
        from: Id,
        open: Option<&VideoRequest>,
        now: Timestamp,
    ) -> Result<VideoRequest, VideoRefusal> {
        self.is_voice_call()?;
        let to = self.partner_of(from).ok_or(VideoRefusal::NoPartner)?.user.id;
        if open.is_some_and(|open| open.is_pending(now) && open.from != from) {
            return Err(VideoRefusal::AskedAlready);
        }
        Ok(VideoRequest { from, to, requested_at: now, answer: VideoAnswer::Pending })
    }

    /// The side that was asked answers; accepted, the call has pictures from now on.
    pub fn answer_video(
        &mut self,
        user: Id,
        accept: bool,
        open: Option<&VideoRequest>,
        now: Timestamp,
    ) -> Result<VideoRequest, VideoRefusal> {
        let open = open.filter(|open| open.to == user && open.is_pending(now));
        let open = open.ok_or(VideoRefusal::NotAsked)?;
        self.is_voice_call()?;
        if accept {
            self.session_type = SessionType::VideoCall;
            for participant in &mut self.participants {
                participant.media.camera_enabled = true;
            }
        }
        let answer = if accept { VideoAnswer::Accepted } else { VideoAnswer::Rejected };
        Ok(VideoRequest { answer, ..open.clone() })
    }

    fn is_voice_call(&self) -> Result<(), VideoRefusal> {
        let running = self.status == Status::Active && self.session_type == SessionType::VoiceCall;
        if running { Ok(()) } else { Err(VideoRefusal::NoVoiceCall) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::{Card, EndReason, MediaChange};

    const A: [u8; 12] = [1; 12];
    const B: [u8; 12] = [2; 12];

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_millis(seconds * 1000)
    }

    fn call() -> Session {
        let card = |id| Card {
            id: Id::from(id),
            name: String::new(),
            picture: None,
            level: String::new(),
            region: Id::from([9; 12]),
        };
        let texts = (String::new(), String::new());
        let people = (card(A), vec![card(B)]);
        let mut call = Session::scheduled(Id::from([5; 12]), SessionType::VoiceCall, texts, people, 2, at(0));
        call.enter(Id::from(A), MediaChange::default(), at(1)).unwrap();
        call
    }

    #[test]
    fn an_accepted_request_brings_pictures_for_both() {
        let (mut call, a, b) = (call(), Id::from(A), Id::from(B));
        let request = call.ask_for_video(a, None, at(2)).unwrap();
        assert_eq!(call.ask_for_video(b, Some(&request), at(3)), Err(VideoRefusal::AskedAlready));
        assert_eq!(call.answer_video(a, true, Some(&request), at(3)), Err(VideoRefusal::NotAsked));
        let answered = call.answer_video(b, true, Some(&request), at(4)).unwrap();
        assert_eq!((answered.answer, call.session_type), (VideoAnswer::Accepted, SessionType::VideoCall));
        assert!(call.participants.iter().all(|participant| participant.media.camera_enabled));
        assert_eq!(call.answer_video(b, true, Some(&answered), at(5)), Err(VideoRefusal::NotAsked));
        assert_eq!(call.ask_for_video(a, Some(&answered), at(5)), Err(VideoRefusal::NoVoiceCall));
    }

    #[test]
    fn a_request_expires_and_a_refused_one_can_be_made_again() {
        let (mut call, a, b) = (call(), Id::from(A), Id::from(B));
        let request = call.ask_for_video(a, None, at(2)).unwrap();
        assert_eq!(call.answer_video(b, true, Some(&request), at(63)), Err(VideoRefusal::NotAsked));
        assert!(call.ask_for_video(b, Some(&request), at(63)).is_ok());
        let refused = call.answer_video(b, false, Some(&request), at(10)).unwrap();
        assert_eq!((refused.answer, call.session_type), (VideoAnswer::Rejected, SessionType::VoiceCall));
        assert!(call.ask_for_video(a, Some(&refused), at(11)).is_ok());
        call.end(a, EndReason::Left, at(12));
        assert_eq!(call.ask_for_video(a, None, at(13)), Err(VideoRefusal::NoVoiceCall));
    }
}
