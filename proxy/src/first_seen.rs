//! Values that requests note when they see them for the first time. A request finds out by a hash, without a lock; the
//! first one of a value allocates it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use parking_lot::Mutex;

/// The most places that are searched for a hash.
const MAX_PROBES: usize = 16;

/// The hashes of noted values, and the values that were not taken yet. There are at most as many as places.
#[derive(Debug)]
pub(crate) struct FirstSeen<T> {
    /// The hashes; 0 is a free place. Their number is a power of two.
    places: Box<[AtomicU64]>,
    /// True if a place was taken since they were freed.
    has_taken: AtomicBool,
    sender: Sender<T>,
    /// Only the reader locks it.
    values: Mutex<Receiver<T>>,
}

impl<T> FirstSeen<T> {
    /// Creates an empty one for at most `places` values, rounded up to a power of two.
    pub(crate) fn new(places: usize) -> Self {
        let (sender, values) = channel();
        let places = places.next_power_of_two();
        Self {
            places: (0..places).map(|_| AtomicU64::new(0)).collect(),
            has_taken: AtomicBool::new(false),
            sender,
            values: Mutex::new(values),
        }
    }

    /// Notes the value with this hash, if no value with it was noted before. A value without a free place near its own
    /// is not noted.
    pub(crate) fn note(&self, hash: u64, value: impl FnOnce() -> T) {
        let hash = hash.max(1);
        let first = usize::try_from(hash).unwrap_or_default();
        let mask = self.places.len().wrapping_sub(1);
        for probe in 0..MAX_PROBES {
            let Some(place) = self.places.get(first.wrapping_add(probe) & mask) else {
                return;
            };
            let held = place.load(Ordering::Relaxed);
            if held == hash {
                return;
            }
            if held == 0 {
                match place.compare_exchange(0, hash, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => {
                        self.has_taken.store(true, Ordering::Relaxed);
                        // It fails only without a receiver, which this owns.
                        let _ = self.sender.send(value());
                        return;
                    }
                    Err(other) if other == hash => return,
                    Err(_) => {}
                }
            }
        }
    }

    /// Returns the values that were noted since the last call.
    pub(crate) fn take(&self) -> Vec<T> {
        self.values.lock().try_iter().collect()
    }

    /// Returns the values that were noted since the last call, and frees their places: they can be noted again, also by a
    /// request meanwhile.
    pub(crate) fn take_and_free(&self) -> Vec<T> {
        let values = self.values.lock();
        if self.has_taken.swap(false, Ordering::Relaxed) {
            for place in &self.places {
                place.store(0, Ordering::Relaxed);
            }
        }
        // After the places are free, so that a value that is noted in between is returned now or with the next call.
        values.try_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_noted_once_until_its_place_is_free() {
        let seen = FirstSeen::new(64);
        for _ in 0..3 {
            seen.note(7, || "acme");
            seen.note(0, || "umbrella");
        }
        assert_eq!(seen.take(), ["acme", "umbrella"]);
        seen.note(7, || "acme");
        assert_eq!(seen.take(), [""; 0]);
        assert_eq!(seen.take_and_free(), [""; 0]);
        seen.note(7, || "acme");
        assert_eq!(seen.take_and_free(), ["acme"]);
    }

    #[test]
    fn values_beyond_the_places_are_not_noted() {
        let seen = FirstSeen::new(64);
        for hash in 1..=128 {
            seen.note(hash, || hash);
        }
        assert_eq!(seen.take().len(), 64);
    }
}
