//! The names of the tenants that observed flags were counted for. Requests count by the hash of a tenant's id; the first
//! request of a tenant reports its id.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

/// The most tenants whose names are reported.
const MAX_NAMES: usize = 1 << 15;
const MAX_PROBES: usize = 16;

/// The tenants whose ids were reported, and the ids that were not taken yet.
#[derive(Debug)]
pub(crate) struct TenantNames {
    /// The hashes of reported ids; 0 is a free place.
    reported: Box<[AtomicU64]>,
    sender: Sender<(u64, Box<str>)>,
    /// Only the reader locks it.
    names: Mutex<Receiver<(u64, Box<str>)>>,
}

impl TenantNames {
    pub(crate) fn new() -> Self {
        let (sender, names) = channel();
        Self {
            reported: (0..MAX_NAMES).map(|_| AtomicU64::new(0)).collect(),
            sender,
            names: Mutex::new(names),
        }
    }

    /// Reports the id of a tenant at its first request. Beyond the limit no more ids are reported.
    pub(crate) fn report(&self, hash: u64, id: &str) {
        let hash = hash.max(1);
        let first = usize::try_from(hash).unwrap_or_default();
        for probe in 0..MAX_PROBES {
            let Some(place) = self.reported.get(first.wrapping_add(probe) & (MAX_NAMES - 1)) else {
                return;
            };
            let held = place.load(Ordering::Relaxed);
            if held == hash {
                return;
            }
            if held == 0 {
                match place.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => {
                        // It fails only without a receiver, which this owns.
                        let _ = self.sender.send((hash, id.into()));
                        return;
                    }
                    Err(other) if other == hash => return,
                    Err(_) => {}
                }
            }
        }
    }

    /// Returns the ids that were reported since the last call, each with its hash.
    pub(crate) fn take(&self) -> Vec<(u64, Box<str>)> {
        self.names.lock().try_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_reported_once() {
        let names = TenantNames::new();
        for _ in 0..3 {
            names.report(7, "acme");
            names.report(0, "umbrella");
        }
        assert_eq!(names.take(), [(7, "acme".into()), (1, "umbrella".into())]);
        names.report(7, "acme");
        assert_eq!(names.take(), []);
    }

    #[test]
    fn ids_beyond_the_limit_are_not_reported() {
        let names = TenantNames::new();
        for hash in 0..u64::try_from(MAX_NAMES * 2).unwrap() {
            names.report(hash + 1, "x");
        }
        assert_eq!(names.take().len(), MAX_NAMES);
    }
}
