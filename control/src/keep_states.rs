//! The seam to a copy of flags' states outside of the store, for a start without the store.

use std::time::Duration;

use changes::State;

/// The longest wait for the copy before a change is answered.
pub const LAST_GOOD_WAIT: Duration = Duration::from_millis(50);

/// Keeps a copy of the lifecycles, kills and stages in force of flags outside of the store.
pub trait KeepStates: Send + Sync {
    /// Writes the copy to the disk. Returns true once it is there, and false if it is not after `wait`.
    fn keep(&self, state: &State, wait: Duration) -> bool;
}

/// The copy of flags' states after a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LastGood {
    /// The change alters no lifecycle, no kill and no stages in force, or there is no copy.
    #[default]
    Unaffected,
    /// The change alters a lifecycle, a kill or the stages in force; the copy is not yet written.
    Due,
    /// The copy is on the disk.
    Written,
    /// The copy was not on the disk in time. The change is committed and active all the same.
    NotWritten,
}
