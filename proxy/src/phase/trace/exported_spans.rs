//! The spans of a request, by the semantic conventions of OpenTelemetry for HTTP (1.37). No span has the query, a
//! header other than `User-Agent`, the address of the client, the user, or the tenant.

use std::borrow::Cow;
use std::time::{Instant, SystemTime};

use traces::{Attribute, SpanKind, SpanParent, SpanStatus, TraceSpan};
use wire::HttpVersion;

use crate::phase::admission;
use crate::request_context::RequestContext;
use crate::traces::{SampledTrace, TracedAttempt};

/// The methods with a name of their own; others are `_OTHER`, and `HTTP` in names of spans.
const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];
/// Maximum length of a text, in bytes.
const MAX_TEXT: usize = 1_024;

/// The times of a request on the clock of the wall.
#[derive(Debug, Clone, Copy)]
pub(super) struct TraceTimes {
    pub(super) begun: Instant,
    /// The time of `begun` on that clock.
    pub(super) wall: SystemTime,
    pub(super) ended: Instant,
}

impl TraceTimes {
    fn at(&self, instant: Instant) -> SystemTime {
        self.wall + instant.saturating_duration_since(self.begun)
    }
}

/// Returns the span of the request, and one for each attempt at an upstream.
pub(super) fn of(
    trace: &SampledTrace,
    context: &RequestContext,
    sent: u16,
    times: TraceTimes,
) -> Vec<TraceSpan> {
    let mut spans = vec![request_span(trace, context, sent, times)];
    let last = trace.attempts().len().saturating_sub(1);
    for (count, attempt) in trace.attempts().iter().enumerate() {
        // Only the last attempt can have been answered.
        let status = (count == last && context.upstream_answered && sent > 0).then_some(sent);
        spans.push(attempt_span(trace, context, (count, attempt), (status, times)));
    }
    spans
}

fn request_span(trace: &SampledTrace, context: &RequestContext, sent: u16, times: TraceTimes) -> TraceSpan {
    let head = &context.head;
    let route = context
        .found
        .route
        .and_then(|id| context.prepared.decider.snapshot.routes.route(id));
    let route = route.map(|route| text(&route.name));
    let known = known_method(head.method());
    let name = route.as_deref().map_or_else(
        || known.unwrap_or("HTTP").to_owned(),
        |route| format!("{} {route}", known.unwrap_or("HTTP")),
    );
    let mut attributes = method_attributes(head.method());
    attributes.extend(route.map(|route| Attribute::text("http.route", route)));
    attributes.push(Attribute::text("url.path", text(head.path())));
    attributes.push(Attribute::text(
        "url.scheme",
        context.forwarding.scheme().as_str(),
    ));
    if !context.found.host.is_empty() {
        attributes.push(Attribute::text("server.address", text(&context.found.host)));
    }
    attributes.push(Attribute::text("network.protocol.name", "http"));
    attributes.push(Attribute::text(
        "network.protocol.version",
        match head.version() {
            HttpVersion::Http10 => "1.0",
            HttpVersion::Http11 => "1.1",
            HttpVersion::Http2 => "2",
        },
    ));
    let agent = head.fields.value("user-agent");
    let agent = agent.and_then(|agent| std::str::from_utf8(agent).ok());
    attributes.extend(agent.map(|agent| Attribute::text("user_agent.original", text(agent))));
    attributes.push(Attribute::text(
        "sluice.request_id",
        context.id.as_str().to_owned(),
    ));
    attributes.push(Attribute::text("sluice.outcome", context.outcome.as_str()));
    attributes.extend(context.code.map(|code| Attribute::text("sluice.error", code)));
    let verdict = context.found.verdict;
    attributes
        .extend(verdict.map(|verdict| Attribute::text("sluice.cause", verdict.decision.cause.as_str())));
    let is_failed = sent >= 500;
    if sent > 0 {
        attributes.push(Attribute::integer("http.response.status_code", sent));
    }
    if is_failed {
        attributes.push(error_type(context.code, sent));
    }
    TraceSpan {
        id: trace.span(),
        parent: trace.parent().map(SpanParent::Remote),
        kind: SpanKind::Server,
        name,
        start: times.at(times.begun),
        end: times.at(times.ended),
        attributes,
        status: status(is_failed),
    }
}

fn attempt_span(
    trace: &SampledTrace,
    context: &RequestContext,
    (count, attempt): (usize, &TracedAttempt),
    (response, times): (Option<u16>, TraceTimes),
) -> TraceSpan {
    let head = &context.head;
    let scheme = if attempt.is_tls { "https" } else { "http" };
    let (host, port) = host_and_port(&attempt.authority);
    let mut attributes = method_attributes(head.method());
    let url = format!("{scheme}://{}{}", attempt.authority, head.path());
    attributes.push(Attribute::text("url.full", text(&url)));
    attributes.push(Attribute::text("server.address", text(host)));
    let port = port.unwrap_or(attempt.address.port());
    attributes.push(Attribute::integer("server.port", port));
    let peer = attempt.address.ip().to_string();
    attributes.push(Attribute::text("network.peer.address", peer));
    attributes.push(Attribute::integer("network.peer.port", attempt.address.port()));
    if count > 0 {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        attributes.push(Attribute::integer("http.request.resend_count", count));
    }
    attributes.extend(admission::name(context).map(|name| Attribute::text("sluice.upstream", text(name))));
    attributes.extend(response.map(|status| Attribute::integer("http.response.status_code", status)));
    // An attempt without an end was broken off by the end of the request.
    let failure = attempt.failure.or(match (attempt.ended, response) {
        (None, None) => context.code,
        _ => None,
    });
    let refused = response.filter(|status| *status >= 400);
    let is_failed = failure.is_some() || refused.is_some();
    if is_failed {
        attributes.push(error_type(failure, refused.unwrap_or(0)));
    }
    TraceSpan {
        id: attempt.span,
        parent: Some(SpanParent::Local(trace.span())),
        kind: SpanKind::Client,
        name: known_method(head.method()).unwrap_or("HTTP").to_owned(),
        start: times.at(attempt.begun),
        end: times.at(attempt.ended.unwrap_or(times.ended)),
        attributes,
        status: status(is_failed),
    }
}

/// Returns the host of an authority, an IPv6 address without its brackets, and the port, if there is one.
fn host_and_port(authority: &str) -> (&str, Option<u16>) {
    let split = authority.rsplit_once(':');
    // The last colon of `[::1]` is part of the address.
    let split = split.and_then(|(host, port)| Some((host, port.parse().ok()?)));
    let (host, port) = split.map_or((authority, None), |(host, port)| (host, Some(port)));
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    (bare.unwrap_or(host), port)
}

/// Returns the method. The client's spelling of an unknown one is added, as the conventions ask.
fn method_attributes(method: &str) -> Vec<Attribute> {
    match known_method(method) {
        Some(known) => vec![Attribute::text("http.request.method", known)],
        None => vec![
            Attribute::text("http.request.method", "_OTHER"),
            Attribute::text("http.request.method_original", text(method)),
        ],
    }
}

fn known_method(method: &str) -> Option<&'static str> {
    METHODS.into_iter().find(|known| *known == method)
}

fn error_type(code: Option<&'static str>, status: u16) -> Attribute {
    match code {
        Some(code) => Attribute::text("error.type", code),
        None => Attribute::text("error.type", status.to_string()),
    }
}

fn status(is_failed: bool) -> SpanStatus {
    match is_failed {
        true => SpanStatus::Error,
        false => SpanStatus::Unset,
    }
}

/// Returns a text with its secrets masked, as in the access log, and without its end beyond the limit.
fn text(text: &str) -> Cow<'static, str> {
    let text = redact::masked(text);
    let kept = text.get(..text.floor_char_boundary(MAX_TEXT));
    kept.unwrap_or_default().to_owned().into()
}

#[cfg(test)]
mod tests {
    use super::host_and_port;

    #[test]
    fn an_authority_is_split_into_host_and_port() {
        for (authority, host, port) in [
            ("127.0.0.1:8081", "127.0.0.1", Some(8081)),
            ("board.internal", "board.internal", None),
            ("[::1]:8081", "::1", Some(8081)),
            ("[::1]", "::1", None),
        ] {
            assert_eq!(host_and_port(authority), (host, port), "{authority}");
        }
    }
}
