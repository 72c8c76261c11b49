//! A collector of OpenTelemetry that decodes what it receives, over HTTP or gRPC, and can be broken.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use prost::Message;

pub use opentelemetry_proto::tonic::logs::v1::LogRecord;
pub use opentelemetry_proto::tonic::trace::v1::Span;

use crate::eventually;
use crate::h2_upstream::{H2Answer, H2Upstream};
use crate::upstream::{Upstream, reply, response};

/// The answer to exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CollectorAnswer {
    Accept,
    /// An HTTP status, or a gRPC status.
    Refuse(u16),
    /// None, until the answer is another one.
    Hold,
}

/// A collector on loopback.
pub struct TraceCollector {
    server: CollectorServer,
    state: Arc<CollectorState>,
}

enum CollectorServer {
    Http(Upstream),
    Grpc(H2Upstream),
}

struct CollectorState {
    answer: Mutex<CollectorAnswer>,
    received: Mutex<Received>,
}

#[derive(Default)]
struct Received {
    traces: Vec<ExportTraceServiceRequest>,
    logs: Vec<ExportLogsServiceRequest>,
    bytes: Vec<u8>,
    authorizations: Vec<String>,
    exports: usize,
}

impl TraceCollector {
    /// Starts a collector that accepts protobuf over HTTP.
    #[must_use]
    pub fn http() -> Self {
        let state = CollectorState::new();
        let served = Arc::clone(&state);
        let server = Upstream::answering(move |request, stream| {
            let is_protobuf = request.header("content-type") == Some("application/x-protobuf");
            assert!(is_protobuf, "{:?}", request.head);
            match served.receive(request.target(), &request.body, request.header("authorization")) {
                Ok(()) => reply(stream, &response(200, "OK", "")),
                Err(status) => reply(stream, &response(status, "No", "")),
            }
        });
        let server = CollectorServer::Http(server);
        Self { server, state }
    }

    /// Starts a collector that accepts gRPC.
    #[must_use]
    pub fn grpc() -> Self {
        let state = CollectorState::new();
        let served = Arc::clone(&state);
        let server = H2Upstream::answering(move |request| {
            // A message follows one byte of flags and four of its length.
            match served.receive(
                &request.target,
                &request.body[5..],
                request.header("authorization"),
            ) {
                Ok(()) => H2Answer::grpc(&[&[]], "0"),
                Err(status) => H2Answer::grpc_failure(&status.to_string(), "no"),
            }
        });
        let server = CollectorServer::Grpc(server);
        Self { server, state }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        match &self.server {
            CollectorServer::Http(server) => server.address(),
            CollectorServer::Grpc(server) => server.address(),
        }
    }

    /// Returns its base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Refuses exports with this HTTP status or gRPC status from now on.
    pub fn refuse(&self, status: u16) {
        *self.state.answer.lock().unwrap() = CollectorAnswer::Refuse(status);
    }

    /// Leaves exports without an answer from now on.
    pub fn hold(&self) {
        *self.state.answer.lock().unwrap() = CollectorAnswer::Hold;
    }

    /// Accepts exports from now on.
    pub fn accept(&self) {
        *self.state.answer.lock().unwrap() = CollectorAnswer::Accept;
    }

    /// Returns the number of exports, whatever their answer.
    #[must_use]
    pub fn exports(&self) -> usize {
        self.state.received.lock().unwrap().exports
    }

    /// Returns all spans that it accepted.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let received = self.state.received.lock().unwrap();
        let scopes = received
            .traces
            .iter()
            .flat_map(|request| &request.resource_spans)
            .flat_map(|resource| &resource.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// Waits for as many spans, and gives them.
    pub fn await_spans(&self, count: usize) -> Vec<Span> {
        let spans = eventually("spans at the collector", || {
            let spans = self.spans();
            (spans.len() >= count).then_some(spans)
        });
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }

    /// Returns all log records that it accepted.
    #[must_use]
    pub fn logs(&self) -> Vec<LogRecord> {
        let received = self.state.received.lock().unwrap();
        let scopes = received
            .logs
            .iter()
            .flat_map(|request| &request.resource_logs)
            .flat_map(|resource| &resource.scope_logs);
        scopes.flat_map(|scope| scope.log_records.clone()).collect()
    }

    /// Returns the attributes of the first resource, as `name=value`.
    #[must_use]
    pub fn resource(&self) -> Vec<String> {
        let received = self.state.received.lock().unwrap();
        let resource = received.traces[0].resource_spans[0].resource.clone();
        attribute_texts(&resource.unwrap().attributes)
    }

    /// Returns the values of `authorization`, one for each export.
    #[must_use]
    pub fn authorizations(&self) -> Vec<String> {
        self.state.received.lock().unwrap().authorizations.clone()
    }

    /// Returns the messages as they were sent, one after the other. Texts in them are not encoded.
    #[must_use]
    pub fn payload(&self) -> Vec<u8> {
        self.state.received.lock().unwrap().bytes.clone()
    }
}

impl CollectorState {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            answer: Mutex::new(CollectorAnswer::Accept),
            received: Mutex::default(),
        })
    }

    /// Decodes an export. Returns the status to refuse it with.
    fn receive(&self, target: &str, message: &[u8], authorization: Option<&str>) -> Result<(), u16> {
        self.received.lock().unwrap().exports += 1;
        let answer = loop {
            let answer = *self.answer.lock().unwrap();
            match answer {
                CollectorAnswer::Hold => thread::sleep(Duration::from_millis(5)),
                answer => break answer,
            }
        };
        if let CollectorAnswer::Refuse(status) = answer {
            return Err(status);
        }
        let mut received = self.received.lock().unwrap();
        received.bytes.extend_from_slice(message);
        received.authorizations.extend(authorization.map(str::to_owned));
        match target {
            "/v1/traces" | "/opentelemetry.proto.collector.trace.v1.TraceService/Export" => {
                let message = ExportTraceServiceRequest::decode(message).unwrap();
                received.traces.push(message);
            }
            "/v1/logs" | "/opentelemetry.proto.collector.logs.v1.LogsService/Export" => {
                let message = ExportLogsServiceRequest::decode(message).unwrap();
                received.logs.push(message);
            }
            other => panic!("an export to {other}"),
        }
        Ok(())
    }
}

/// Returns attributes as `name=value`, sorted.
#[must_use]
pub fn attribute_texts(attributes: &[KeyValue]) -> Vec<String> {
    let mut texts: Vec<_> = attributes
        .iter()
        .map(|attribute| {
            let value = attribute.value.as_ref().and_then(|value| value.value.as_ref());
            match value {
                Some(Value::StringValue(text)) => format!("{}={text}", attribute.key),
                Some(Value::IntValue(number)) => format!("{}={number}", attribute.key),
                other => panic!("{}: {other:?}", attribute.key),
            }
        })
        .collect();
    texts.sort();
    texts
}
