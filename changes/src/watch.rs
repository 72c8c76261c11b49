//! The time after a promotion in which a flag is watched.

use rules::{Lifecycle, Timestamp};
use serde::{Deserialize, Serialize};

/// The time after a promotion in which a flag is watched. Its end is an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// The time of the promotion.
    #[serde(with = "crate::timestamp")]
    pub since: Timestamp,
    /// The end.
    #[serde(with = "crate::timestamp")]
    pub until: Timestamp,
}

impl Watch {
    /// Returns the watch of a promotion to a lifecycle at this time; none for a duration of 0, and for a flag that is
    /// retired, which serves its final variant.
    pub(crate) fn after(to: Lifecycle, at: Timestamp, duration_ms: i64) -> Option<Self> {
        let is_watched = duration_ms > 0 && to != Lifecycle::Retired;
        is_watched.then(|| Self {
            since: at,
            until: Timestamp(at.0.saturating_add(duration_ms)),
        })
    }
}
