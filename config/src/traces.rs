//! Traces of requests: the collector, the sampled share, and the form of events.

use std::fmt;

/// The export of traces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceSettings {
    /// The collector. A change needs a restart.
    pub collector: TraceCollector,
    /// The choice of requests.
    pub sampling: TraceSampling,
}

/// A collector of traces. `Debug` does not print its headers.
#[derive(Clone, PartialEq, Eq)]
pub struct TraceCollector {
    /// The base URL, http or https, without `/v1/traces`.
    pub url: Box<str>,
    /// The protocol.
    pub protocol: TraceProtocol,
    /// Fields of requests to it, in the order of the document, with lower-case names. The values are secrets.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The trusted certificate authorities in DER; none for those of the system.
    pub roots: Option<Vec<Vec<u8>>>,
    /// The maximum time of an export, in milliseconds.
    pub timeout_ms: u64,
    /// The value of `service.name`.
    pub service_name: Box<str>,
    /// Further attributes of the resource.
    pub attributes: Vec<(Box<str>, Box<str>)>,
    /// The form of flag evaluations.
    pub evaluations: EvaluationSignal,
}

/// A protocol of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceProtocol {
    /// Protobuf over HTTP.
    Http,
    /// gRPC.
    Grpc,
}

/// The form of flag evaluations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvaluationSignal {
    /// Log records.
    Logs,
    /// Events of the request's span.
    SpanEvents,
}

/// The choice of the requests that are traced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceSampling {
    /// The share of traces, in millionths.
    pub millionths: u32,
    /// The use of the client's decision.
    pub parent: TraceParent,
}

/// The use of the decision of a trusted proxy to sample a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TraceParent {
    /// It is followed.
    Follow,
    /// It is ignored.
    Ignore,
}

impl fmt::Debug for TraceCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TraceCollector")
            .field("url", &self.url)
            .field("protocol", &self.protocol)
            .field("service_name", &self.service_name)
            .finish_non_exhaustive()
    }
}
