//! The traces of sampled requests while they are served: the choice of requests, their ids, and the counts of their
//! export. `phase::trace` makes their spans, and the crate `traces` exports them. A request that is not sampled has no
//! object of a trace.

mod export_collector;
mod sampled_trace;
mod sampling;

pub(crate) use self::export_collector::ExportCollector;
pub(crate) use self::sampled_trace::{SampledTrace, TracedAttempt};
pub(crate) use self::sampling::Sampling;
