//! The counts and latencies of a run.

use std::time::Duration;

use hdrhistogram::Histogram;

/// The longest latency that is told apart, in microseconds: a minute.
const LONGEST_US: u64 = 60_000_000;

/// The counts and latencies of a run, or of one of its connections.
#[derive(Debug)]
pub(crate) struct Tally {
    /// Latencies of correct answers in microseconds, with three significant digits.
    latencies: Histogram<u64>,
    /// Requests without a correct answer.
    pub(crate) failed: u64,
    /// Requests that were due and not sent, because no connection was free.
    pub(crate) unsent: u64,
    /// Connections that were opened again after an answer.
    pub(crate) reconnects: u64,
    /// The time from the first request to the last answer.
    pub(crate) elapsed: Duration,
}

impl Tally {
    /// Creates an empty one.
    pub(crate) fn new() -> anyhow::Result<Self> {
        Ok(Self {
            latencies: Histogram::new_with_bounds(1, LONGEST_US, 3)?,
            failed: 0,
            unsent: 0,
            reconnects: 0,
            elapsed: Duration::ZERO,
        })
    }

    /// Counts a correct answer.
    pub(crate) fn record(&mut self, latency: Duration) -> anyhow::Result<()> {
        let microseconds = u64::try_from(latency.as_micros())?;
        Ok(self.latencies.record(microseconds.clamp(1, LONGEST_US))?)
    }

    /// Adds the counts and latencies of another connection.
    pub(crate) fn add(&mut self, other: &Self) -> anyhow::Result<()> {
        self.failed += other.failed;
        self.reconnects += other.reconnects;
        Ok(self.latencies.add(&other.latencies)?)
    }

    /// Returns the number of correct answers.
    pub(crate) fn answered(&self) -> u64 {
        self.latencies.len()
    }

    /// Returns the number of correct answers per second.
    pub(crate) fn throughput(&self) -> f64 {
        self.answered() as f64 / self.elapsed.as_secs_f64()
    }

    /// Returns a quantile of the latencies in microseconds.
    pub(crate) fn latency_us(&self, quantile: f64) -> f64 {
        self.latencies.value_at_quantile(quantile) as f64
    }
}
