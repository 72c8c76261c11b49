//! The head that the upstream gets: the client's, without the fields of its connection, and with those that the proxy
//! vouches for.

use std::fmt::Write as _;

use arrayvec::ArrayString;
use wire::{Fields, HttpVersion, RequestHead};

use crate::baggage::{self, BAGGAGE};
use crate::decider::Decider;
use crate::findings::Findings;
use crate::forwarding::PeerTrust;
use crate::phase::headers::nominates;
use crate::request_context::RequestContext;
use crate::request_id::RequestId;
use crate::traceparent::{continued, only_parent};

/// The fields of a connection that the upstream gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConnectionFields {
    /// None.
    Removed,
    /// A request for a WebSocket.
    WebSocket,
    /// `TE` and `Trailer`, as sent: client and upstream both speak HTTP/2.
    Trailers,
}

/// The name that the proxy adds to `Via`, with the version that it received (RFC 9110 section 7.6.3).
const VIA: [(HttpVersion, &str); 3] = [
    (HttpVersion::Http10, "1.0 sluice"),
    (HttpVersion::Http11, "1.1 sluice"),
    (HttpVersion::Http2, "2 sluice"),
];

/// Turns the head of a decided request into the upstream's, the same for all attempts. `Content-Length` stays;
/// `Transfer-Encoding` is removed, because the body gets its own framing on the way.
pub(crate) fn set(head: &mut RequestHead, kept: ConnectionFields, context: &RequestContext) {
    let decider = &context.prepared.decider;
    let trace = Traceparent::of(&head.fields, &context.id);
    let drops_expect = head.fields.contains("expect") && nominates(&head.fields, "expect");
    // From an untrusted peer nothing reserved is left: it was removed before the request was decided.
    let is_trusted = context.forwarding.peer == PeerTrust::Trusted;
    head.fields.retain(|name, _| {
        let is_removed = is_hop_by_hop(name, kept)
            || name.eq_ignore_ascii_case(b"traceparent")
            || !trace.is_continued && name.eq_ignore_ascii_case(b"tracestate")
            || drops_expect && name.eq_ignore_ascii_case(b"expect")
            || is_trusted && decider.reserved.is_removed(name, PeerTrust::Trusted);
        !is_removed
    });
    if kept == ConnectionFields::WebSocket {
        head.fields.push("Connection", b"Upgrade");
        head.fields.push("Upgrade", b"websocket");
    }
    inject(&mut head.fields, &context.found, decider);
    if let Some(name) = &decider.injected_headers.request_id {
        head.fields.push(name, context.id.as_str().as_bytes());
    }
    context.forwarding.write(&mut head.fields);
    let version = head.version();
    if let Some((_, via)) = VIA.iter().find(|(known, _)| *known == version) {
        head.fields.push("Via", via.as_bytes());
    }
    head.fields.push("traceparent", trace.value.as_bytes());
    if let Some(signature) = &decider.injected_headers.signature {
        signature.set(head, context.now.seconds());
    }
}

/// Sets `Host` to the endpoint's authority if the client sent none, as HTTP/1.0 allows: HTTP/1.1 requires one (RFC
/// 9112 section 3.2). No route matches on hosts then ([`require_host`](super::head::require_host)). To be called for
/// each attempt: it replaces the authority of the attempt before.
pub(crate) fn set_host(head: &mut RequestHead, found: &Findings, authority: &str) {
    if found.host.is_empty() {
        head.fields.set("Host", authority.as_bytes());
    }
}

/// Appends the fields that carry the decision to the upstream. Those of the client were removed.
pub(crate) fn inject(fields: &mut Fields, found: &Findings, decider: &Decider) {
    let injected = &decider.injected_headers;
    if let (Some(name), Some(tenant)) = (&injected.tenant, found.tenant()) {
        fields.push(name, tenant.as_str().as_bytes());
    }
    if let (Some(name), Some(user)) = (&injected.user, found.user()) {
        fields.push(name, user.as_bytes());
    }
    if let (Some(name), Some(flags)) = (&injected.flags, &found.headers.flags) {
        fields.push(name, flags.as_bytes());
    }
    let flags = &decider.snapshot.flags;
    for ((name, flag), (decided, served)) in injected.per_flag.iter().zip(&found.headers.per_flag) {
        let variant = flags.flag(*flag).and_then(|flag| flag.variant(*served));
        if let Some(variant) = variant.filter(|_| flag == decided) {
            fields.push(name, variant.name.as_bytes());
        }
    }
    if let Some((name, revision)) = &injected.revision {
        fields.push(name, revision.as_bytes());
    }
    if let Some(members) = &found.headers.baggage {
        let merged = baggage::merged(members, fields);
        fields.remove(BAGGAGE);
        if let Some(value) = merged {
            fields.push(BAGGAGE, value.as_bytes());
        }
    }
}

/// Returns true for a name that belongs to one connection (RFC 9110 section 7.6.1), or that the proxy answers itself.
fn is_hop_by_hop(name: &[u8], kept: ConnectionFields) -> bool {
    let names: &[&str] = match name.len() {
        2 => &["te"],
        7 => &["trailer", "upgrade"],
        10 => &["connection", "keep-alive"],
        14 => &["http2-settings"],
        16 => &["proxy-connection"],
        17 => &["transfer-encoding"],
        18 => &["proxy-authenticate"],
        19 => &["proxy-authorization"],
        _ => &[],
    };
    let mut names = names
        .iter()
        .filter(|known| kept != ConnectionFields::Trailers || !matches!(**known, "te" | "trailer"));
    names.any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

/// The `traceparent` of the request (W3C Trace Context section 3.2).
struct Traceparent {
    value: ArrayString<55>,
    /// True for the client's trace.
    is_continued: bool,
}

impl Traceparent {
    /// Continues the client's trace, or starts one with the request's id. A new trace is marked as sampled, so that
    /// the upstream decides about recording as it would without a proxy.
    fn of(fields: &Fields, id: &RequestId) -> Self {
        let parent = only_parent(fields).and_then(continued);
        let (trace, flags) = parent.unwrap_or((id.as_str(), "01"));
        let mut value = ArrayString::new();
        for part in ["00-", trace, "-", id.span(), "-", flags] {
            // All parts have fixed lengths, which add up to the capacity.
            let _ = value.write_str(part);
        }
        Self {
            value,
            is_continued: parent.is_some(),
        }
    }
}

#[cfg(test)]
mod tests;
