//! The counters of an upstream. They have no label for addresses, whose number is unbounded.

use std::sync::atomic::{AtomicU64, Ordering};

use super::failure::Failure;

/// The result of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AttemptResult {
    /// A response began.
    Answered,
    /// No response.
    Failed(Failure),
}

/// The counters of one upstream, kept through reloads.
#[derive(Debug, Default)]
pub(crate) struct UpstreamMeter {
    attempts: [AtomicU64; AttemptResult::ALL.len()],
    retries: AtomicU64,
    ejections: AtomicU64,
    overloads: AtomicU64,
    resolutions: [AtomicU64; 2],
    checks: [AtomicU64; 2],
}

impl AttemptResult {
    pub(super) const ALL: [Self; 7] = [
        Self::Answered,
        Self::Failed(Failure::Unreachable),
        Self::Failed(Failure::ConnectTimeout),
        Self::Failed(Failure::Tls),
        Self::Failed(Failure::Timeout),
        Self::Failed(Failure::Broken),
        Self::Failed(Failure::Invalid),
    ];

    /// Returns the value of the metrics' label.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Failed(Failure::Unreachable) => "unreachable",
            Self::Failed(Failure::ConnectTimeout) => "connect_timeout",
            Self::Failed(Failure::Tls) => "tls",
            Self::Failed(Failure::Timeout) => "timeout",
            Self::Failed(Failure::Broken) => "broken",
            Self::Failed(Failure::Invalid) => "invalid",
        }
    }

    fn place(self) -> usize {
        match self {
            Self::Answered => 0,
            Self::Failed(failure) => failure as usize + 1,
        }
    }
}

impl UpstreamMeter {
    pub(super) fn count_attempt(&self, attempt: AttemptResult) {
        if let Some(count) = self.attempts.get(attempt.place()) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_retry(&self) {
        self.retries.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_ejection(&self) {
        self.ejections.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_overload(&self) {
        self.overloads.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_resolution(&self, well: bool) {
        if let Some(count) = self.resolutions.get(usize::from(!well)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn count_check(&self, well: bool) {
        if let Some(count) = self.checks.get(usize::from(!well)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn attempts(&self) -> impl Iterator<Item = (&'static str, u64)> {
        AttemptResult::ALL
            .iter()
            .zip(&self.attempts)
            .map(|(attempt, count)| (attempt.as_str(), count.load(Ordering::Relaxed)))
    }

    pub(super) fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    pub(super) fn ejections(&self) -> u64 {
        self.ejections.load(Ordering::Relaxed)
    }

    pub(super) fn overloads(&self) -> u64 {
        self.overloads.load(Ordering::Relaxed)
    }

    pub(super) fn resolutions(&self) -> impl Iterator<Item = (&'static str, u64)> {
        results(&self.resolutions)
    }

    pub(super) fn checks(&self) -> impl Iterator<Item = (&'static str, u64)> {
        results(&self.checks)
    }
}

fn results(counts: &[AtomicU64; 2]) -> impl Iterator<Item = (&'static str, u64)> {
    ["ok", "failed"]
        .into_iter()
        .zip(counts)
        .map(|(result, count)| (result, count.load(Ordering::Relaxed)))
}
