//! Publishing: puts a newer snapshot in place of the one that is served. Shared with whoever watches documents.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::{Loaded, Settings};
use parking_lot::Mutex;

use crate::key_store::KeyStore;
use crate::metrics::Reload;
use crate::readiness::Readiness;
use crate::serving::{PrepareError, Serving};
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
        let former = self.shared.current.take();
        let metrics = &self.shared.metrics;
        let serving = match Serving::prepare(loaded, Some(&former), (&self.keys, &self.upstreams), metrics) {
            Ok(serving) => Arc::new(serving),
            Err(error) => {
                self.refused(&error.to_string());
                return Err(error);
            }
        };
        let now = SystemTime::now();
        let revision = Arc::clone(&serving.snapshot.revision.0);
        metrics.publish(Arc::clone(&serving.meters), &revision, now);
        self.upstreams.publish(&serving.upstreams);
        self.shared.current.publish(serving);
        metrics.reloaded(Reload::Applied, now);
        self.readiness.loaded(&revision, now);
        let needs_restart = settings.needs_restart(&loaded.settings);
        settings.drain = loaded.settings.drain;
        Ok(Published { needs_restart })
    }

    /// Notes that documents were read again and say what is served already.
    pub fn unchanged(&self) {
        self.shared.metrics.reloaded(Reload::Unchanged, SystemTime::now());
        self.readiness.reload_unchanged();
    }

    /// Notes that documents were read again and refused; `report` is what a person is told.
    pub fn refused(&self, report: &str) {
        let now = SystemTime::now();
        self.shared.metrics.reloaded(Reload::Refused, now);
        self.readiness.reload_refused(report, now);
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
