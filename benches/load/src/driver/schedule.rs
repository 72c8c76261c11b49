//! The times at which requests are sent. In an open loop a thread makes requests due at exact intervals from the
//! start. A request that is due waits for a free connection, and its latency counts from the time it was due.

use std::cell::Cell;
use std::num::NonZero;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// The maximum time after the last request was due for the rest of them to be sent.
const BACKLOG: Duration = Duration::from_secs(2);

/// The times at which requests are sent.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// A request is sent when the previous one on the connection was answered.
    Closed,
    /// Requests are sent at this rate per second, regardless of the answers to earlier ones.
    Open(f64),
}

/// The schedule of one run.
#[derive(Debug)]
pub(super) enum Schedule {
    /// Requests until this time.
    Closed(Instant),
    /// Requests at intervals.
    Open(Intervals),
}

/// Requests that become due at intervals.
#[derive(Debug)]
pub(super) struct Intervals {
    /// The times of the requests. The channel is closed after the last one.
    due: Mutex<UnboundedReceiver<Instant>>,
    /// Requests that are still due at this time are not sent.
    end: Instant,
    unsent: Cell<u64>,
}

impl Schedule {
    /// Starts the schedule of a run.
    pub(super) fn start(pace: Pace, duration: Duration) -> anyhow::Result<Self> {
        let Pace::Open(rate) = pace else {
            return Ok(Self::Closed(Instant::now() + duration));
        };
        ensure!(rate >= 1.0, "a rate of {rate} requests per second is too low");
        let interval = Duration::from_secs_f64(1.0 / rate);
        let count = u32::try_from(duration.as_nanos() / interval.as_nanos())?;
        let (sender, due) = unbounded_channel();
        std::thread::Builder::new()
            .name("pace".to_owned())
            .spawn(move || make_due(&sender, interval, count))?;
        Ok(Self::Open(Intervals {
            due: Mutex::new(due),
            end: Instant::now() + duration + BACKLOG,
            unsent: Cell::new(0),
        }))
    }

    /// Waits for the time of the next request and returns it; `None` at the end.
    pub(super) async fn next(&self) -> Option<Instant> {
        match self {
            Self::Closed(until) => Some(Instant::now()).filter(|now| now < until),
            Self::Open(intervals) => intervals.next().await,
        }
    }

    /// Returns the number of requests that were due and not sent.
    pub(super) fn unsent(&self) -> u64 {
        match self {
            Self::Closed(_) => 0,
            Self::Open(intervals) => intervals.unsent.get(),
        }
    }
}

impl Intervals {
    async fn next(&self) -> Option<Instant> {
        loop {
            let due = self.due.lock().await.recv().await?;
            if Instant::now() < self.end {
                return Some(due);
            }
            self.unsent.set(self.unsent.get() + 1);
        }
    }
}

/// Sends the time of each request when it is due. A thread does this because timers of the runtime have a resolution
/// of a millisecond.
fn make_due(due: &UnboundedSender<Instant>, interval: Duration, count: u32) {
    // The kernel delays the end of a sleep by up to 50 us, unless it is told not to. Without this permission the
    // delays are a part of the latencies.
    let _ = rustix::thread::set_current_timer_slack(NonZero::new(1));
    let start = Instant::now();
    for number in 1..=count {
        let time = start + interval * number;
        sleep(time.saturating_duration_since(Instant::now()));
        if due.send(time).is_err() {
            return;
        }
    }
}
