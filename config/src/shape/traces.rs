//! The form of the export of traces.

use super::answer::is_http_url;
use super::issuer::names_user;
use super::share::Share;
use super::text::{AnyText, FilePath, HeaderName};
use super::upstream::TimeLimit;
use crate::form::{Boxed, Map, Placed, VariableSecret, fields, parsed, texts, words};
use crate::traces::{EvaluationSignal, TraceParent, TraceProtocol};
use crate::validate::InvalidValue;

/// The most headers of requests to the collector, and the most attributes of the resource.
const MAX_ENTRIES: usize = 32;

texts! {
    ServiceName: filled "the name of a service";
    ResourceAttribute: filled "the name of an attribute";
}

fields! {
    /// Export of traces to a collector of OpenTelemetry.
    Traces("an export of traces") => TraceFields {
        /// Base URL of the collector, http or https, without `/v1/traces`: `http://collector:4318`, or for gRPC
        /// `http://collector:4317`.
        otlp: must Placed<CollectorUrl>,
        /// Protocol of OTLP. Default: http.
        protocol: field TraceProtocol,
        /// Headers of requests to the collector. Each value is a reference to the environment variable that contains it:
        /// `${NAME}`. Default: none.
        headers: field Map<Placed<HeaderName>, Placed<VariableSecret>, 0, MAX_ENTRIES>,
        /// Path of a file with the certificate authorities that may have issued the collector's certificate. Default:
        /// those of the system.
        ca_file: field FilePath,
        /// Maximum time of one export. Default: 10s.
        timeout: field TimeLimit,
        /// Share of requests that are traced, from 0 to 1. Default: 0.01.
        sample: field Share,
        /// `follow`: a request from a trusted proxy is traced if the proxy traces it. `ignore`: only `sample` decides.
        /// Default: follow.
        parent: field TraceParent,
        /// Form of flag evaluations: log records, or events of spans for collectors without logs. Default: logs.
        evaluations: field EvaluationSignal,
        /// Value of `service.name`. Default: sluice.
        service_name: field Boxed<ServiceName>,
        /// Further attributes of the resource. Default: none.
        attributes: field Map<Placed<ResourceAttribute>, Boxed<AnyText>, 0, MAX_ENTRIES>,
    }
}

words! { TraceProtocol { "http" => Http, "grpc" => Grpc } }
words! { TraceParent { "follow" => Follow, "ignore" => Ignore } }
words! { EvaluationSignal { "logs" => Logs, "span_events" => SpanEvents } }

parsed! {
    CollectorUrl("an http or https URL", "invalid-url"): Box<str> = |url| {
        let help = "write it like `http://collector:4318`; headers carry credentials";
        if names_user(url) {
            return Err(InvalidValue::new("the URL of a collector can't contain a user", help));
        }
        if url.trim_end_matches('/').ends_with("/v1/traces") {
            return Err(InvalidValue::new("the URL of a collector must not end with `/v1/traces`", help));
        }
        let has_query = url.contains(['?', '#']);
        let plain = (is_http_url(url) && !has_query).then(|| url.trim_end_matches('/').into());
        plain.ok_or_else(|| InvalidValue::new(format!("`{url}` is not an http or https URL of a collector"), help))
    };
}
