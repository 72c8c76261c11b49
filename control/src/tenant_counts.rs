//! The numbers of tenants of each flag: by the line of the decision table that decides them, and by their standing.
//! Counts are kept while the decisions stay the same, and adjusted for the tenants that a change alters. Large counts are
//! made by a thread of the lowest priority; until then there are none. Changes and the data plane share no lock with this.

mod counted;
mod counting_thread;
mod shared;
mod tally;

use std::collections::HashMap;
use std::sync::Arc;

use config::Compiled;
use parking_lot::Mutex;
use rules::{FlagId, Timestamp};

use self::counted::{Base, count};
use self::counting_thread::CountingThread;
use self::shared::{Shared, add};
pub(crate) use self::tally::{LineCount, Standings, Tally, standings};

/// The largest number of decisions that a list of flags counts at once. The thread counts the others.
pub const MAX_COUNTED_DECISIONS: usize = 200_000;

/// The counts of all flags, and the thread that makes them.
pub(crate) struct TenantCounts {
    shared: Arc<Mutex<Shared>>,
    thread: CountingThread,
}

impl TenantCounts {
    pub(crate) fn new() -> Self {
        Self {
            shared: Arc::default(),
            thread: CountingThread::default(),
        }
    }

    /// Returns the counts of these flags of a snapshot at `now`. Counts at most `budget` decisions itself; flags beyond
    /// them are missing until the thread has counted them.
    pub(crate) fn of(
        &self,
        compiled: &Compiled,
        flags: &[FlagId],
        now: Timestamp,
        budget: usize,
    ) -> HashMap<FlagId, Tally> {
        let base = Base::of(compiled);
        let (mut found, former) = {
            let mut shared = self.shared.lock();
            let former = shared.counted.move_to(&base, flags);
            let found = flags.iter();
            let found = found.filter_map(|id| Some((*id, shared.counted.tally(*id, now)?.clone())));
            (found.collect::<HashMap<FlagId, Tally>>(), former)
        };
        // May be the last user of large tables, which are freed without the lock.
        drop(former);
        let missing: Vec<(FlagId, Timestamp)> = flags
            .iter()
            .filter(|id| !found.contains_key(*id))
            .map(|id| (*id, now))
            .collect();
        if missing.is_empty() {
            return found;
        }
        let affordable = budget.checked_div(compiled.tenants.len()).unwrap_or(usize::MAX);
        let (at_once, later) = missing.split_at(affordable.min(missing.len()));
        let counted = count(&base, at_once, || true).unwrap_or_default();
        found.extend(counted.iter().map(|(id, counted)| (*id, counted.tally().clone())));
        add(&self.shared, base, counted);
        if !later.is_empty() {
            let mut shared = self.shared.lock();
            shared.wanted.extend(later.iter().copied());
            self.thread.start(&self.shared);
        }
        found
    }
}
