//! Searches among the static tokens whose hashes have no id. A search compares with all of them, so the searches of a
//! flood of invalid tokens take turns, at a limited rate: first come, first served. The number of callers that wait is
//! limited, for each address and in total, because each keeps a connection of the admin listener busy. If all places are
//! taken, a caller of another address takes that of the address with most.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::sync::{Mutex, MutexGuard, Notify};

/// The number of hashes that are compared per second: about a tenth of a core.
const HASHES_PER_SECOND: u32 = 100_000;
/// The number of hashes that are compared without a pause; more than there are tokens.
const HASHES_BURST: u32 = 10_000;
/// The largest number of callers of one address in a queue.
const MAX_CALLERS_PER_ADDRESS: usize = 8;
/// The largest number of callers in a queue. Those of both queues are half of the connections of the admin listener.
const MAX_CALLERS: usize = 32;

/// A queue of searches.
pub(super) struct Searches {
    turn: Mutex<()>,
    hashes: DefaultDirectRateLimiter,
    clock: DefaultClock,
    /// The callers that search or wait for their turn, in the order of their arrival.
    callers: parking_lot::Mutex<Vec<Arc<Caller>>>,
}

/// A caller that searches or waits for its turn.
struct Caller {
    address: IpAddr,
    /// Notified when another caller has taken its place.
    displaced: Notify,
}

/// The permission to search. The next caller's turn begins when it is dropped.
pub(super) struct Turn<'s> {
    _turn: MutexGuard<'s, ()>,
    _place: Place<'s>,
}

/// The place of a caller in the queue, until it is dropped.
struct Place<'s> {
    searches: &'s Searches,
    caller: Arc<Caller>,
}

impl Searches {
    pub(super) fn new() -> Self {
        let number = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let quota = Quota::per_second(number(HASHES_PER_SECOND)).allow_burst(number(HASHES_BURST));
        Self {
            turn: Mutex::new(()),
            hashes: RateLimiter::direct(quota),
            clock: DefaultClock::default(),
            callers: parking_lot::Mutex::default(),
        }
    }

    /// Waits for the turn of a search among this number of tokens, for a caller at this address. Returns none if too many
    /// callers wait.
    pub(super) async fn turn(&self, address: IpAddr, tokens: NonZeroU32) -> Option<Turn<'_>> {
        let place = self.place(address)?;
        let turn = tokio::select! {
            biased;
            turn = self.next(tokens) => turn,
            () = place.caller.displaced.notified() => return None,
        };
        Some(Turn {
            _turn: turn,
            _place: place,
        })
    }

    /// Waits until the callers before have searched, and for the quota.
    async fn next(&self, tokens: NonZeroU32) -> MutexGuard<'_, ()> {
        // A mutex of tokio is fair. The caller that has it is the only one that waits for the quota, so no later one can
        // be first.
        let turn = self.turn.lock().await;
        // More tokens than the burst would never be ready; there are at most as many as `MAX_STATIC_TOKENS`.
        while let Ok(Err(wait)) = self.hashes.check_n(tokens) {
            tokio::time::sleep(wait.wait_time_from(self.clock.now())).await;
        }
        turn
    }

    /// Takes a place for a caller at this address. If all are taken, takes the newest one of the address with most, unless
    /// this address would then have as many.
    fn place(&self, address: IpAddr) -> Option<Place<'_>> {
        let mut callers = self.callers.lock();
        let count = |address| callers.iter().filter(|caller| caller.address == address).count();
        let own = count(address);
        if own >= MAX_CALLERS_PER_ADDRESS {
            return None;
        }
        if callers.len() >= MAX_CALLERS {
            let counted = callers.iter().map(|caller| count(caller.address)).enumerate();
            // Of equal ones the last, which came last: those that have waited longer keep their turn.
            let (newest, most) = counted.max_by_key(|(_, count)| *count)?;
            if most <= own.saturating_add(1) {
                return None;
            }
            callers.remove(newest).displaced.notify_one();
        }
        let caller = Arc::new(Caller {
            address,
            displaced: Notify::new(),
        });
        callers.push(Arc::clone(&caller));
        Some(Place {
            searches: self,
            caller,
        })
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut callers = self.searches.callers.lock();
        callers.retain(|caller| !Arc::ptr_eq(caller, &self.caller));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(searches: &Searches, address: u8, count: usize) -> Vec<Place<'_>> {
        let address = IpAddr::from([192, 0, 2, address]);
        (0..count).filter_map(|_| searches.place(address)).collect()
    }

    fn displaced(places: &[Place<'_>]) -> Vec<bool> {
        let callers = places[0].searches.callers.lock();
        let is_displaced =
            |place: &Place<'_>| !callers.iter().any(|caller| Arc::ptr_eq(caller, &place.caller));
        places.iter().map(is_displaced).collect()
    }

    #[test]
    fn each_address_has_a_limited_number_of_places() {
        let searches = Searches::new();
        let places = take(&searches, 1, 100);
        assert_eq!(places.len(), MAX_CALLERS_PER_ADDRESS);
        assert_eq!(take(&searches, 2, 1).len(), 1);
        drop(places);
        assert_eq!(take(&searches, 1, 1).len(), 1);
        assert!(searches.callers.lock().is_empty());
    }

    #[test]
    fn a_full_queue_admits_a_caller_of_another_address() {
        let searches = Searches::new();
        let first = take(&searches, 1, 7);
        let flood: Vec<_> = (2..=4).flat_map(|address| take(&searches, address, 8)).collect();
        let last = take(&searches, 5, 1);
        assert_eq!(searches.callers.lock().len(), MAX_CALLERS);
        let other = take(&searches, 6, 1);
        assert_eq!(other.len(), 1);
        assert_eq!(searches.callers.lock().len(), MAX_CALLERS);
        let mut expected = vec![false; 24];
        expected[23] = true;
        assert_eq!(displaced(&flood), expected);
        for kept in [&first, &last, &other] {
            assert!(!displaced(kept).contains(&true));
        }
        // The callers of the flood take no place of an address with fewer.
        assert!(take(&searches, 4, 1).is_empty());
    }

    #[tokio::test]
    async fn a_displaced_caller_does_not_wait_longer() {
        let searches = Searches::new();
        let flood: Vec<_> = (1..=4)
            .map(|address| IpAddr::from([192, 0, 2, address]))
            .collect();
        let held = searches.turn(flood[0], NonZeroU32::MIN).await.unwrap();
        let waiting = flood.iter().flat_map(|address| [*address; 8]).skip(1);
        let waiting = waiting.map(|address| searches.turn(address, NonZeroU32::MIN));
        let mut waiting: Vec<_> = waiting.map(Box::pin).collect();
        for caller in &mut waiting {
            assert!(polled_once(caller.as_mut()).is_none());
        }
        let _other = take(&searches, 9, 1);
        let last = waiting.pop().unwrap();
        assert!(last.await.is_none());
        drop(held);
        for caller in waiting {
            assert!(caller.await.is_some());
        }
    }

    /// Polls a future once.
    fn polled_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match future.poll(&mut context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
