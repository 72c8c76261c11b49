//! The thread that counts tenants. It exists while there is something to count.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{Builder, JoinHandle};

use parking_lot::Mutex;
use rules::{FlagId, Timestamp};

use crate::thread_priority;

use super::counted::count;
use super::shared::{Shared, add};

/// The number of flags that are counted in one pass over the tenants.
const FLAGS_AT_ONCE: usize = 64;

/// The owner of the thread, which ends with it.
#[derive(Default)]
pub(super) struct CountingThread {
    handle: Mutex<Option<JoinHandle<()>>>,
    signals: Arc<Signals>,
}

#[derive(Default)]
struct Signals {
    /// Set to end the thread.
    stop: AtomicBool,
    /// True until the thread has seen, under the lock of the shared state, that no flag is wanted.
    is_counting: AtomicBool,
}

impl CountingThread {
    /// Starts the thread, unless it is running. The caller holds the lock of the shared state.
    pub(super) fn start(&self, shared: &Arc<Mutex<Shared>>) {
        let mut handle = self.handle.lock();
        let is_alive = handle.as_ref().is_some_and(|handle| !handle.is_finished());
        if is_alive && self.signals.is_counting.load(Ordering::Acquire) {
            return;
        }
        self.signals.is_counting.store(true, Ordering::Release);
        let (shared, signals) = (Arc::clone(shared), Arc::clone(&self.signals));
        let spawned = Builder::new()
            .name("tenant-counts".to_owned())
            .spawn(move || run(&shared, &signals));
        match spawned {
            Ok(spawned) => *handle = Some(spawned),
            // The next request for the counts tries again.
            Err(error) => tracing::error!(%error, "the thread that counts tenants could not be started"),
        }
    }
}

impl Drop for CountingThread {
    fn drop(&mut self) {
        self.signals.stop.store(true, Ordering::Release);
        if let Some(handle) = self.handle.get_mut().take() {
            // It ends within a thousand tenants.
            let _ = handle.join();
        }
    }
}

/// Counts the wanted flags until there are none.
fn run(shared: &Mutex<Shared>, signals: &Signals) {
    thread_priority::lower_to(thread_priority::LOWEST);
    let goes_on = || !signals.stop.load(Ordering::Acquire);
    loop {
        let (base, flags) = {
            let mut shared = shared.lock();
            let flags: Vec<(FlagId, Timestamp)> = shared.take_wanted(FLAGS_AT_ONCE);
            let base = shared.counted.base().filter(|_| !flags.is_empty() && goes_on());
            let Some(base) = base else {
                // Under the lock: a flag that is wanted from now on starts a new thread.
                signals.is_counting.store(false, Ordering::Release);
                return;
            };
            (base, flags)
        };
        if let Some(tallies) = count(&base, &flags, goes_on) {
            add(shared, base, tallies);
        }
    }
}
