//! The tenants of a flag with a circuit breaker: a table with open addressing. A tenant's first request allocates its
//! entry; later ones find it without a lock.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::{ArcSwapOption, Guard};

use super::process_breakers::ProcessBreakers;
use super::tenant_breaker::TenantBreaker;

/// The places of a table.
const PLACES: usize = 1 << 15;
/// The most places that are searched for a tenant.
const MAX_PROBES: usize = 32;

/// The tenants of one flag.
pub(super) struct TenantTable {
    places: Box<[ArcSwapOption<TenantBreaker>]>,
    /// The number of taken places.
    taken: AtomicUsize,
    process: Arc<ProcessBreakers>,
}

/// An entry that was found. It stays valid if its place is taken by another tenant meanwhile, and is detached then.
pub(super) type FoundTenant = Guard<Option<Arc<TenantBreaker>>>;

impl TenantTable {
    pub(super) fn new(process: &Arc<ProcessBreakers>) -> Self {
        Self {
            places: (0..PLACES).map(|_| ArcSwapOption::empty()).collect(),
            taken: AtomicUsize::new(0),
            process: Arc::clone(process),
        }
    }

    /// Returns the places of a tenant, in the order of the search.
    fn places_of(&self, hash: u64) -> impl Iterator<Item = &ArcSwapOption<TenantBreaker>> {
        let first = usize::try_from(hash).unwrap_or_default();
        let places = (0..MAX_PROBES).map(move |probe| first.wrapping_add(probe) & (PLACES - 1));
        places.filter_map(|place| self.places.get(place))
    }

    /// Returns the entry of a tenant.
    pub(super) fn find(&self, hash: u64) -> Option<FoundTenant> {
        let mut found = self.places_of(hash).map(ArcSwapOption::load);
        found.find(|found| is_entry_of(found, hash))
    }

    /// Returns the entry of a tenant, or a new one; none if all places that are searched are taken, or if the process
    /// counts as many tenants as it may. A place whose tenant has had no request for a minute is taken again.
    pub(super) fn find_or_take(&self, hash: u64, id: &str, now: u64) -> Option<FoundTenant> {
        if let Some(found) = self.find(hash) {
            return Some(found);
        }
        for place in self.places_of(hash) {
            let held = place.load();
            let is_free = match held.as_deref() {
                None => self.process.take_tenant(),
                Some(tenant) => tenant.detach_if_unused(now),
            };
            if !is_free {
                continue;
            }
            // One for each place: another thread may have taken the place again, and detached the former one.
            let new = Arc::new(TenantBreaker::new(hash, id));
            let before = place.compare_and_swap(&held, Some(new));
            let has_taken = match (before.as_ref(), held.as_ref()) {
                (None, None) => true,
                (Some(before), Some(held)) => Arc::ptr_eq(before, held),
                _ => false,
            };
            match (has_taken, held.is_none()) {
                (true, true) => {
                    self.taken.fetch_add(1, Ordering::Relaxed);
                }
                (false, true) => self.process.release_tenants(1),
                (_, false) => {}
            }
            // Another thread may have taken the place for the same tenant.
            let found = place.load();
            if is_entry_of(&found, hash) {
                return Some(found);
            }
        }
        None
    }

    /// Returns all entries.
    pub(super) fn all(&self) -> impl Iterator<Item = Arc<TenantBreaker>> {
        self.places.iter().filter_map(ArcSwapOption::load_full)
    }
}

/// Returns true for an entry of a tenant that still has its place.
fn is_entry_of(found: &FoundTenant, hash: u64) -> bool {
    found
        .as_deref()
        .is_some_and(|tenant| tenant.hash() == hash && !tenant.is_detached())
}

impl Drop for TenantTable {
    fn drop(&mut self) {
        self.process.release_tenants(self.taken.load(Ordering::Relaxed));
    }
}

impl std::fmt::Debug for TenantTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TenantTable").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::tenant_breaker::RequestTimes;
    use super::*;

    const MINUTE: u64 = 60_000_000;
    const AT_START: RequestTimes = RequestTimes { begun: 0, ended: 0 };

    fn is_of(found: Option<FoundTenant>, id: &str) -> bool {
        found.is_some_and(|found| found.as_deref().is_some_and(|tenant| &**tenant.id() == id))
    }

    #[test]
    fn tenants_with_the_same_place_are_apart() {
        let table = TenantTable::new(&ProcessBreakers::new());
        let hash = |at: u64| 5 + at * PLACES as u64;
        for at in 0..MAX_PROBES as u64 {
            assert!(table.find(hash(at)).is_none());
            let found = table.find_or_take(hash(at), &at.to_string(), 0).unwrap();
            found.as_deref().unwrap().count(AT_START, false);
        }
        for at in 0..MAX_PROBES as u64 {
            assert!(is_of(table.find(hash(at)), &at.to_string()));
        }
        assert_eq!(table.all().count(), MAX_PROBES);
    }

    #[test]
    fn the_place_of_an_unused_tenant_is_taken_again() {
        let table = TenantTable::new(&ProcessBreakers::new());
        let hash = |at: u64| 5 + at * PLACES as u64;
        for at in 0..MAX_PROBES as u64 {
            let found = table.find_or_take(hash(at), &at.to_string(), 0).unwrap();
            found.as_deref().unwrap().count(AT_START, false);
        }
        let next = MAX_PROBES as u64;
        assert!(table.find_or_take(hash(next), "next", 1).is_none());
        let taken = table.find_or_take(hash(next), "next", 2 * MINUTE);
        assert!(is_of(taken, "next"));
        assert_eq!(table.all().count(), MAX_PROBES);
    }

    #[test]
    fn a_dropped_table_releases_its_tenants() {
        let process = ProcessBreakers::new();
        let table = TenantTable::new(&process);
        let _ = table.find_or_take(1, "acme", 0);
        assert_eq!(process.tenants(), 1);
        drop(table);
        assert_eq!(process.tenants(), 0);
    }
}
