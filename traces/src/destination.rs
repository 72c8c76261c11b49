//! The collector that traces are exported to, and the description of their source.

use std::fmt;
use std::time::Duration;

/// A collector, and the resource that exported spans name. `Debug` prints no header.
#[derive(Clone, PartialEq, Eq)]
pub struct Destination {
    /// The base URL, without `/v1/traces` and without a slash at its end.
    pub url: Box<str>,
    /// The protocol.
    pub protocol: Protocol,
    /// Fields of each request to the collector, with lower-case names. Their values are secrets.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The trusted certificate authorities in DER; none for those of the system.
    pub roots: Option<Vec<Vec<u8>>>,
    /// The maximum time of one export.
    pub timeout: Duration,
    /// The attributes of the resource, `service.name` among them.
    pub resource: Vec<(Box<str>, Box<str>)>,
    /// The form of events.
    pub events: EventSignal,
}

/// A protocol of OTLP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// Protobuf over HTTP/1.1 or HTTP/2.
    Http,
    /// gRPC.
    Grpc,
}

/// The form of the events of spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventSignal {
    /// Log records with the name of the event, its trace and its span.
    Logs,
    /// Events within their span, for collectors that accept traces only.
    SpanEvents,
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Destination")
            .field("url", &self.url)
            .field("protocol", &self.protocol)
            .field("timeout", &self.timeout)
            .field("resource", &self.resource)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}
