//! The state of a proxy that outlives snapshots: the current snapshot, metrics, logs and counts.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use tokens::OperatorTokens;
use traces::Tracer;
use wire::RequestHead;

use crate::access_log::AccessLogger;
use crate::current::Current;
use crate::in_flight::InFlightCount;
use crate::metrics::Metrics;
use crate::receipts::Receipts;
use crate::request_id::RequestIdSource;
use crate::shares::Shares;
use crate::signature_budget::SignatureBudget;
use crate::upstreams::Connector;

/// The state that all requests of a proxy share.
pub(crate) struct Shared {
    pub(crate) current: Current,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) access_log: AccessLogger,
    pub(crate) receipts: Arc<Receipts>,
    pub(crate) request_ids: RequestIdSource,
    pub(crate) in_flight: InFlightCount,
    pub(crate) shares: Arc<Shares>,
    pub(crate) connector: Connector,
    pub(crate) operator_tokens: OperatorTokens,
    pub(crate) signature_budget: SignatureBudget,
    pub(crate) probe: Option<Probe>,
    /// Exports traces; set once at start if traces are configured.
    pub(crate) tracer: OnceLock<Tracer>,
    is_draining: AtomicBool,
}

/// A callback at each stage of a request, for tests of panics.
pub type Probe = Arc<dyn Fn(ProbeStage, &RequestHead) + Send + Sync>;

/// The stage of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStage {
    /// The head was read; nothing is decided.
    Received,
    /// The request is about to be sent to an upstream.
    Forwarding,
    /// The head of the upstream's response was read.
    Responding,
    /// The request has ended and is about to be logged.
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
        (access_log, receipts): (AccessLogger, Arc<Receipts>),
        (shares, connector): (Arc<Shares>, Connector),
        probe: Option<Probe>,
    ) -> Self {
        Self {
            current,
            metrics,
            access_log,
            receipts,
            request_ids: RequestIdSource::new(),
            in_flight: InFlightCount::default(),
            shares,
            connector,
            operator_tokens: OperatorTokens::new(),
            signature_budget: SignatureBudget::new(),
            probe,
            tracer: OnceLock::new(),
            is_draining: AtomicBool::new(false),
        }
    }

    /// Makes every later response the last of its connection.
    pub(crate) fn set_draining(&self) {
        self.is_draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.is_draining.load(Ordering::Relaxed)
    }

    pub(crate) fn probe(&self, stage: ProbeStage, head: &RequestHead) {
        if let Some(probe) = &self.probe {
            probe(stage, head);
        }
    }
}
