//! Counts of exported and lost spans and events, for metrics.

use std::sync::atomic::{AtomicU64, Ordering};

/// The counts of one tracer. Counting takes no lock.
#[derive(Debug, Default)]
pub struct ExportCounts {
    spans: [AtomicU64; ExportResult::ALL.len()],
    events: [AtomicU64; ExportResult::ALL.len()],
    failures: AtomicU64,
}

/// The result of a span or event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportResult {
    /// The collector accepted it.
    Exported,
    /// The collector could not be reached, or rejected it.
    Failed,
    /// The queue was full.
    Dropped,
}

impl ExportResult {
    /// All results.
    pub const ALL: [Self; 3] = [Self::Exported, Self::Failed, Self::Dropped];

    /// Returns the name in metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exported => "exported",
            Self::Failed => "failed",
            Self::Dropped => "dropped",
        }
    }
}

impl ExportCounts {
    /// Returns the number of spans with this result.
    #[must_use]
    pub fn spans(&self, result: ExportResult) -> u64 {
        read(&self.spans, result)
    }

    /// Returns the number of events with this result.
    #[must_use]
    pub fn events(&self, result: ExportResult) -> u64 {
        read(&self.events, result)
    }

    /// Returns the number of requests to the collector that failed.
    #[must_use]
    pub fn failures(&self) -> u64 {
        self.failures.load(Ordering::Relaxed)
    }

    pub(crate) fn count_spans(&self, result: ExportResult, count: usize) {
        add(&self.spans, result, count);
    }

    pub(crate) fn count_events(&self, result: ExportResult, count: usize) {
        add(&self.events, result, count);
    }

    #[cfg(feature = "otlp")]
    pub(crate) fn count_failure(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }
}

fn read(cells: &[AtomicU64], result: ExportResult) -> u64 {
    cells
        .get(result as usize)
        .map_or(0, |cell| cell.load(Ordering::Relaxed))
}

fn add(cells: &[AtomicU64], result: ExportResult, count: usize) {
    if let Some(cell) = cells.get(result as usize) {
        cell.fetch_add(count as u64, Ordering::Relaxed);
    }
}
