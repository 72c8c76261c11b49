//! Publishing: replaces the snapshot that is served.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use config::{LoadedConfig, Settings};
use parking_lot::Mutex;
use rules::Snapshot;

use crate::decider::Decider;
use crate::drain_times::{DRAIN_IDLE, DrainTimes};
use crate::key_store::KeyStore;
use crate::metrics::{NotificationCounts, ReloadResult, RolloutStatus};
use crate::prepared_snapshot::{PrepareError, PreparedSnapshot};
use crate::readiness::Readiness;
use crate::shared::Shared;
use crate::upstreams::{UpstreamStatus, UpstreamStore};

/// Publishes snapshots. Cheap to clone. After the proxy has ended, publishing has no effect.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) shared: Arc<Shared>,
    pub(crate) keys: Arc<KeyStore>,
    pub(crate) upstreams: Arc<UpstreamStore>,
    pub(crate) readiness: Arc<Readiness>,
    /// The settings of the start, updated with those that need no restart. Locked while a snapshot is prepared, so
    /// that of two concurrent publishers the later one wins completely.
    settings: Arc<Mutex<Settings>>,
    /// The delay of a drain, unless the document sets it.
    default_drain_delay: Duration,
}

/// The result of publishing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The changed fields that need a restart, by their names in the document.
    pub needs_restart: Vec<&'static str>,
}

/// The snapshot was compiled with routes, upstreams or headers other than those served.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the snapshot was compiled with a document other than the one served")]
pub struct OtherDocument;

impl Publisher {
    pub(crate) fn new(
        shared: Arc<Shared>,
        (keys, upstreams): (Arc<KeyStore>, Arc<UpstreamStore>),
        readiness: Arc<Readiness>,
        settings: &Settings,
        default_drain_delay: Duration,
    ) -> Self {
        let settings = Arc::new(Mutex::new(settings.clone()));
        Self {
            shared,
            keys,
            upstreams,
            readiness,
            settings,
            default_drain_delay,
        }
    }

    /// Serves loaded documents from now on. Requests in flight finish with their snapshot.
    ///
    /// # Errors
    /// The documents can't be served. The previous snapshot stays in use, and the failure is counted and shown in
    /// `/readyz`.
    pub fn publish(&self, loaded: &LoadedConfig) -> Result<Published, PrepareError> {
        // Held until the snapshot is in place: reloads and flag changes are serialised.
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
        // Only now, because preparing may fail and the former upstreams then stay.
        self.upstreams.publish(&prepared.upstreams);
        self.shared.current.publish(prepared);
        metrics.reloads.count(ReloadResult::Applied, now);
        self.readiness.set_awaited_flags(&loaded.awaited_flags);
        self.readiness.set_snapshot(&revision, now);
        let needs_restart = settings.needs_restart(&loaded.settings);
        settings.drain = loaded.settings.drain;
        Ok(Published { needs_restart })
    }

    /// Serves other flags and tenants from now on, with the routes, upstreams and settings that are served. It
    /// prepares none of those again, and does not count as a reload.
    ///
    /// # Errors
    /// Other documents were published since the snapshot was compiled. Nothing changes.
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

    /// Returns the data that requests are decided by now.
    #[must_use]
    pub fn decider(&self) -> Decider {
        self.shared.current.load().decider.clone()
    }

    /// Records a reload whose documents equal those that are served.
    pub fn record_unchanged(&self) {
        self.shared
            .metrics
            .reloads
            .count(ReloadResult::Unchanged, SystemTime::now());
        self.readiness.clear_reload_error();
    }

    /// Records a refused reload. `report` is shown to people.
    pub fn record_refused(&self, report: &str) {
        let now = SystemTime::now();
        self.shared.metrics.reloads.count(ReloadResult::Refused, now);
        self.readiness.set_reload_error(report, now);
    }

    /// Shows damage of the store that has the flags in the readiness and as a metric, or that there is none.
    pub fn set_store_damage(&self, words: Option<String>) {
        self.shared
            .metrics
            .store_damaged
            .set(f64::from(u8::from(words.is_some())));
        self.readiness.set_note("store", words);
    }

    /// Shows as a metric when the source of the flags was last found equal to what is served. `read` is called at each
    /// scrape, in place of a former one.
    pub fn show_verified(&self, read: impl Fn() -> SystemTime + Send + Sync + 'static) {
        self.shared.metrics.verified.set(read);
    }

    /// Returns the time when the source of the flags was last found equal to what is served; none before it is shown.
    #[must_use]
    pub fn verified(&self) -> Option<SystemTime> {
        self.shared.metrics.verified.read()
    }

    /// Returns the status of the served upstreams, in the order of the document.
    #[must_use]
    pub fn upstreams(&self) -> Vec<UpstreamStatus> {
        self.upstreams.status()
    }

    /// Shows the states of rollout plans as metrics. `read` is called at each scrape.
    pub fn show_rollouts(&self, read: impl Fn() -> Vec<RolloutStatus> + Send + Sync + 'static) {
        self.shared.metrics.rollouts.set(read);
    }

    /// Shows the numbers of notifications of a receiver as metrics.
    pub fn set_notifications(&self, counts: NotificationCounts<'_>) {
        self.shared.metrics.notifications.set(counts);
    }

    /// Shows in the readiness that notifications are not delivered, or that they are. It has no other effect.
    pub fn set_notification_problem(&self, words: Option<String>) {
        self.readiness.set_note("notifications", words);
    }

    /// Returns the times of a shutdown.
    pub(crate) fn drain_times(&self) -> DrainTimes {
        let drain = self.settings.lock().drain;
        DrainTimes {
            delay: drain
                .delay_ms
                .map_or(self.default_drain_delay, Duration::from_millis),
            timeout: Duration::from_millis(drain.timeout_ms),
            idle: DRAIN_IDLE,
        }
    }
}
