//! Detection of HTTP/2 floods: frames that cost the client nothing and the proxy work. These are requests that are
//! reset at once, each of which may have reached an upstream (CVE-2023-44487), and frames that demand an answer and
//! carry no data. A client that exceeds a rate that no regular client reaches is disconnected.
//!
//! Each kind of frame has a token bucket with a burst and a rate per second. WINDOW_UPDATE and PING frames are free
//! as long as the data that was sent to the client explains them.

use std::time::{Duration, Instant};

use ::wire::FrameScanner;

/// Resets of recent requests. The burst allows for a page that is left while its hundred streams are open.
const RESETS: Rate = Rate {
    burst: 120,
    per_second: 20,
};
/// Age below which a reset request counts as a flood. A request that is reset later was cancelled or timed out.
const HASTE: Duration = Duration::from_millis(500);
/// Number of recent requests whose start is remembered.
const LATEST: usize = 128;
/// Idle frames: SETTINGS, PING, PRIORITY, unknown types, empty DATA without END_STREAM, resets of streams that were
/// not opened recently, and WINDOW_UPDATE beyond the data that was sent.
const IDLE_FRAMES: Rate = Rate {
    burst: 2_000,
    per_second: 200,
};

/// Cost of a PING acknowledgement: the HTTP layer sends a PING only before it closes a connection, so nearly all of
/// them are unsolicited.
const UNASKED: u64 = 100;
/// Sent bytes that explain one WINDOW_UPDATE. Regular clients send at most one for each of these units and one for
/// each DATA frame, some with a PING. Some clients also open the connection's window with each request, so the head
/// of a response counts like a DATA frame.
const BYTES_FOR_ANSWER: u64 = 256;
/// Frames that a DATA frame, or the head of a response, explains beside its bytes: one WINDOW_UPDATE for each window,
/// and a PING.
const ANSWERS_OF_FRAME: u64 = 3;
/// Maximum of explained frames that are outstanding: more than any client accumulates.
const MAX_UNANSWERED: u64 = 256 * 1024;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const ACK: u8 = 1;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A token bucket's size and refill rate.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u64,
    per_second: u64,
}

/// The kinds of floods.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flood {
    /// Requests that are reset at once.
    Resets,
    /// Idle frames.
    IdleFrames,
    /// A request head that is not completed in time.
    SlowHead,
}

/// The flood detector of one connection.
#[derive(Debug)]
pub(super) struct FloodWatch {
    frames: FrameScanner,
    /// The streams that were opened last, with the time of each, as a ring.
    begun: [(u32, Instant); LATEST],
    turn: usize,
    /// The number of requests so far, and the highest stream identifier.
    requests: u64,
    latest: u32,
    /// True if the last frame belongs to a request head, and if CONTINUATION frames follow it.
    is_head_frame: bool,
    has_continuation: bool,
    resets: u64,
    idle_frames: u64,
    /// The frames that were sent to the client.
    sent: FrameScanner,
    /// The number of WINDOW_UPDATE and PING frames that the sent data explains.
    answers: u64,
    since: Instant,
}

impl Flood {
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Resets => "resets",
            Self::IdleFrames => "idle_frames",
            Self::SlowHead => "slow_head",
        }
    }
}

impl FloodWatch {
    /// Creates a detector for a connection whose preface has `preface` bytes.
    pub(super) fn new(preface: usize, now: Instant) -> Self {
        Self {
            frames: FrameScanner::after(preface),
            begun: [(0, now); LATEST],
            turn: 0,
            requests: 0,
            latest: 0,
            is_head_frame: false,
            has_continuation: false,
            resets: 0,
            idle_frames: 0,
            sent: FrameScanner::after(0),
            answers: 0,
            since: now,
        }
    }

    /// Returns true while a request head, or a frame that may be one, is incomplete.
    pub(super) fn is_in_head(&self) -> bool {
        self.has_continuation || self.frames.is_in_head() || self.is_head_frame && self.frames.is_in_payload()
    }

    /// Returns the number of requests so far.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Records bytes that were sent to the client.
    pub(super) fn record_written(&mut self, bytes: &[u8]) {
        let answers = &mut self.answers;
        self.sent.read(bytes, |frame| {
            if matches!(frame.kind, DATA | HEADERS) {
                let of_bytes = u64::from(frame.length) / BYTES_FOR_ANSWER;
                *answers = (*answers + ANSWERS_OF_FRAME + of_bytes).min(MAX_UNANSWERED);
            }
        });
    }

    /// Records bytes that were received. Returns the flood that they complete, if any.
    pub(super) fn record_read(&mut self, bytes: &[u8], now: Instant) -> Option<Flood> {
        let (mut resets, mut idle_frames) = (0, 0);
        let (begun, turn) = (&mut self.begun, &mut self.turn);
        let (requests, latest) = (&mut self.requests, &mut self.latest);
        let (is_head_frame, has_continuation) = (&mut self.is_head_frame, &mut self.has_continuation);
        let answers = &mut self.answers;
        self.frames.read(bytes, |frame| {
            *is_head_frame = matches!(frame.kind, HEADERS | CONTINUATION);
            *has_continuation = *is_head_frame && frame.flags & END_HEADERS == 0;
            match frame.kind {
                HEADERS => {
                    // Client streams have odd, rising identifiers (RFC 9113 section 5.1.1). A HEADERS frame on a
                    // known stream is a trailer section, not a request.
                    if frame.stream % 2 == 1 && frame.stream > *latest {
                        *latest = frame.stream;
                        *requests += 1;
                    }
                    *turn = (*turn + 1) % LATEST;
                    if let Some(oldest) = begun.get_mut(*turn) {
                        *oldest = (frame.stream, now);
                    }
                }
                RST_STREAM => {
                    let is_recent = |(stream, at): &(u32, Instant)| {
                        *stream == frame.stream && now.saturating_duration_since(*at) < HASTE
                    };
                    match begun.iter().any(is_recent) {
                        true => resets += 1,
                        false => idle_frames += 1,
                    }
                }
                DATA if frame.length == 0 && frame.flags & END_STREAM == 0 => idle_frames += 1,
                DATA | GOAWAY | CONTINUATION => {}
                PING if frame.flags & ACK != 0 => idle_frames += UNASKED,
                WINDOW_UPDATE | PING => match answers.checked_sub(1) {
                    Some(left) => *answers = left,
                    None => idle_frames += 1,
                },
                _ => idle_frames += 1,
            }
        });
        // The common case: no refill is computed and no count changes.
        if resets == 0 && idle_frames == 0 {
            return None;
        }
        let seconds = now.saturating_duration_since(self.since).as_secs();
        if seconds > 0 {
            // The fraction of a second carries over to the next refill.
            self.since += Duration::from_secs(seconds);
            self.resets = self
                .resets
                .saturating_sub(seconds.saturating_mul(RESETS.per_second));
            self.idle_frames = self
                .idle_frames
                .saturating_sub(seconds.saturating_mul(IDLE_FRAMES.per_second));
        }
        self.resets += resets;
        self.idle_frames += idle_frames;
        if self.resets > RESETS.burst {
            return Some(Flood::Resets);
        }
        (self.idle_frames > IDLE_FRAMES.burst).then_some(Flood::IdleFrames)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Flood, FloodWatch};

    /// Sends `frames` `per_second` times a second for a minute and checks the verdict.
    #[track_caller]
    fn check(frames: &[u8], per_second: usize, expected: Option<Flood>) {
        let began = Instant::now();
        let mut watch = FloodWatch::new(0, began);
        let found = (0..60).find_map(|second| {
            let now = began + Duration::from_secs(second);
            watch.record_read(&frames.repeat(per_second), now)
        });
        assert_eq!(found, expected, "{per_second} of {frames:?} a second");
    }

    fn frame(kind: u8, flags: u8) -> [u8; 9] {
        [0, 0, 0, kind, flags, 0, 0, 0, 1]
    }

    #[test]
    fn frames_of_regular_clients_are_no_flood() {
        check(&[frame(1, 5), frame(3, 0)].concat(), 20, None);
        check(&[frame(1, 5), frame(3, 0)].concat(), 40, Some(Flood::Resets));
        for kind in [4, 6, 77] {
            check(&frame(kind, 0), 200, None);
            check(&frame(kind, 0), 400, Some(Flood::IdleFrames));
        }
        check(&frame(0, 0), 400, Some(Flood::IdleFrames));
        for kind in [0, 1, 9] {
            check(&frame(kind, 1), 5_000, None);
        }
        check(&frame(3, 0), 200, None);
        check(&frame(3, 0), 400, Some(Flood::IdleFrames));
    }

    #[test]
    fn an_unsolicited_acknowledgement_counts_many_times() {
        check(&frame(6, 1), 2, None);
        check(&frame(6, 1), 4, Some(Flood::IdleFrames));
    }

    #[test]
    fn window_updates_beyond_the_sent_data_are_a_flood() {
        let update = frame(8, 0);
        check(&update, 200, None);
        check(&update, 400, Some(Flood::IdleFrames));
        let began = Instant::now();
        let mut watch = FloodWatch::new(0, began);
        for second in 0..60 {
            // A download in frames of 16 KiB, for each of which a slow reader opens both windows eight times.
            let mut data = vec![0, 64, 0, 0, 0, 0, 0, 0, 1];
            data.resize(9 + 16 * 1024, b'a');
            (0..1_000).for_each(|_| watch.record_written(&data));
            let now = began + Duration::from_secs(second);
            assert_eq!(
                watch.record_read(&update.repeat(16 * 1_000), now),
                None,
                "{second}"
            );
        }
        // Short messages, each of which a client acknowledges with a WINDOW_UPDATE and a PING.
        let mut watch = FloodWatch::new(0, began);
        for second in 0..60 {
            let message = [&[0, 0, 60, 0, 0, 0, 0, 0, 1][..], &[b'a'; 60]].concat();
            (0..2_000).for_each(|_| watch.record_written(&message));
            let now = began + Duration::from_secs(second);
            let answers = [update, frame(6, 0)].concat().repeat(2_000);
            assert_eq!(watch.record_read(&answers, now), None, "{second}");
        }
    }

    #[test]
    fn a_window_update_for_each_request_is_no_flood() {
        let began = Instant::now();
        let mut watch = FloodWatch::new(0, began);
        for second in 0..60 {
            let now = began + Duration::from_secs(second);
            // Responses without a body, before each of which a client opens both windows.
            (0..2_000).for_each(|_| watch.record_written(&frame(1, 5)));
            let windows = frame(8, 0).repeat(2 * 2_000);
            assert_eq!(watch.record_read(&windows, now), None, "{second}");
        }
        let mut watch = FloodWatch::new(0, began);
        for turn in 0..60 {
            let now = began + Duration::from_millis(1_900 * turn);
            assert_eq!(watch.record_read(&frame(4, 0).repeat(360), now), None, "{turn}");
        }
    }

    #[test]
    fn head_is_incomplete_until_its_last_frame_ends() {
        let mut watch = FloodWatch::new(0, Instant::now());
        let parts: [(&[u8], bool); 8] = [
            (&[0, 0], true),
            (&[2, 1, 1, 0, 0, 0, 1], true),
            (&[7, 7], true),
            (&[0, 0, 1, 9, 4, 0, 0, 0, 1], true),
            (&[7], false),
            (&[0, 0, 9, 0, 0, 0, 0, 0, 1], false),
            (&[7; 9], false),
            (&[0, 0, 0, 1, 5, 0, 0, 0, 3], false),
        ];
        for (part, is_head_frame) in parts {
            assert_eq!(watch.record_read(part, Instant::now()), None);
            assert_eq!(watch.is_in_head(), is_head_frame, "after {part:?}");
        }
    }

    #[test]
    fn resets_of_timed_out_requests_are_no_flood() {
        let began = Instant::now();
        let mut watch = FloodWatch::new(0, began);
        for turn in 0..1_000 {
            let begin = began + Duration::from_secs(turn);
            assert_eq!(watch.record_read(&frame(1, 5).repeat(100), begin), None);
            let late = begin + Duration::from_millis(600);
            assert_eq!(watch.record_read(&frame(3, 0).repeat(100), late), None);
        }
    }
}
