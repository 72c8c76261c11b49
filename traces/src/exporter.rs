//! The thread that exports traces. It polls the queue, so that a sender never wakes it.

use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::destination::Destination;
use crate::encoder::Encoder;
use crate::export_counts::ExportResult;
use crate::export_failure::ExportFailure;
use crate::failure_log::FailureLog;
use crate::finished_trace::FinishedTrace;
use crate::tracer::{Queue, StartError};
use crate::transport::Transport;

/// Interval between two looks at the queue.
const INTERVAL: Duration = Duration::from_millis(500);
/// Maximum of traces in one export.
const MAX_BATCH: usize = 512;
/// Pause before a batch is sent again.
const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// The state of the thread.
struct Exporter {
    queue: Queue,
    runtime: Runtime,
    transport: Transport,
    encoder: Encoder,
    timeout: Duration,
    traces_log: FailureLog,
    logs_log: FailureLog,
}

/// Starts the thread.
pub(crate) fn spawn(queue: Queue, destination: Destination) -> Result<JoinHandle<()>, StartError> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(StartError::Thread)?;
    let transport = {
        let _entered = runtime.enter();
        Transport::new(&destination).map_err(|failure| StartError::Client(failure.to_string()))?
    };
    let exporter = Exporter {
        queue,
        runtime,
        transport,
        encoder: Encoder::new(&destination),
        timeout: destination.timeout,
        traces_log: FailureLog::new("traces"),
        logs_log: FailureLog::new("logs"),
    };
    let thread = thread::Builder::new().name("traces".into());
    thread.spawn(move || exporter.run()).map_err(StartError::Thread)
}

impl Exporter {
    fn run(mut self) {
        loop {
            // Read before the queue: traces that were queued before the end are exported.
            let is_ending = self.queue.is_ending.load(Ordering::SeqCst);
            while let Some(batch) = self.batch() {
                self.export(&batch);
            }
            if is_ending {
                return;
            }
            thread::park_timeout(INTERVAL);
        }
    }

    /// Takes traces from the queue; none if it is empty.
    fn batch(&self) -> Option<Vec<FinishedTrace>> {
        let batch: Vec<_> = self.queue.receiver.try_iter().take(MAX_BATCH).collect();
        (!batch.is_empty()).then_some(batch)
    }

    fn export(&mut self, batch: &[FinishedTrace]) {
        let (counts, limit) = (&self.queue.counts, self.timeout);
        let spans = self.encoder.spans(batch);
        let count = batch.iter().map(|trace| trace.spans.len()).sum();
        let transport = &mut self.transport;
        let is_ending = || self.queue.is_ending.load(Ordering::SeqCst);
        let sent = self.runtime.block_on(repeated(limit, is_ending, async || {
            transport.send_spans(spans.clone()).await
        }));
        let rejected = settled(sent, count, &mut self.traces_log, || counts.count_failure());
        counts.count_spans(ExportResult::Failed, rejected);
        counts.count_spans(ExportResult::Exported, count - rejected);

        let count = batch.iter().map(|trace| trace.events.len()).sum();
        // Events within spans share their fate.
        let rejected = match self.encoder.logs(batch) {
            Some(logs) => {
                let transport = &mut self.transport;
                let sent = self.runtime.block_on(repeated(limit, is_ending, async || {
                    transport.send_logs(logs.clone()).await
                }));
                settled(sent, count, &mut self.logs_log, || counts.count_failure())
            }
            None => rejected.min(count),
        };
        counts.count_events(ExportResult::Failed, rejected);
        counts.count_events(ExportResult::Exported, count - rejected);
    }
}

/// Sends a batch, and once more after a transient failure. At the end of the process there is no time for that.
async fn repeated(
    limit: Duration,
    is_ending: impl Fn() -> bool,
    mut send: impl AsyncFnMut() -> Result<usize, ExportFailure>,
) -> Result<usize, ExportFailure> {
    let first = timeout(limit, send())
        .await
        .unwrap_or(Err(ExportFailure::TimedOut));
    match first {
        Err(failure) if failure.is_transient() && !is_ending() => {
            tokio::time::sleep(RETRY_PAUSE).await;
            timeout(limit, send())
                .await
                .unwrap_or(Err(ExportFailure::TimedOut))
        }
        first => first,
    }
}

/// Logs the result of an export of `count` items. Returns the number of items that are lost.
fn settled(
    sent: Result<usize, ExportFailure>,
    count: usize,
    log: &mut FailureLog,
    count_failure: impl FnOnce(),
) -> usize {
    match sent {
        Ok(rejected) => {
            log.succeeded();
            rejected.min(count)
        }
        Err(failure) => {
            count_failure();
            log.failed(&failure, Instant::now());
            count
        }
    }
}
