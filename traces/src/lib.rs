//! Traces of sampled requests: finished spans, a bounded queue, and a thread of its own that exports them in batches
//! over OTLP. Sending to the queue takes no lock, wakes no thread and never waits. The proxy decides which requests are
//! sampled, and makes their spans.
//!
//! The feature `otlp` has the exporter. Without it a tracer can't be started.

mod destination;
#[cfg(feature = "otlp")]
mod encoder;
mod export_counts;
#[cfg(feature = "otlp")]
mod export_failure;
#[cfg(feature = "otlp")]
mod exporter;
#[cfg(feature = "otlp")]
mod failure_log;
mod finished_trace;
mod tracer;
#[cfg(feature = "otlp")]
mod transport;

pub use self::destination::{Destination, EventSignal, Protocol};
pub use self::export_counts::{ExportCounts, ExportResult};
pub use self::finished_trace::{
    Attribute, AttributeValue, FinishedTrace, SpanEvent, SpanId, SpanKind, SpanParent, SpanStatus, TraceId,
    TraceSpan,
};
pub use self::tracer::{MAX_QUEUED_TRACES, StartError, Tracer};
