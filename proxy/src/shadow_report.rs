//! The requests that a gate in shadow mode would have refused: counted by flag and cause, and by tenant, in constant
//! memory.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use rules::Timestamp;
use xxhash_rust::xxh3::xxh3_64;

use crate::frequent_names::{FrequentNames, NameCount};

/// The number of parts, each with a lock. A tenant is always in the same one.
const PARTS: usize = 4;
/// The number of tenants that a part counts.
const TENANTS: usize = 16;
/// The number of pairs of a flag and a cause that a part counts.
const CAUSES: usize = 16;

/// The counts of one route.
#[derive(Debug, Default)]
pub(crate) struct ShadowCounts {
    parts: [Mutex<ShadowPart>; PARTS],
    /// Requests whose part was locked by another.
    undivided: AtomicU64,
}

#[derive(Debug, Default)]
struct ShadowPart {
    requests: u64,
    /// The times of the first and of the last request.
    seen: Option<(Timestamp, Timestamp)>,
    causes: Vec<ShadowCause>,
    tenants: FrequentNames<TENANTS>,
}

/// The requests that a flag would have refused for one cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowCause {
    /// The flag; none if the caller would have been refused before the gate.
    pub flag: Option<Box<str>>,
    /// The line of the decision table, or the code of the refusal.
    pub cause: &'static str,
    /// The number of requests.
    pub requests: u64,
}

/// The requests that the gate of a route in shadow mode would have refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowGate {
    /// The route.
    pub route: Box<str>,
    /// Its gate, as text.
    pub gate: String,
    /// The time since when it is counted.
    pub since: Timestamp,
    /// The requests that were decided by the route.
    pub requests: u64,
    /// Those that it would have refused.
    pub refused: u64,
    /// Those of them that are in no cause and no tenant, because others were being counted at that moment.
    pub undivided: u64,
    /// The times of the first and of the last one.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// By flag and cause, the most frequent first.
    pub causes: Vec<ShadowCause>,
    /// By tenant, the most frequent first; an empty name is of requests without a tenant.
    pub tenants: Vec<NameCount>,
}

/// The counts of a route, added up.
#[derive(Debug, Default)]
pub(crate) struct ShadowTotals {
    pub(crate) refused: u64,
    pub(crate) undivided: u64,
    pub(crate) seen: Option<(Timestamp, Timestamp)>,
    pub(crate) causes: Vec<ShadowCause>,
    pub(crate) tenants: Vec<NameCount>,
}

impl ShadowCounts {
    /// Counts a request that would have been refused. Never waits.
    pub(crate) fn count(&self, tenant: &str, (flag, cause): (Option<&str>, &'static str), at: Timestamp) {
        let place = usize::try_from(xxh3_64(tenant.as_bytes())).unwrap_or_default() % PARTS;
        match self.parts.get(place).and_then(Mutex::try_lock) {
            Some(mut part) => part.count(tenant, (flag, cause), at),
            None => drop(self.undivided.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Returns the totals.
    pub(crate) fn totals(&self) -> ShadowTotals {
        let undivided = self.undivided.load(Ordering::Relaxed);
        let mut totals = ShadowTotals {
            refused: undivided,
            undivided,
            ..ShadowTotals::default()
        };
        for part in &self.parts {
            let part = part.lock();
            totals.refused = totals.refused.saturating_add(part.requests);
            if let Some((first, last)) = part.seen {
                totals.seen = Some(extended(totals.seen, first, last));
            }
            for counted in &part.causes {
                let (flag, cause) = (counted.flag.as_deref(), counted.cause);
                add_cause(&mut totals.causes, (flag, cause), counted.requests, usize::MAX);
            }
            totals.tenants.extend_from_slice(part.tenants.counters());
        }
        totals
            .causes
            .sort_by(|a, b| b.requests.cmp(&a.requests).then_with(|| a.flag.cmp(&b.flag)));
        totals
            .tenants
            .sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
        totals
    }
}

impl ShadowPart {
    fn count(&mut self, tenant: &str, cause: (Option<&str>, &'static str), at: Timestamp) {
        self.requests = self.requests.saturating_add(1);
        self.seen = Some(extended(self.seen, at, at));
        add_cause(&mut self.causes, cause, 1, CAUSES);
        self.tenants.count(tenant);
    }
}

/// Adds requests to the count of a flag and a cause. Beyond `most` pairs, they count for none.
fn add_cause(
    causes: &mut Vec<ShadowCause>,
    (flag, cause): (Option<&str>, &'static str),
    requests: u64,
    most: usize,
) {
    let is_same = |counted: &ShadowCause| counted.cause == cause && counted.flag.as_deref() == flag;
    let known = causes.iter().position(is_same);
    if let Some(counted) = known.and_then(|place| causes.get_mut(place)) {
        counted.requests = counted.requests.saturating_add(requests);
    } else if causes.len() < most {
        causes.push(ShadowCause {
            flag: flag.map(Into::into),
            cause,
            requests,
        });
    }
}

fn extended(
    seen: Option<(Timestamp, Timestamp)>,
    first: Timestamp,
    last: Timestamp,
) -> (Timestamp, Timestamp) {
    seen.map_or((first, last), |(from, until)| (from.min(first), until.max(last)))
}

#[cfg(test)]
mod tests {
    use std::thread;

    use rules::Timestamp;

    use super::{PARTS, ShadowCounts, TENANTS};

    #[test]
    fn the_memory_of_a_shadow_report_is_bounded() {
        let counts = ShadowCounts::default();
        for place in 0..10_000 {
            let flag = format!("flag-{place}");
            counts.count(
                &format!("tenant-{place}"),
                (Some(&flag), "default"),
                Timestamp(place),
            );
        }
        let totals = counts.totals();
        assert_eq!((totals.refused, totals.undivided), (10_000, 0));
        assert_eq!(totals.seen, Some((Timestamp(0), Timestamp(9_999))));
        assert!(totals.tenants.len() <= PARTS * TENANTS && totals.causes.len() <= 64);
    }

    #[test]
    fn threads_count_every_request_once() {
        let counts = ShadowCounts::default();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..5_000 {
                        counts.count("acme", (Some("board"), "default"), Timestamp(1));
                    }
                });
            }
        });
        let totals = counts.totals();
        assert_eq!(totals.refused, 20_000);
        assert_eq!(totals.tenants[0].count + totals.undivided, 20_000);
        assert_eq!(totals.causes[0].requests + totals.undivided, 20_000);
    }
}
