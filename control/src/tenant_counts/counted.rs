//! The counts of one snapshot, and their way to another one.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use config::Compiled;
use rules::{FlagId, Flags, Subject, Tenant, TenantChange, Tenants, Timestamp, decide};

use super::tally::{Step, Tally};

/// The largest number of decisions that are made to adjust counts to another snapshot. Counts beyond it are dropped.
const MAX_ADJUSTING_DECISIONS: usize = 1_000_000;
/// The number of tenants between two looks at whether to go on.
const TENANTS_AT_ONCE: usize = 1_024;

/// The flags and tenants of a snapshot.
#[derive(Clone)]
pub(super) struct Base {
    flags: Arc<Flags>,
    tenants: Arc<Tenants>,
}

/// The counts of a snapshot.
#[derive(Default)]
pub(super) struct Counted {
    base: Option<Base>,
    tallies: Tallies,
}

pub(super) type Tallies = HashMap<FlagId, TimedTally>;

/// The numbers of tenants of a flag, and the times for which they hold.
pub(super) struct TimedTally {
    tally: Tally,
    /// A time within `steady`.
    at: Timestamp,
    steady: Range<Timestamp>,
}

impl Base {
    pub(super) fn of(compiled: &Compiled) -> Self {
        Self {
            flags: Arc::clone(&compiled.flags),
            tenants: Arc::clone(&compiled.tenants),
        }
    }

    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.flags, &other.flags) && Arc::ptr_eq(&self.tenants, &other.tenants)
    }
}

impl Counted {
    /// Returns the snapshot of the counts.
    pub(super) fn base(&self) -> Option<Base> {
        self.base.clone()
    }

    /// Returns the numbers of tenants of a flag, if they are known for this time.
    pub(super) fn tally(&self, flag: FlagId, now: Timestamp) -> Option<&Tally> {
        let known = self.tallies.get(&flag)?;
        known.steady.contains(&now).then_some(&known.tally)
    }

    /// Makes the counts those of another snapshot: drops those that it can have changed, except for single tenants. If
    /// there are many tenants, only the counts of `first` are kept. Returns the former snapshot.
    pub(super) fn move_to(&mut self, base: &Base, first: &[FlagId]) -> Option<Base> {
        let former = match &self.base {
            Some(former) if former.is_same(base) => return None,
            former => former.clone(),
        };
        if let Some(former) = &former {
            adjust(&mut self.tallies, former, base, first);
        }
        self.base.replace(base.clone())
    }

    /// Returns the snapshot of the counts, which is this one if there was none.
    pub(super) fn base_or(&mut self, base: &Base) -> Base {
        self.base.get_or_insert_with(|| base.clone()).clone()
    }

    /// Adds counts of its snapshot.
    pub(super) fn insert(&mut self, tallies: Tallies) {
        self.tallies.extend(tallies);
    }
}

impl TimedTally {
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Counts a tenant, or takes it away, as a snapshot decides it.
    fn count(&mut self, flags: &Flags, flag: FlagId, tenant: &Tenant, step: Step) {
        let Some(off) = flags.flag(flag).map(rules::Flag::off) else {
            return;
        };
        let subject = Subject {
            tenant: Some(tenant.id()),
            record: Some(tenant),
            ..Subject::default()
        };
        let decision = decide(flags, flag, &subject, self.at);
        self.tally.count(decision, off, step);
        self.tally.standings.count_tenant(tenant, flag, step);
    }
}

/// Turns counts of one snapshot into those of another one, and drops those for which that takes too long.
pub(super) fn adjust(tallies: &mut Tallies, from: &Base, to: &Base, first: &[FlagId]) {
    tallies.retain(|flag, _| from.flags.decides_alike(*flag, &to.flags));
    if Arc::ptr_eq(&from.tenants, &to.tenants) || tallies.is_empty() {
        return;
    }
    let changes = changes(tallies, from, to).or_else(|| {
        tallies.retain(|flag, _| first.contains(flag));
        changes(tallies, from, to)
    });
    let Some(changes) = changes else {
        tallies.clear();
        return;
    };
    for TenantChange { before, after } in changes {
        for (flag, tally) in tallies.iter_mut() {
            if let Some(before) = before {
                tally.count(&from.flags, *flag, before, Step::Remove);
            }
            if let Some(after) = after {
                tally.count(&to.flags, *flag, after, Step::Add);
            }
        }
    }
}

/// Returns the tenants that differ; `None` if they are too many for these counts.
fn changes<'b>(tallies: &Tallies, from: &'b Base, to: &'b Base) -> Option<Vec<TenantChange<'b>>> {
    let decisions_of_change = tallies.len().saturating_mul(2);
    let max = MAX_ADJUSTING_DECISIONS.checked_div(decisions_of_change)?;
    from.tenants.changes(&to.tenants, max)
}

/// Counts the tenants of flags, each at a time. A tenant is decided for all flags in turn, because reading its record
/// takes longer than a decision. `None` if it ended early, because `goes_on` returned false.
pub(super) fn count(
    base: &Base,
    flags: &[(FlagId, Timestamp)],
    goes_on: impl Fn() -> bool,
) -> Option<Tallies> {
    let Base { flags: all, tenants } = base;
    let known = flags.iter().filter(|(flag, _)| all.flag(*flag).is_some());
    let mut counted: Vec<(FlagId, TimedTally)> = known
        .map(|(flag, at)| {
            let timed = TimedTally {
                tally: Tally::default(),
                at: *at,
                steady: all.steady_times(*flag, *at),
            };
            (*flag, timed)
        })
        .collect();
    if counted.is_empty() {
        return Some(Tallies::new());
    }
    for (index, tenant) in tenants.scan().enumerate() {
        if index % TENANTS_AT_ONCE == 0 && !goes_on() {
            return None;
        }
        for (flag, timed) in &mut counted {
            timed.count(all, *flag, tenant, Step::Add);
        }
    }
    Some(counted.into_iter().collect())
}

#[cfg(test)]
mod tests;
