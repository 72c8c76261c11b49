//! A slot: five seconds of counts, as the proxy reports them.

use serde::{Deserialize, Serialize};

use crate::histogram::Histogram;

/// The length of a slot in seconds. Slot `n` starts `n * SLOT_SECONDS` after the epoch.
pub const SLOT_SECONDS: u64 = 5;
/// The default of [`StageConfig::cap`](crate::StageConfig::cap).
pub const DEFAULT_CAP: u32 = 20;

/// The arm of a request. The arms differ only by the hash of the unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Arm {
    /// In the stage's audience, and served the variant by the rollout.
    Treatment,
    /// In the same audience, and excluded by its bucket alone.
    Control,
}

/// The requests of one unit, in one arm, in one slot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct UnitCount {
    /// The unit that is randomised: a tenant or a user.
    pub unit: u64,
    /// The tenant of the unit; equal to `unit` if tenants are randomised.
    pub tenant: u64,
    /// The arm of the unit.
    pub arm: Arm,
    /// All requests.
    pub requests: u64,
    /// All errors among them.
    pub errors: u64,
    /// The requests that count: at most `cap`, chosen by the hash of the request id.
    pub capped_requests: u32,
    /// The errors among the requests that count.
    pub capped_errors: u32,
    /// The latencies of the requests that count. A request without an answer has no latency.
    pub latency: Histogram,
}

/// All counts of one slot, merged over the nodes of the fleet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Slot {
    /// The number of the slot.
    pub number: u64,
    /// A cumulative counter of a node fell during this slot: the node restarted. The counts are unusable.
    pub counter_fell: bool,
    /// The counts, one for each unit and arm, in any order.
    pub units: Vec<UnitCount>,
}

/// The result of giving a slot to a stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ingested {
    /// The slot was counted.
    Counted,
    /// The slot is not newer than the last one, or is before the stage. Nothing changed.
    Late,
    /// The counts do not add up. They are not counted; the verdicts are inconclusive for ten minutes.
    Rejected(InvalidSlot),
}

/// The reason why the counts of a slot were rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InvalidSlot {
    /// [`Slot::counter_fell`].
    CounterFell,
    /// The clock jumped, or nothing was counted for long: the counts are not those of a slot.
    ClockJumped,
    /// More errors than requests, or more counted requests than requests, or more latencies than counted requests.
    PartAboveWhole,
    /// More counted requests of one unit than the cap.
    AboveCap,
    /// Two counts for one unit.
    UnitTwice,
}

impl UnitCount {
    pub(crate) fn check(&self, cap: u32) -> Result<(), InvalidSlot> {
        let is_part = self.errors <= self.requests
            && u64::from(self.capped_requests) <= self.requests
            && self.capped_errors <= self.capped_requests
            && u64::from(self.capped_errors) <= self.errors
            && self.latency.total() <= u64::from(self.capped_requests);
        if !is_part {
            return Err(InvalidSlot::PartAboveWhole);
        }
        if self.capped_requests > cap {
            Err(InvalidSlot::AboveCap)
        } else {
            Ok(())
        }
    }
}
