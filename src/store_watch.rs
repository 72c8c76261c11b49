//! The watch over the store: checks its pages after serving began, and shows damage in the readiness and as a metric.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use control::{CheckExtent, Control, StoreError};
use parking_lot::{Condvar, Mutex};
use proxy::Publisher;
use tracing::{error, info, warn};

/// Interval at which damage that operations have found is shown.
const INTERVAL: Duration = Duration::from_secs(1);
/// The largest file, in bytes, that is checked whole after the start: this takes a few seconds. `sluice audit verify`
/// checks a store of any size whole.
const MAX_WHOLE: u64 = 256 << 20;
/// Name of the store's file in its directory.
const FILE_NAME: &str = "sluice.db";

/// The thread. Dropping it ends a running check.
pub(crate) struct StoreWatch {
    control: Arc<Control>,
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

impl StoreWatch {
    /// Starts to check and watch the store in the directory.
    pub(crate) fn start(control: &Arc<Control>, directory: &Path, publisher: Publisher) -> Option<Self> {
        let stop = Arc::<(Mutex<bool>, Condvar)>::default();
        let (watched, stopping) = (Arc::clone(control), Arc::clone(&stop));
        let size = directory.join(FILE_NAME).metadata().map_or(0, |file| file.len());
        let watch = move || {
            check(&watched, size);
            let mut shown = None;
            let (stopped, woken) = &*stopping;
            let mut stopped = stopped.lock();
            while !*stopped {
                let damage = watched.store().found_damage();
                if damage != shown {
                    show(&publisher, damage.as_deref());
                    shown = damage;
                }
                woken.wait_for(&mut stopped, INTERVAL);
            }
        };
        match thread::Builder::new().name("store-watch".into()).spawn(watch) {
            Ok(thread) => Some(Self {
                control: Arc::clone(control),
                stop,
                thread: Some(thread),
            }),
            Err(error) => {
                warn!("can't start the thread that checks the store: {error}");
                None
            }
        }
    }
}

impl Drop for StoreWatch {
    fn drop(&mut self) {
        *self.stop.0.lock() = true;
        self.stop.1.notify_all();
        self.control.store().stop_check();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Checks the pages of the store, and, if it is not large, its indexes too. Damage is remembered by the store.
fn check(control: &Control, size: u64) {
    let extent = if size <= MAX_WHOLE {
        CheckExtent::Whole
    } else {
        CheckExtent::Pages
    };
    match control.store().check(extent) {
        // Reported with its help by `show`.
        Ok(()) | Err(StoreError::Corrupt(_)) => {}
        Err(unfinished) => info!("the check of the store was not finished: {unfinished}"),
    }
}

/// Shows the damage in the readiness, as a metric and in the log.
fn show(publisher: &Publisher, damage: Option<&str>) {
    let words = damage.map(|damage| {
        format!(
            "the store is damaged: {damage}. It is still in use; reads and changes that meet the damage fail, and filters \
             of the audit log may miss entries. To fix this: make a backup (`sluice backup`); if that fails, take the \
             newest one. Stop the server, and run `sluice restore BACKUP --to DIRECTORY`"
        )
    });
    if let Some(words) = &words {
        error!("{words}");
    }
    publisher.set_store_damage(words);
}
