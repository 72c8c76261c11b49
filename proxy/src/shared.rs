//! What outlives a snapshot: the one place where the present snapshot is, and everything that counts, logs or
//! is remembered between requests.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokens::OperatorTokens;

use crate::access_log::AccessLogger;
use crate::current::Current;
use crate::in_flight::InFlightCount;
use crate::metrics::Metrics;
use crate::request_id::RequestIdSource;
use crate::shares::Shares;

/// Shared by every request of one proxy.
pub(crate) struct Shared {
    pub(crate) current: Current,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: AccessLogger,
    pub(crate) request_ids: RequestIdSource,
    pub(crate) in_flight: InFlightCount,
    pub(crate) shares: Arc<Shares>,
    pub(crate) operator_tokens: OperatorTokens,
    pub(crate) probe: Option<Probe>,
    draining: AtomicBool,
}

/// Called on the way of every request, for tests of what a defect at that place would do.
pub type Probe = Arc<dyn Fn(ProbeStage, &http::request::Parts) + Send + Sync>;

/// Where on its way a request is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStage {
    /// Its head was read, nothing was decided.
    Received,
    /// It is about to be sent to an upstream.
    Forwarding,
    /// The upstream's head was read.
    Responding,
    /// It is over, and about to be logged.
    Logging,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        current: Current,
        metrics: Arc<Metrics>,
        access_log: AccessLogger,
        shares: Arc<Shares>,
        probe: Option<Probe>,
    ) -> Self {
        Self {
            current,
            metrics,
            access_log,
            request_ids: RequestIdSource::new(),
            in_flight: InFlightCount::default(),
            shares,
            operator_tokens: OperatorTokens::new(),
            probe,
            draining: AtomicBool::new(false),
        }
    }

    /// Every answer from now on is the last of its connection.
    pub(crate) fn set_draining(&self) {
        self.draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    pub(crate) fn probe(&self, stage: ProbeStage, request: &http::request::Parts) {
        if let Some(probe) = &self.probe {
            probe(stage, request);
        }
    }
}
