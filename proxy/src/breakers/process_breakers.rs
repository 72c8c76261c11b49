//! The limits and events of all circuit breakers of a process. It outlives snapshots.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::time::Instant;

use parking_lot::Mutex;

use super::breaker_event::BreakerEvent;

/// The most open breakers; then none opens.
pub(super) const MAX_OPEN: usize = 10_000;
/// The most tenants that are counted, over all flags.
const MAX_TENANTS: usize = 1 << 17;
/// The most events that wait to be taken; the later ones are dropped and counted.
const MAX_EVENTS: usize = 4_096;

/// The breakers of a process.
#[derive(Debug)]
pub(crate) struct ProcessBreakers {
    /// Times are counted from here.
    start: Instant,
    open: AtomicUsize,
    tenants: AtomicUsize,
    /// True from the event about the limit until a breaker closes.
    is_limit_reported: AtomicBool,
    /// Requests that no breaker counted, because there were too many tenants.
    uncounted: AtomicU64,
    dropped_events: AtomicU64,
    sender: SyncSender<BreakerEvent>,
    /// Only the reader locks it.
    events: Mutex<Receiver<BreakerEvent>>,
}

impl ProcessBreakers {
    pub(crate) fn new() -> Arc<Self> {
        let (sender, events) = sync_channel(MAX_EVENTS);
        Arc::new(Self {
            start: Instant::now(),
            open: AtomicUsize::new(0),
            tenants: AtomicUsize::new(0),
            is_limit_reported: AtomicBool::new(false),
            uncounted: AtomicU64::new(0),
            dropped_events: AtomicU64::new(0),
            sender,
            events: Mutex::new(events),
        })
    }

    /// Returns a time in microseconds since the start.
    pub(crate) fn micros(&self, at: Instant) -> u64 {
        let since = at.saturating_duration_since(self.start);
        u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
    }

    /// Returns the number of open breakers.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }

    /// Counts a breaker that opens; false if the limit is reached.
    pub(super) fn open_one(&self) -> bool {
        let opened = self
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| {
                (open < MAX_OPEN).then(|| open.saturating_add(1))
            });
        opened.is_ok()
    }

    /// Counts breakers that close.
    pub(super) fn close(&self, closed: usize) {
        if closed > 0 {
            self.open.fetch_sub(closed, Ordering::Relaxed);
            self.is_limit_reported.store(false, Ordering::Relaxed);
        }
    }

    /// Returns true for the first call since the limit was reached.
    pub(super) fn reports_limit(&self) -> bool {
        !self.is_limit_reported.swap(true, Ordering::Relaxed)
    }

    /// Counts a tenant; false if there are too many.
    pub(super) fn take_tenant(&self) -> bool {
        let taken = self
            .tenants
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |tenants| {
                (tenants < MAX_TENANTS).then(|| tenants.saturating_add(1))
            });
        taken.is_ok()
    }

    pub(super) fn release_tenants(&self, count: usize) {
        self.tenants.fetch_sub(count, Ordering::Relaxed);
    }

    #[cfg(test)]
    pub(super) fn tenants(&self) -> usize {
        self.tenants.load(Ordering::Relaxed)
    }

    pub(super) fn count_uncounted(&self) {
        self.uncounted.fetch_add(1, Ordering::Relaxed);
    }

    /// Returns the number of requests that no breaker counted.
    pub(crate) fn uncounted(&self) -> u64 {
        self.uncounted.load(Ordering::Relaxed)
    }

    pub(super) fn send(&self, event: BreakerEvent) {
        if self.sender.try_send(event).is_err() {
            self.dropped_events.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Returns the events since the last call, and the number of those that were dropped.
    pub(crate) fn take_events(&self) -> (Vec<BreakerEvent>, u64) {
        let events = self.events.lock().try_iter().collect();
        (events, self.dropped_events.swap(0, Ordering::Relaxed))
    }
}
