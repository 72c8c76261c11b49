//! A finished trace: the spans of one sampled request, and the events of its first span.

use std::borrow::Cow;
use std::time::SystemTime;

/// The id of a trace: 16 bytes, not all zero (W3C Trace Context section 3.2.2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceId(pub [u8; 16]);

/// The id of a span: 8 bytes, not all zero (W3C Trace Context section 3.2.2.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpanId(pub [u8; 8]);

/// The spans of one sampled request.
#[derive(Debug, Clone, PartialEq)]
pub struct FinishedTrace {
    /// The id of the trace.
    pub id: TraceId,
    /// The `tracestate` of the client; empty for none.
    pub state: String,
    /// The spans. The first one is that of the request.
    pub spans: Vec<TraceSpan>,
    /// The events of the first span.
    pub events: Vec<SpanEvent>,
}

/// A finished span.
#[derive(Debug, Clone, PartialEq)]
pub struct TraceSpan {
    /// Its id.
    pub id: SpanId,
    /// Its parent; none for the first span of a trace.
    pub parent: Option<SpanParent>,
    /// Its kind.
    pub kind: SpanKind,
    /// Its name, of low cardinality.
    pub name: String,
    /// The time of its start.
    pub start: SystemTime,
    /// The time of its end.
    pub end: SystemTime,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
    /// Its status.
    pub status: SpanStatus,
}

/// The parent of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanParent {
    /// A span of the same process.
    Local(SpanId),
    /// A span of the client.
    Remote(SpanId),
}

/// The kind of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanKind {
    /// A request that is served.
    Server,
    /// A request that is sent.
    Client,
}

/// The status of a span.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpanStatus {
    /// No error.
    Unset,
    /// An error of the traced operation.
    Error,
}

/// An attribute of a span or event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name, as the semantic conventions specify it.
    pub name: &'static str,
    /// The value.
    pub value: AttributeValue,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeValue {
    /// A text.
    Text(Cow<'static, str>),
    /// A number.
    Integer(i64),
}

/// An event of a span.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanEvent {
    /// Its name.
    pub name: &'static str,
    /// Its time.
    pub at: SystemTime,
    /// Its attributes.
    pub attributes: Vec<Attribute>,
}

impl Attribute {
    /// Creates an attribute with a text.
    #[must_use]
    pub fn text(name: &'static str, value: impl Into<Cow<'static, str>>) -> Self {
        let value = AttributeValue::Text(value.into());
        Self { name, value }
    }

    /// Creates an attribute with a number.
    #[must_use]
    pub fn integer(name: &'static str, value: impl Into<i64>) -> Self {
        let value = AttributeValue::Integer(value.into());
        Self { name, value }
    }
}
