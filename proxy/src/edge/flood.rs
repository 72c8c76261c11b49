//! Frames of HTTP/2 that cost their sender nothing and us something: requests that are begun and given up, each
//! of which may have got as far as an upstream, and frames that want an answer and carry nothing. A client that
//! sends more of them than any in earnest does is cut off.

use std::time::{Duration, Instant};

use ::wire::FrameScanner;

/// Requests given up in haste: so many at once, and so many a second. A page that is left at once may give up
/// every one of its hundred streams.
const RESETS: Rate = Rate {
    burst: 120,
    per_second: 20,
};
/// A request that is given up so soon was not meant. One that is given up later has run out of its time.
const HASTE: Duration = Duration::from_millis(500);
/// How many of the latest requests are remembered.
const LATEST: usize = 128;
/// Frames without a use: SETTINGS, PING, PRIORITY, unknown kinds, DATA without data that ends nothing, resets of streams
/// that were not begun lately, and WINDOW_UPDATE beyond what was sent.
const IDLE_FRAMES: Rate = Rate {
    burst: 2_000,
    per_second: 200,
};

/// What the acknowledgement of a PING counts: the HTTP layer sends a PING only before it ends a connection.
const UNASKED: u64 = 100;
/// A client in earnest opens a window at most once for this number of bytes that it was sent, and once more for each frame
/// of data, of which some send a PING as well. Some open the connection's window with each request: the head of its answer
/// is worth as much.
const BYTES_FOR_ANSWER: u64 = 256;
/// What a frame of data, or the head of an answer, is worth beside its bytes: both windows, and a PING.
const ANSWERS_OF_FRAME: u64 = 3;
/// The most answers that a client may still give: more than any client lets come together.
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

/// How many there may be.
#[derive(Debug, Clone, Copy)]
struct Rate {
    burst: u64,
    per_second: u64,
}

/// What a client floods us with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flood {
    /// With requests that it gives up in haste.
    Resets,
    /// With frames without a use.
    IdleFrames,
    /// With nothing: the head of a request does not come to its end.
    SlowHead,
}

/// Watches the frames of one connection.
#[derive(Debug)]
pub(super) struct FloodWatch {
    frames: FrameScanner,
    /// The streams that were begun last, and when, in turn.
    begun: [(u32, Instant); LATEST],
    turn: usize,
    /// How many requests were begun, and the stream of the latest.
    requests: u64,
    latest: u32,
    /// Whether the frame that was seen last belongs to the head of a request, and whether more of them follow it.
    in_head: bool,
    continues: bool,
    resets: u64,
    idle_frames: u64,
    /// The frames that were sent.
    sent: FrameScanner,
    /// How many WINDOW_UPDATE and PING frames are explained by the data that was sent.
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
    /// Watches a connection that begins with a preface of so many bytes.
    pub(super) fn new(preface: usize, now: Instant) -> Self {
        Self {
            frames: FrameScanner::after(preface),
            begun: [(0, now); LATEST],
            turn: 0,
            requests: 0,
            latest: 0,
            in_head: false,
            continues: false,
            resets: 0,
            idle_frames: 0,
            sent: FrameScanner::after(0),
            answers: 0,
            since: now,
        }
    }

    /// Whether the head of a request has begun and not ended, or a frame that may be one.
    pub(super) fn is_in_head(&self) -> bool {
        self.continues || self.frames.is_in_head() || self.in_head && self.frames.is_in_payload()
    }

    /// How many requests were begun.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }

    /// Takes note of bytes that the client was sent.
    pub(super) fn record_written(&mut self, bytes: &[u8]) {
        let answers = &mut self.answers;
        self.sent.read(bytes, |frame| {
            if matches!(frame.kind, DATA | HEADERS) {
                let of_bytes = u64::from(frame.length) / BYTES_FOR_ANSWER;
                *answers = (*answers + ANSWERS_OF_FRAME + of_bytes).min(MAX_UNANSWERED);
            }
        });
    }

    /// Takes note of what came; the flood that it is, if it is one.
    pub(super) fn record_read(&mut self, bytes: &[u8], now: Instant) -> Option<Flood> {
        let (mut resets, mut idle_frames) = (0, 0);
        let (begun, turn) = (&mut self.begun, &mut self.turn);
        let (requests, latest) = (&mut self.requests, &mut self.latest);
        let (in_head, continues) = (&mut self.in_head, &mut self.continues);
        let answers = &mut self.answers;
        self.frames.read(bytes, |frame| {
            *in_head = matches!(frame.kind, HEADERS | CONTINUATION);
            *continues = *in_head && frame.flags & END_HEADERS == 0;
            match frame.kind {
                HEADERS => {
                    // A client's streams are odd and rising (RFC 9113 section 5.1.1); what follows on a known one are
                    // trailers.
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
                    let hasty = |(stream, at): &(u32, Instant)| {
                        *stream == frame.stream && now.saturating_duration_since(*at) < HASTE
                    };
                    match begun.iter().any(hasty) {
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
        if resets == 0 && idle_frames == 0 {
            return None;
        }
        let seconds = now.saturating_duration_since(self.since).as_secs();
        if seconds > 0 {
            // The rest of a second counts the next time.
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

    /// Sends so many of these frames every second for a minute, and says what that is.
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
    fn only_what_nobody_sends_in_earnest_is_a_flood() {
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
    fn an_acknowledgement_that_nobody_asked_for_counts_many_times() {
        check(&frame(6, 1), 2, None);
        check(&frame(6, 1), 4, Some(Flood::IdleFrames));
    }

    #[test]
    fn windows_are_opened_no_more_often_than_what_was_sent_explains() {
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
        // Short messages, each of which a client answers by opening a window and measuring the delay.
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
    fn a_window_for_each_request_is_no_flood_and_parts_of_seconds_count() {
        let began = Instant::now();
        let mut watch = FloodWatch::new(0, began);
        for second in 0..60 {
            let now = began + Duration::from_secs(second);
            // Answers without a body, before each of which a client opens both windows.
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
    fn a_head_is_under_way_until_its_last_frame_ends() {
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
        for (part, in_head) in parts {
            assert_eq!(watch.record_read(part, Instant::now()), None);
            assert_eq!(watch.is_in_head(), in_head, "after {part:?}");
        }
    }

    #[test]
    fn a_request_that_ran_out_of_its_time_was_meant() {
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
