//! The tenants that were served requests with a flag before ga on, for the conditions of its promotion: those that opted
//! in or are on its allowlist. A request notes its tenant without a lock; the first one since the list was taken
//! allocates its names.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// The most pairs of a flag and a tenant that are noted until the list is taken.
const MAX_NOTED: usize = 1 << 14;
const MAX_PROBES: usize = 16;

/// A flag's key and a tenant's id.
pub(crate) type Served = (Box<str>, Box<str>);

/// The pairs that were noted, and those that were not taken yet.
#[derive(Debug)]
pub(crate) struct ServedTenants {
    /// The hashes of noted pairs; 0 is a free place.
    noted: Box<[AtomicU64]>,
    /// The number of places that were taken since they were freed.
    taken: AtomicUsize,
    sender: Sender<Served>,
    /// Only the reader locks it.
    pairs: Mutex<Receiver<Served>>,
}

impl ServedTenants {
    pub(crate) fn new() -> Self {
        let (sender, pairs) = channel();
        Self {
            noted: (0..MAX_NOTED).map(|_| AtomicU64::new(0)).collect(),
            taken: AtomicUsize::new(0),
            sender,
            pairs: Mutex::new(pairs),
        }
    }

    /// Notes that a tenant was served with a flag on. A pair without a free place near its own is not noted; a request
    /// after the list was taken can be.
    pub(crate) fn note(&self, flag: &str, tenant: &str) {
        let hash = xxh3_64_with_seed(tenant.as_bytes(), xxh3_64(flag.as_bytes())).max(1);
        let first = usize::try_from(hash).unwrap_or_default();
        for probe in 0..MAX_PROBES {
            let Some(place) = self.noted.get(first.wrapping_add(probe) & (MAX_NOTED - 1)) else {
                return;
            };
            let held = place.load(Ordering::Relaxed);
            if held == hash {
                return;
            }
            if held == 0 {
                match place.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => {
                        self.taken.fetch_add(1, Ordering::Relaxed);
                        // It fails only without a receiver, which this owns.
                        let _ = self.sender.send((flag.into(), tenant.into()));
                        return;
                    }
                    Err(other) if other == hash => return,
                    Err(_) => {}
                }
            }
        }
    }

    /// Returns the pairs that were noted since the last call, and frees their places. A request meanwhile may note a pair
    /// again.
    pub(crate) fn take(&self) -> Vec<Served> {
        let pairs = self.pairs.lock();
        if self.taken.swap(0, Ordering::Relaxed) > 0 {
            for place in &self.noted {
                place.store(0, Ordering::Relaxed);
            }
        }
        // After the places are free, so that a pair that is noted in between is returned now or with the next call.
        pairs.try_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_noted_once_until_it_is_taken() {
        let served = ServedTenants::new();
        for _ in 0..3 {
            served.note("board", "acme");
            served.note("board", "globex");
            served.note("list", "acme");
        }
        assert_eq!(served.take().len(), 3);
        assert_eq!(served.take(), []);
        served.note("board", "acme");
        assert_eq!(served.take(), [("board".into(), "acme".into())]);
    }

    #[test]
    fn the_number_of_noted_pairs_is_limited() {
        let served = ServedTenants::new();
        for tenant in 0..3 * MAX_NOTED {
            served.note("board", &tenant.to_string());
        }
        let noted = served.take().len();
        assert!(noted <= MAX_NOTED && noted > MAX_NOTED / 2, "{noted}");
    }
}
