//! The counts of a flag's arms in one minute, as they are shown to people.

use std::time::Duration;

use rules::Timestamp;

use crate::observe::ArmName;

/// The counts of a flag in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MinuteReport {
    /// The start of the minute.
    pub start: Timestamp,
    /// The arms with requests.
    pub arms: Vec<ArmMinute>,
}

/// The counts of an arm in one minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArmMinute {
    /// The arm.
    pub arm: ArmName,
    /// All requests that an upstream should answer.
    pub requests: u32,
    /// The errors among them.
    pub errors: u32,
    /// The latencies; none if no request got an answer.
    pub latency: Option<LatencyQuantiles>,
}

/// The latencies of an arm in one minute, of at most 20 requests of each unit and 5 s. Each is within 3.2 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatencyQuantiles {
    /// The median.
    pub p50: Duration,
    /// The 95th percentile.
    pub p95: Duration,
    /// The 99th percentile.
    pub p99: Duration,
}
