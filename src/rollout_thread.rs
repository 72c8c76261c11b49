//! The thread of the controller of rollout plans: it counts slots, takes steps, and writes the evidence.

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use control::Rollouts;
use parking_lot::{Condvar, Mutex};
use tracing::{error, warn};

/// The length of a slot.
const SLOT: Duration = Duration::from_secs(5);
/// The number of slots between two looks at the checks.
const SLOTS_OF_A_LOOK: u32 = 2;
/// The number of slots between two writes of the evidence.
const SLOTS_OF_A_WRITE: u32 = 12;

/// The thread. Dropping it waits for the last write.
pub(crate) struct RolloutThread {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl RolloutThread {
    /// Starts the thread. `file` is that of the evidence.
    pub(crate) fn start(rollouts: Arc<Rollouts>, file: PathBuf) -> Option<Self> {
        let stop = Arc::<(Mutex<bool>, Condvar)>::default();
        let stopping = Arc::clone(&stop);
        let write = move |rollouts: &Rollouts| {
            if let Err(error) = rollouts.write(&file) {
                warn!("can't write the evidence of rollouts: {error}");
            }
        };
        let run = move || {
            let mut slots: u32 = 0;
            let mut due = Instant::now();
            loop {
                // From the time that was due, so that slots do not drift. After a pause of the process the missed ones
                // are one slot.
                due = due.checked_add(SLOT).unwrap_or(due).max(Instant::now());
                let (stopped, woken) = &*stopping;
                let mut stopped = stopped.lock();
                while !*stopped && !woken.wait_until(&mut stopped, due).timed_out() {}
                let is_last = *stopped;
                drop(stopped);
                rollouts.count();
                if is_last {
                    return write(&rollouts);
                }
                slots = slots.wrapping_add(1);
                let stepped = slots.is_multiple_of(SLOTS_OF_A_LOOK) && rollouts.advance();
                if stepped || slots.is_multiple_of(SLOTS_OF_A_WRITE) {
                    write(&rollouts);
                }
            }
        };
        match thread::Builder::new().name("rollouts".into()).spawn(run) {
            Ok(thread) => Some(Self {
                stop,
                thread: Some(thread),
            }),
            Err(error) => {
                error!(
                    "can't start the thread of rollouts; no plan advances, and none is rolled back: {error}"
                );
                None
            }
        }
    }
}

impl Drop for RolloutThread {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
