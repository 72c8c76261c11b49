//! The thread that adopts what other nodes commit to the store of a fleet, and the state of the connection to it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result};
use control::{Control, FleetReport, FleetState, time_text};
use fleet::{EtcdStore, FollowState};
use parking_lot::Mutex;
use proxy::Readiness;
use redact::masked;
use tracing::{error, info};

use crate::clock;

/// The longest wait for a commit, after which the end of the process and the state of the connection are noticed.
const WAIT: Duration = Duration::from_millis(250);
/// Pause after a state that can't be served here.
const PAUSE: Duration = Duration::from_secs(1);
/// Name of the entry in `/readyz?verbose` while the store is not followed.
const NOTE: &str = "etcd";

/// The state of the connection between this node and the store of a fleet.
pub(crate) struct FleetHealth {
    /// Weak: an upgrade closes the store while requests are served.
    store: Weak<EtcdStore>,
    /// The state in the store that can't be served here: since when, and why.
    rejected: Mutex<Option<(SystemTime, String)>>,
}

impl FleetHealth {
    /// Returns the state; none if the store is closed.
    pub(crate) fn report(&self) -> Option<FleetReport> {
        let status = self.store.upgrade()?.status();
        let rejected = self.rejected.lock().clone();
        let (state, since, reason) = match (status.state, rejected) {
            (FollowState::Following, Some((since, reason))) => (FleetState::Rejected, since, Some(reason)),
            (FollowState::Following, None) => (FleetState::Following, status.since, None),
            (FollowState::Unreachable(reason), _) => (FleetState::Unreachable, status.since, Some(reason)),
            (FollowState::Rejected(reason), _) => (FleetState::Rejected, status.since, Some(reason)),
        };
        Some(FleetReport {
            state,
            since: time_text(clock::timestamp(since)),
            reason: reason.map(|reason| masked(&reason).into_owned()),
        })
    }

    /// Describes the state, unless the store is followed.
    fn note(&self) -> Option<String> {
        let report = self.report()?;
        let (since, reason) = (report.since, report.reason.unwrap_or_default());
        match report.state {
            FleetState::Following => None,
            FleetState::Unreachable => Some(format!(
                "unreachable since {since}: {reason}. The last state is served, and changes are not possible"
            )),
            FleetState::Rejected => Some(format!(
                "its state is rejected since {since}: {reason}. The last state is served"
            )),
        }
    }

    /// Records the result of an adoption, and logs it if it is another one than before.
    fn record(&self, failure: Option<String>) {
        let mut rejected = self.rejected.lock();
        match (&mut *rejected, failure) {
            (None, None) => {}
            (Some(_), None) => {
                info!("the state of the store of the fleet is served again");
                *rejected = None;
            }
            (Some((_, former)), Some(reason)) if *former == reason => {}
            (Some((_, former)), Some(reason)) => {
                log_rejected(&reason);
                *former = reason;
            }
            (none, Some(reason)) => {
                log_rejected(&reason);
                *none = Some((SystemTime::now(), reason));
            }
        }
    }
}

fn log_rejected(reason: &str) {
    error!(
        reason,
        "the state of the store of the fleet can't be served here; the last one is served on"
    );
}

/// The thread. Dropping it ends it.
pub(crate) struct FleetFollow {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl FleetFollow {
    /// Starts the thread. The state is also shown in the readiness.
    ///
    /// # Errors
    /// The thread can't be started.
    pub(crate) fn start(
        control: Arc<Control>,
        store: &Arc<EtcdStore>,
        readiness: Arc<Readiness>,
    ) -> Result<(Self, Arc<FleetHealth>)> {
        let health = Arc::new(FleetHealth {
            store: Arc::downgrade(store),
            rejected: Mutex::default(),
        });
        let stop = Arc::new(AtomicBool::new(false));
        let (stopping, shown) = (Arc::clone(&stop), Arc::clone(&health));
        let follow = move || {
            let mut noted = None;
            while !stopping.load(Ordering::Acquire) {
                let note = shown.note();
                if note != noted {
                    readiness.set_note(NOTE, note.clone());
                    noted = note;
                }
                follow_once(&control, &shown);
            }
            readiness.set_note(NOTE, None);
        };
        let thread = thread::Builder::new()
            .name("fleet-follow".into())
            .spawn(follow)
            .context("can't start the thread that follows the store of the fleet")?;
        let follow = Self {
            stop,
            thread: Some(thread),
        };
        Ok((follow, health))
    }
}

/// Waits for a commit of another node, and adopts it.
fn follow_once(control: &Control, health: &FleetHealth) {
    let served = control.read(|state, _| state.revision);
    if let Err(error) = control.store().watch(served, WAIT) {
        health.record(Some(error.to_string()));
        return thread::sleep(PAUSE);
    }
    match control.adopt_commits() {
        Ok(_) => health.record(None),
        Err(error) => {
            health.record(Some(error.to_string()));
            // The watch does not wait while there is a commit that is not served.
            thread::sleep(PAUSE);
        }
    }
}

impl Drop for FleetFollow {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
