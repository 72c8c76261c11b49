//! The log of failed exports of one signal: the first failure, then at most one line a minute, and the recovery.

use std::time::{Duration, Instant};

use tracing::{info, warn};

use crate::export_failure::ExportFailure;

/// Time between two lines about failures.
const PAUSE: Duration = Duration::from_mins(1);

/// The failures since the last line.
#[derive(Debug)]
pub(crate) struct FailureLog {
    /// The exported items: `traces` or `logs`.
    signal: &'static str,
    logged: Option<Instant>,
    unlogged: u64,
    is_failing: bool,
}

impl FailureLog {
    pub(crate) fn new(signal: &'static str) -> Self {
        Self {
            signal,
            logged: None,
            unlogged: 0,
            is_failing: false,
        }
    }

    /// Records a failure.
    pub(crate) fn failed(&mut self, failure: &ExportFailure, now: Instant) {
        self.is_failing = true;
        self.unlogged += 1;
        if self.logged.is_some_and(|logged| now < logged + PAUSE) {
            return;
        }
        let failures = std::mem::take(&mut self.unlogged);
        self.logged = Some(now);
        warn!(
            signal = self.signal,
            failures, "traces can't be exported: {failure}"
        );
    }

    /// Records a success.
    pub(crate) fn succeeded(&mut self) {
        if std::mem::take(&mut self.is_failing) {
            self.unlogged = 0;
            info!(signal = self.signal, "traces are exported again");
        }
    }
}
