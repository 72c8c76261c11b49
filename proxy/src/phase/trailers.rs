//! Trailers on their way: fields that only a head may have are removed (RFC 9110 section 6.5.1).

use ::wire::Fields;
use rules::{CONTENT_HEADERS, HOP_HEADERS, REWRITTEN_HEADERS};

use crate::forwarding::PeerTrust;
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

/// Returns the trailers of a request that the upstream gets, if any. Names that only the proxy may set are removed: an
/// application may add trailers to the fields of the head.
pub(crate) fn of_request(mut sent: Fields, reserved: &Reserved) -> Option<Fields> {
    sent.retain(|name, _| !is_of_head(name) && !reserved.is_removed(name, PeerTrust::Untrusted));
    (!sent.is_empty()).then_some(sent)
}

/// Returns the trailers of a response that the client gets, if any.
pub(crate) fn of_response(mut sent: Fields) -> Option<Fields> {
    sent.retain(|name, _| !is_of_head(name));
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
