//! The watch over the store: checks its pages after serving began, and shows damage in the readiness and as a metric.

use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime};

use control::{CheckExtent, Control, StoreError};
use parking_lot::{Condvar, Mutex};
use proxy::Publisher;
use tracing::{debug, error, info, warn};

use crate::startup::ManagedStore;

/// Interval at which damage that operations have found is shown.
const INTERVAL: Duration = Duration::from_secs(1);
/// Interval at which the revision of the store is read.
const VERIFY_INTERVAL: Duration = Duration::from_secs(10);
/// The largest file, in bytes, that is checked whole after the start: this takes a few seconds. `sluice audit verify`
/// checks a store of any size whole.
const MAX_WHOLE: u64 = 256 << 20;
/// Name of the store's file in its directory.
const FILE_NAME: &str = "sluice.db";
/// The way to repair an embedded database.
const STORE_FIX: &str = "make a backup (`sluice backup`); if that fails, take the newest one. Stop the server, and run `sluice \
                         restore BACKUP --to DIRECTORY`";
/// The way to repair the mirror of a store in etcd.
const MIRROR_FIX: &str = "stop the server, move the directory of the mirror away, and start it again: the mirror is read from etcd";

/// The thread. Dropping it ends a running check.
pub(crate) struct StoreWatch {
    control: Arc<Control>,
    verified: VerifiedStore,
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<JoinHandle<()>>,
}

/// The last time at which the store was read and had the served revision. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedStore {
    at: Arc<Mutex<SystemTime>>,
}

impl VerifiedStore {
    fn now() -> Self {
        let at = Arc::new(Mutex::new(SystemTime::now()));
        Self { at }
    }

    /// Returns the time.
    pub(crate) fn at(&self) -> SystemTime {
        *self.at.lock()
    }

    /// Reads the revision of the store. The time stays if that fails, or if it is not the served one.
    fn verify(&self, control: &Control) {
        let served = control.read(|state, _| state.revision);
        match control.store().changes_since(served) {
            Ok(found) if found.revision == control.read(|state, _| state.revision) => {
                *self.at.lock() = SystemTime::now();
            }
            // A change that is being published; the next read finds it served.
            Ok(_) => {}
            // Requests and changes that meet it are answered and logged with it.
            Err(error) => debug!("can't read the revision of the store: {error}"),
        }
    }
}

impl StoreWatch {
    /// Starts to check and watch the store, which was just read.
    pub(crate) fn start(control: &Arc<Control>, store: &ManagedStore, publisher: Publisher) -> Option<Self> {
        let verified = VerifiedStore::now();
        let stop = Arc::<(Mutex<bool>, Condvar)>::default();
        let (watched, stopping) = (Arc::clone(control), Arc::clone(&stop));
        let size = store
            .directory
            .join(FILE_NAME)
            .metadata()
            .map_or(0, |file| file.len());
        let verifying = verified.clone();
        let fix = match store.etcd {
            Some(_) => MIRROR_FIX,
            None => STORE_FIX,
        };
        let watch = move || {
            check(&watched, size);
            let mut shown = None;
            let mut verify_at = Instant::now();
            let (stopped, woken) = &*stopping;
            let mut stopped = stopped.lock();
            while !*stopped {
                let damage = watched.store().found_damage();
                if damage != shown {
                    show(&publisher, damage.as_deref(), fix);
                    shown = damage;
                }
                if Instant::now() >= verify_at {
                    verify_at = Instant::now() + VERIFY_INTERVAL;
                    verifying.verify(&watched);
                }
                woken.wait_for(&mut stopped, INTERVAL);
            }
        };
        match thread::Builder::new().name("store-watch".into()).spawn(watch) {
            Ok(thread) => Some(Self {
                control: Arc::clone(control),
                verified,
                stop,
                thread: Some(thread),
            }),
            Err(error) => {
                warn!("can't start the thread that checks the store: {error}");
                None
            }
        }
    }

    /// Returns the last time at which the store was read and had the served revision.
    pub(crate) fn verified(&self) -> VerifiedStore {
        self.verified.clone()
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
fn show(publisher: &Publisher, damage: Option<&str>, fix: &str) {
    let words = damage.map(|damage| {
        format!(
            "the store is damaged: {damage}. It is still in use; reads and changes that meet the damage fail, and filters \
             of the audit log may miss entries. To fix this: {fix}"
        )
    });
    if let Some(words) = &words {
        error!("{words}");
    }
    publisher.set_store_damage(words);
}
