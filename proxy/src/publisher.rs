//! Publishing: puts a newer snapshot in place of the one that is served. Shared with whoever watches documents.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::{Loaded, Settings};
use parking_lot::Mutex;
use rules::Snapshot;

use crate::decider::Decider;
use crate::key_store::KeyStore;
use crate::metrics::ReloadResult;
use crate::prepared_snapshot::{PrepareError, PreparedSnapshot};
use crate::readiness::Readiness;
use crate::shared::Shared;
use crate::upstreams::UpstreamStore;

/// Where newer snapshots are handed in. Cheap to clone; publishing after the proxy has ended does nothing.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) shared: Arc<Shared>,
    pub(crate) keys: Arc<KeyStore>,
    pub(crate) upstreams: Arc<UpstreamStore>,
    pub(crate) readiness: Arc<Readiness>,
    /// What the proxy was started with, and what has changed since of that which needs no restart. Held while
    /// a snapshot is prepared, so that of two the later one wins whole.
    settings: Arc<Mutex<Settings>>,
}

/// What became of a newer snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What it changes that only a restart brings about, by the names of the document.
    pub needs_restart: Vec<&'static str>,
}

/// A snapshot that was made along with routes, upstreams or headers that are not those served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot was made along with a document that is not the one served")]
pub struct OtherDocument;

impl Publisher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        (keys, upstreams): (Arc<KeyStore>, Arc<UpstreamStore>),
        readiness: Arc<Readiness>,
        settings: &Settings,
    ) -> Self {
        let settings = Arc::new(Mutex::new(settings.clone()));
        Self {
            shared,
            keys,
            upstreams,
            readiness,
            settings,
        }
    }

    /// Serves what was loaded from now on. Requests under way end with the snapshot that they began with.
    ///
    /// # Errors
    /// What was served before stays, and the refusal is counted and shown in `/readyz`.
    pub fn publish(&self, loaded: &Loaded) -> Result<Published, PrepareError> {
        let mut settings = self.settings.lock();
        let former = self.shared.current.load();
        let metrics = &self.shared.metrics;
        let prepared =
            match PreparedSnapshot::prepare(loaded, Some(&former), (&self.keys, &self.upstreams), metrics) {
                Ok(prepared) => Arc::new(prepared),
                Err(error) => {
                    self.record_refused(&error.to_string());
                    return Err(error);
                }
            };
        let now = SystemTime::now();
        let revision = Arc::clone(&prepared.decider.snapshot.revision.0);
        metrics.publish(Arc::clone(&prepared.meters), &revision, now);
        self.upstreams.publish(&prepared.upstreams);
        self.shared.current.publish(prepared);
        metrics.count_reload(ReloadResult::Applied, now);
        self.readiness.set_snapshot(&revision, now);
        let needs_restart = settings.needs_restart(&loaded.settings);
        settings.drain = loaded.settings.drain;
        Ok(Published { needs_restart })
    }

    /// Serves other flags and tenants from now on, along with the routes, upstreams and all else that is served.
    /// Nothing of that is prepared again. It is no reload of documents, and not counted as one.
    ///
    /// # Errors
    /// Another document was published since that one which the snapshot was made along with; nothing is changed.
    pub fn publish_flags(&self, snapshot: Arc<Snapshot>) -> Result<(), OtherDocument> {
        let _publishing = self.settings.lock();
        let metrics = &self.shared.metrics;
        let former = self.shared.current.load();
        let prepared = former.with_flags(snapshot, metrics).ok_or(OtherDocument)?;
        let now = SystemTime::now();
        let revision = Arc::clone(&prepared.decider.snapshot.revision.0);
        metrics.publish(Arc::clone(&prepared.meters), &revision, now);
        self.shared.current.publish(Arc::new(prepared));
        self.readiness.set_revision(&revision, now);
        Ok(())
    }

    /// Returns what requests are decided by now.
    #[must_use]
    pub fn decider(&self) -> Decider {
        self.shared.current.load().decider.clone()
    }

    /// Notes that documents were read again and say what is served already.
    pub fn record_unchanged(&self) {
        self.shared
            .metrics
            .count_reload(ReloadResult::Unchanged, SystemTime::now());
        self.readiness.clear_reload_error();
    }

    /// Notes that documents were read again and refused; `report` is what a person is told.
    pub fn record_refused(&self, report: &str) {
        let now = SystemTime::now();
        self.shared.metrics.count_reload(ReloadResult::Refused, now);
        self.readiness.set_reload_error(report, now);
    }

    /// How long it goes on serving when it is told to end, and how long requests may take then.
    pub(crate) fn drain_times(&self) -> (Duration, Duration) {
        let drain = self.settings.lock().drain;
        (
            Duration::from_millis(drain.delay_ms),
            Duration::from_millis(drain.timeout_ms),
        )
    }
}
