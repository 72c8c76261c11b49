//! The conditions under which decisions about tenants are the same in two snapshots, or at two times. Counts of
//! decisions stay valid under them.

use std::ops::Range;
use std::sync::Arc;

use crate::{FlagId, Flags, MAX_NESTING, Timestamp};

impl Flags {
    /// Returns true if both decide the flag alike for every tenant whose record is the same in both. False is possible
    /// for flags that are decided alike.
    #[must_use]
    pub fn decides_alike(&self, id: FlagId, others: &Self) -> bool {
        // Records refer to attributes by their ids. An appended name leaves the others as they are.
        let (one, two) = (self.attributes(), others.attributes());
        let same_attributes = Arc::ptr_eq(&self.attributes, &others.attributes)
            || one.iter().zip(two).all(|(one, two)| one == two);
        let same_tables = Arc::ptr_eq(&self.segments, &others.segments)
            && Arc::ptr_eq(&self.tiers, &others.tiers)
            && self.unknown_tenant == others.unknown_tenant
            && self.policy == others.policy
            && self.eligibility == others.eligibility;
        same_attributes
            // Nearly all flags are shared with the snapshot before, and need no comparison.
            && (same_tables && self.shares(id, others, MAX_NESTING)
                || self.differences(id, others).first().is_none())
    }

    /// Returns true if the flag and those that it requires are shared with `others`.
    fn shares(&self, id: FlagId, others: &Self, depth: usize) -> bool {
        let slots = self.slots.get(id.index()).zip(others.slots.get(id.index()));
        let Some(((Some(one), Some(two)), depth)) = slots.zip(depth.checked_sub(1)) else {
            return false;
        };
        Arc::ptr_eq(one, two) && one.requires.iter().all(|of| self.shares(of.flag, others, depth))
    }

    /// Returns the times around `now` at which the flag is decided as at `now`: no schedule of the flag or of one that it
    /// requires begins or ends between them.
    #[must_use]
    pub fn steady_times(&self, id: FlagId, now: Timestamp) -> Range<Timestamp> {
        let always = Timestamp(i64::MIN)..Timestamp(i64::MAX);
        self.steady_to_depth(id, now, always, MAX_NESTING)
    }

    fn steady_to_depth(
        &self,
        id: FlagId,
        now: Timestamp,
        mut steady: Range<Timestamp>,
        depth: usize,
    ) -> Range<Timestamp> {
        let Some((flag, depth)) = self.flag(id).zip(depth.checked_sub(1)) else {
            return steady;
        };
        for bound in flag
            .schedule
            .iter()
            .flat_map(|schedule| [schedule.from, schedule.until])
        {
            match bound <= now {
                true => steady.start = steady.start.max(bound),
                false => steady.end = steady.end.min(bound),
            }
        }
        for required in &flag.requires {
            steady = self.steady_to_depth(required.flag, now, steady, depth);
        }
        steady
    }
}
