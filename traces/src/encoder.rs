//! The messages of OTLP (opentelemetry-proto 1.x) for finished traces.

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs, ScopeLogs, SeverityNumber};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span;
use opentelemetry_proto::tonic::trace::v1::status::StatusCode;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, SpanFlags, Status};

use crate::destination::{Destination, EventSignal};
use crate::finished_trace::{
    Attribute, AttributeValue, FinishedTrace, SpanEvent, SpanKind, SpanParent, SpanStatus, TraceSpan,
};

/// The flag of a sampled trace (W3C Trace Context section 3.2.2.5.1).
const SAMPLED: u32 = 1;

/// Creates the messages of one source.
#[derive(Debug)]
pub(crate) struct Encoder {
    resource: Resource,
    events: EventSignal,
}

impl Encoder {
    pub(crate) fn new(destination: &Destination) -> Self {
        let attributes = destination
            .resource
            .iter()
            .map(|(name, value)| pair(name, Value::StringValue(value.to_string())));
        Self {
            resource: Resource {
                attributes: attributes.collect(),
                ..Resource::default()
            },
            events: destination.events,
        }
    }

    /// Returns the spans of a batch.
    pub(crate) fn spans(&self, batch: &[FinishedTrace]) -> ExportTraceServiceRequest {
        let spans = batch.iter().flat_map(|trace| {
            let spans = trace.spans.iter().enumerate();
            spans.map(|(position, span)| {
                let events = match self.events {
                    EventSignal::SpanEvents if position == 0 => &trace.events[..],
                    EventSignal::SpanEvents | EventSignal::Logs => &[],
                };
                encoded_span(trace, span, events)
            })
        });
        ExportTraceServiceRequest {
            resource_spans: vec![ResourceSpans {
                resource: Some(self.resource.clone()),
                scope_spans: vec![ScopeSpans {
                    scope: Some(scope()),
                    spans: spans.collect(),
                    ..ScopeSpans::default()
                }],
                ..ResourceSpans::default()
            }],
        }
    }

    /// Returns the events of a batch as log records; none if there are none, or spans have them.
    pub(crate) fn logs(&self, batch: &[FinishedTrace]) -> Option<ExportLogsServiceRequest> {
        if self.events == EventSignal::SpanEvents {
            return None;
        }
        let records: Vec<_> = batch
            .iter()
            .flat_map(|trace| trace.events.iter().map(|event| record(trace, event)))
            .collect();
        (!records.is_empty()).then(|| ExportLogsServiceRequest {
            resource_logs: vec![ResourceLogs {
                resource: Some(self.resource.clone()),
                scope_logs: vec![ScopeLogs {
                    scope: Some(scope()),
                    log_records: records,
                    ..ScopeLogs::default()
                }],
                ..ResourceLogs::default()
            }],
        })
    }
}

fn encoded_span(trace: &FinishedTrace, span: &TraceSpan, events: &[SpanEvent]) -> Span {
    let is_remote = match span.parent {
        Some(SpanParent::Remote(_)) => SpanFlags::ContextIsRemoteMask as u32,
        Some(SpanParent::Local(_)) | None => 0,
    };
    let parent = match span.parent {
        Some(SpanParent::Remote(id) | SpanParent::Local(id)) => id.0.to_vec(),
        None => Vec::new(),
    };
    let events = events.iter().map(|event| span::Event {
        time_unix_nano: nanos(event.at),
        name: event.name.into(),
        attributes: attributes(&event.attributes),
        ..span::Event::default()
    });
    Span {
        trace_id: trace.id.0.to_vec(),
        span_id: span.id.0.to_vec(),
        trace_state: trace.state.clone(),
        parent_span_id: parent,
        flags: SAMPLED | SpanFlags::ContextHasIsRemoteMask as u32 | is_remote,
        name: span.name.clone(),
        kind: match span.kind {
            SpanKind::Server => span::SpanKind::Server,
            SpanKind::Client => span::SpanKind::Client,
        } as i32,
        start_time_unix_nano: nanos(span.start),
        end_time_unix_nano: nanos(span.end),
        attributes: attributes(&span.attributes),
        events: events.collect(),
        status: Some(Status {
            message: String::new(),
            code: match span.status {
                SpanStatus::Unset => StatusCode::Unset,
                SpanStatus::Error => StatusCode::Error,
            } as i32,
        }),
        ..Span::default()
    }
}

fn record(trace: &FinishedTrace, event: &SpanEvent) -> LogRecord {
    let span = trace
        .spans
        .first()
        .map_or_else(Vec::new, |span| span.id.0.to_vec());
    LogRecord {
        time_unix_nano: nanos(event.at),
        observed_time_unix_nano: nanos(event.at),
        severity_number: SeverityNumber::Info as i32,
        event_name: event.name.into(),
        attributes: attributes(&event.attributes),
        flags: SAMPLED,
        trace_id: trace.id.0.to_vec(),
        span_id: span,
        ..LogRecord::default()
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: "sluice".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        ..InstrumentationScope::default()
    }
}

fn attributes(attributes: &[Attribute]) -> Vec<KeyValue> {
    let encoded = attributes.iter().map(|attribute| {
        let value = match &attribute.value {
            AttributeValue::Text(text) => Value::StringValue(text.to_string()),
            AttributeValue::Integer(number) => Value::IntValue(*number),
        };
        pair(attribute.name, value)
    });
    encoded.collect()
}

fn pair(name: &str, value: Value) -> KeyValue {
    KeyValue {
        key: name.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn nanos(at: SystemTime) -> u64 {
    let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
