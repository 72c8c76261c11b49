//! The handle of the thread that exports traces: a bounded queue, and an end with a bounded flush.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::destination::Destination;
use crate::export_counts::{ExportCounts, ExportResult};
use crate::finished_trace::FinishedTrace;

/// Maximum of traces in the queue. Further ones are dropped and counted.
pub const MAX_QUEUED_TRACES: usize = 2_048;

/// Interval at which an end checks for the thread.
const END_PAUSE: Duration = Duration::from_millis(5);

/// The reason why traces can't be exported.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The program was built without the feature `otlp`.
    #[error("this build can't export traces: it lacks the feature `otlp`")]
    NotBuilt,
    /// The system provides no thread.
    #[error("can't start the thread that exports traces: {0}")]
    Thread(io::Error),
    /// The client of the collector can't be made.
    #[error("can't connect to the collector: {0}")]
    Client(String),
}

/// Sends traces to the thread that exports them. Dropping it ends the thread, which then exports what is queued.
#[derive(Debug)]
pub struct Tracer {
    sender: SyncSender<FinishedTrace>,
    counts: Arc<ExportCounts>,
    is_ending: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

/// The parts of a tracer that its thread has.
#[cfg_attr(not(feature = "otlp"), expect(dead_code, reason = "the exporter reads them"))]
pub(crate) struct Queue {
    pub(crate) receiver: Receiver<FinishedTrace>,
    pub(crate) counts: Arc<ExportCounts>,
    pub(crate) is_ending: Arc<AtomicBool>,
}

impl Tracer {
    /// Starts the thread.
    ///
    /// # Errors
    /// The program lacks the exporter, or the system provides no thread.
    pub fn start(destination: Destination) -> Result<Self, StartError> {
        let (sender, receiver) = sync_channel(MAX_QUEUED_TRACES);
        let (counts, is_ending) = (Arc::<ExportCounts>::default(), Arc::<AtomicBool>::default());
        let queue = Queue {
            receiver,
            counts: Arc::clone(&counts),
            is_ending: Arc::clone(&is_ending),
        };
        Ok(Self {
            sender,
            counts,
            is_ending,
            thread: spawn(queue, destination)?,
        })
    }

    /// Queues a trace. If the queue is full, the trace is dropped and counted. The thread polls the queue, so nothing is
    /// woken here.
    pub fn send(&self, trace: FinishedTrace) {
        let (spans, events) = (trace.spans.len(), trace.events.len());
        if self.sender.try_send(trace).is_err() {
            self.counts.count_spans(ExportResult::Dropped, spans);
            self.counts.count_events(ExportResult::Dropped, events);
        }
    }

    /// Returns the counts of exported and lost spans.
    #[must_use]
    pub fn counts(&self) -> &Arc<ExportCounts> {
        &self.counts
    }

    /// Exports what is queued, for at most `limit`. Returns false if that was not enough.
    #[must_use]
    pub fn end(&self, limit: Duration) -> bool {
        self.set_ending();
        let deadline = Instant::now() + limit;
        while !self.thread.is_finished() {
            if Instant::now() >= deadline {
                return false;
            }
            thread::sleep(END_PAUSE);
        }
        true
    }

    fn set_ending(&self) {
        self.is_ending.store(true, Ordering::SeqCst);
        self.thread.thread().unpark();
    }
}

impl Drop for Tracer {
    fn drop(&mut self) {
        self.set_ending();
    }
}

#[cfg(feature = "otlp")]
fn spawn(queue: Queue, destination: Destination) -> Result<JoinHandle<()>, StartError> {
    crate::exporter::spawn(queue, destination)
}

#[cfg(not(feature = "otlp"))]
fn spawn(_: Queue, _: Destination) -> Result<JoinHandle<()>, StartError> {
    Err(StartError::NotBuilt)
}
