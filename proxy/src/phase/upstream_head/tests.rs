use wire::Fields;

use super::{ConnectionFields, Traceparent, is_hop_by_hop};
use crate::request_id::RequestIdSource;

/// Checks the `traceparent` for the upstream, in which `ID` stands for the request's id and `SPAN` for its span.
#[track_caller]
fn check_set(given: &[&str], expected: &str, is_continued: bool) {
    let fields: Fields = given
        .iter()
        .map(|value| ("Traceparent", value.as_bytes()))
        .collect();
    let id = RequestIdSource::new().next();
    let set = Traceparent::of(&fields, &id);
    let expected = expected.replace("ID", id.as_str()).replace("SPAN", id.span());
    assert_eq!((set.value.as_str(), set.is_continued), (&*expected, is_continued));
}

#[test]
fn a_trace_is_continued_from_one_parent_or_started() {
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00";
    check_set(&[parent], "00-0af7651916cd43dd8448eb211c80319c-SPAN-00", true);
    check_set(&[], "00-ID-SPAN-01", false);
    check_set(&["nonsense"], "00-ID-SPAN-01", false);
    check_set(&[parent, parent], "00-ID-SPAN-01", false);
}

#[test]
fn fields_of_a_connection_are_known_in_any_case() {
    for name in [
        "Connection",
        "keep-alive",
        "Proxy-Connection",
        "PROXY-AUTHENTICATE",
        "proxy-authorization",
        "Transfer-Encoding",
        "Upgrade",
        "HTTP2-Settings",
    ] {
        for kept in [
            ConnectionFields::Removed,
            ConnectionFields::WebSocket,
            ConnectionFields::Trailers,
        ] {
            assert!(is_hop_by_hop(name.as_bytes(), kept), "{name} {kept:?}");
        }
    }
    for name in ["TE", "Trailer"] {
        assert!(is_hop_by_hop(name.as_bytes(), ConnectionFields::Removed));
        assert!(!is_hop_by_hop(name.as_bytes(), ConnectionFields::Trailers));
    }
    for name in ["Content-Length", "Expect", "Host", "Tea", "X-Upgrade", ""] {
        assert!(
            !is_hop_by_hop(name.as_bytes(), ConnectionFields::Removed),
            "{name}"
        );
    }
}
