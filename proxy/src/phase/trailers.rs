//! Trailers on their way: fields that only a head may have are removed (RFC 9110 section 6.5.1).

use ::wire::Fields;
use rules::{CONTENT_HEADERS, HOP_HEADERS, REWRITTEN_HEADERS};

use crate::injected_headers::{InjectedHeaders, ResponseHeader};
use crate::reserved::Reserved;

/// Fields that say who asks, or how to read the message.
const OF_HEADS: [&str; 9] = [
    "authorization",
    "cookie",
    "set-cookie",
    "expect",
    "max-forwards",
    "cache-control",
    "range",
    "www-authenticate",
    "baggage",
];

/// Returns the trailers of a request that the upstream gets, if any. Names that the proxy sets or reads are removed: an
/// application may add trailers to the fields of the head.
pub(crate) fn of_request(mut sent: Fields, reserved: &Reserved) -> Option<Fields> {
    sent.retain(|name, _| !is_of_head(name) && !reserved.is_reserved(name));
    (!sent.is_empty()).then_some(sent)
}

/// Returns the trailers of a response that the client gets, if any.
pub(crate) fn of_response(mut sent: Fields, injected: &InjectedHeaders) -> Option<Fields> {
    sent.retain(|name, _| !is_of_head(name));
    if let Some(ResponseHeader { name, .. }) = &injected.response {
        sent.remove(name);
    }
    (!sent.is_empty()).then_some(sent)
}

fn is_of_head(name: &[u8]) -> bool {
    let of_messages = HOP_HEADERS
        .iter()
        .chain(&REWRITTEN_HEADERS)
        .chain(&CONTENT_HEADERS);
    of_messages
        .chain(&OF_HEADS)
        .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
}

#[cfg(test)]
mod tests {
    use ::wire::Fields;

    use super::of_request;
    use crate::reserved::Reserved;

    #[test]
    fn trailers_lose_names_that_the_proxy_sets_or_reads() {
        let reserved = Reserved::new(["x-tenant-id"], ["x-flag-"], ["x-token", "x-country"], &[]);
        let kept = |name: &str| {
            let sent: Fields = [(name, &b"v"[..])].into_iter().collect();
            of_request(sent, &reserved).is_some()
        };
        for name in [
            "X-Tenant-Id",
            "x-flag-a",
            "X-Token",
            "x_country",
            "Host",
            "Authorization",
            "True-Client-IP",
        ] {
            assert!(!kept(name), "{name}");
        }
        assert!(kept("X-Check"));
    }
}
