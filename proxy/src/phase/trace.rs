//! The trace of a sampled request: begun when it is decided, and queued for the export at its end.

mod evaluation;
mod exported_spans;

use std::time::{Duration, SystemTime};

use traces::FinishedTrace;

use self::exported_spans::TraceTimes;
use crate::request_context::RequestContext;
use crate::shared::Shared;
use crate::traces::SampledTrace;

/// Begins the trace of a decided request, if it is sampled. Must be called before its head becomes the upstream's.
pub(crate) fn begin(shared: &Shared, context: &mut RequestContext) {
    let Some(sampling) = context.prepared.sampling else {
        return;
    };
    if shared.tracer.get().is_some() {
        context.trace = sampling.begin(&context.head.fields, &context.id, context.forwarding.peer);
    }
}

/// Queues the trace of an ended request. `status` is that of the response, 0 if none was sent; `duration` is that of the
/// request.
#[cold]
pub(crate) fn finish(
    shared: &Shared,
    trace: &SampledTrace,
    context: &RequestContext,
    (status, duration): (u16, Duration),
) {
    let Some(tracer) = shared.tracer.get() else { return };
    let wall = SystemTime::now().checked_sub(duration);
    let times = TraceTimes {
        begun: context.started,
        wall: wall.unwrap_or(SystemTime::UNIX_EPOCH),
        ended: context.started + duration,
    };
    tracer.send(FinishedTrace {
        id: trace.id(),
        state: trace.state().to_owned(),
        spans: exported_spans::of(trace, context, status, times),
        events: evaluation::events(context),
    });
}
