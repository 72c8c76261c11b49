//! The counts of a flag's arms in one minute, as they are shown to people.

use rules::Timestamp;

use crate::observe::ArmName;
use crate::stage_report::Percentiles;

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
    /// The latencies of at most 20 requests of each unit and 5 s; none if no request got an answer.
    pub latency: Option<Percentiles>,
}
