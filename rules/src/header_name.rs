//! Header names that mean something already: to HTTP, to the proxies on the way, or to frameworks. Which of them
//! an operator can't give to headers of his own, and which can't be decided by.

/// Names that frame a message or belong to one connection (RFC 9110 sections 7.2, 7.6.1 and 10.1.1; RFC 9112 section
/// 6; RFC 7540 section 3.2.1): each hop reads, removes and writes them itself.
pub const HOP_HEADERS: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Names that change method, target, host or scheme in frameworks that obey them, and `Proxy`, which CGI turns
/// into the variable HTTP_PROXY. They are removed from every request.
pub const OVERRIDE_HEADERS: [&str; 25] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-url",
    "x-original-uri",
    "x-original-host",
    "x-rewrite-url",
    "x-rewrite-uri",
    "x-override-url",
    "x-http-path-override",
    "x-original-method",
    "x-original-path",
    "x-envoy-original-path",
    "x-request-uri",
    "x-http-verb",
    "x-method",
    "x-scheme",
    "x-url-scheme",
    "x-script-name",
    "x-host",
    "forwarded",
    "x-forwarded",
    "forwarded-for",
    "front-end-https",
    "proxy",
];

/// What else of a request is removed or written anew on its way.
pub const REWRITTEN_HEADERS: [&str; 4] = ["proxy-authenticate", "proxy-authorization", "traceparent", "via"];

/// Names that say how to read a body. They pass, and what looks like them doesn't.
pub const CONTENT_HEADERS: [&str; 3] = ["content-encoding", "content-range", "content-type"];

/// What else has a meaning in requests or responses.
const STANDARD: [&str; 45] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "accept-ranges",
    "age",
    "allow",
    "alt-svc",
    "authorization",
    "baggage",
    "cache-control",
    "cookie",
    "date",
    "early-data",
    "etag",
    "expires",
    "from",
    "grpc-timeout",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "last-modified",
    "location",
    "max-forwards",
    "origin",
    "pragma",
    "priority",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "strict-transport-security",
    "tracestate",
    "user-agent",
    "vary",
    "warning",
    "www-authenticate",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-prefix",
    "x-forwarded-proto",
];

/// Every name that begins so has a meaning.
const STANDARD_PREFIXES: [&str; 5] = ["access-control-", "content-", "grpc-", "proxy-", "sec-"];

/// What a proxy says of its client's request.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// The byte as names are compared with it: CGI, WSGI and PHP fold names to letters, digits and `_`, so every name
/// that folds alike reaches an application as the same variable.
#[must_use]
pub const fn fold_header_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'_'
    }
}

/// Whether both names fold alike.
#[must_use]
pub fn is_header_alias(name: &str, other: &str) -> bool {
    name.len() == other.len() && begins_alike(name, other)
}

/// Whether `name` begins as `prefix` does, both folded.
pub(crate) fn begins_alike(name: &str, prefix: &str) -> bool {
    let fold = |text: &str| text.bytes().map(fold_header_byte).collect::<Vec<u8>>();
    fold(name).starts_with(&fold(prefix))
}

/// Whether a header of this name, or of one that folds alike, has a meaning that no header of an operator's own may
/// take on.
#[must_use]
pub fn is_header_taken(name: &str) -> bool {
    taken().any(|known| is_header_alias(name, known))
        || STANDARD_PREFIXES.iter().any(|prefix| begins_alike(name, prefix))
}

/// Whether a header with a meaning begins so.
#[must_use]
pub fn is_header_prefix_taken(prefix: &str) -> bool {
    let mut standard = STANDARD_PREFIXES.iter();
    taken().any(|known| begins_alike(known, prefix))
        || standard.any(|known| begins_alike(known, prefix) || begins_alike(prefix, known))
}

/// Whether a header of this name is removed from every request or written anew on its way, whoever sent it: an
/// application would not see what was decided by it. What a trusted proxy says in `Forwarded` and `X-Forwarded-*`
/// counts until it is.
#[must_use]
pub fn is_header_lost(name: &str) -> bool {
    let is = |known: &&str| name.eq_ignore_ascii_case(known);
    let mut lost = HOP_HEADERS
        .iter()
        .chain(&OVERRIDE_HEADERS)
        .chain(&REWRITTEN_HEADERS);
    let mut passing = CONTENT_HEADERS.iter();
    let is_forwarding = |name: &str| begins_alike(name, FORWARDED_PREFIX);
    let is_spelt = |name: &str| name.to_ascii_lowercase().starts_with(FORWARDED_PREFIX);
    !is(&"forwarded")
        && (lost.any(|known| is_header_alias(name, known))
            || passing.any(|known| is_header_alias(name, known) && !is(known))
            || is_forwarding(name) && !is_spelt(name))
}

fn taken() -> impl Iterator<Item = &'static str> {
    HOP_HEADERS
        .into_iter()
        .chain(OVERRIDE_HEADERS)
        .chain(REWRITTEN_HEADERS)
        .chain(STANDARD)
}

#[cfg(test)]
mod tests {
    use super::{is_header_lost, is_header_prefix_taken, is_header_taken};

    #[test]
    fn what_has_a_meaning_is_taken_under_any_alias() {
        for name in [
            "Host",
            "transfer_encoding",
            "Range",
            "traceparent",
            "Content-Language",
            "CONTENT.MD5",
            "Cookie",
            "accept-encoding",
            "Baggage",
            "X-Forwarded-For",
            "x-original-url",
            "Sec-Fetch-Site",
            "If-Match",
        ] {
            assert!(is_header_taken(name), "{name}");
        }
        for name in [
            "X-Tenant-Id",
            "X-Forwarded-User",
            "Tenant",
            "X-Content-Tier",
            "Ranges",
        ] {
            assert!(!is_header_taken(name), "{name}");
        }
    }

    #[test]
    fn a_prefix_of_what_has_a_meaning_is_taken() {
        for prefix in ["c", "X-", "content-x-", "Con", "x_forwarded", "sec-flag-"] {
            assert!(is_header_prefix_taken(prefix), "{prefix}");
        }
        for prefix in ["X-Feature-", "X-Flag-", "Flag-"] {
            assert!(!is_header_prefix_taken(prefix), "{prefix}");
        }
    }

    #[test]
    fn what_does_not_pass_as_it_came_is_lost() {
        for name in [
            "Connection",
            "TE",
            "Host",
            "Content-Length",
            "Content_Type",
            "Via",
            "X-Http_Method-Override",
            "Proxy",
            "X_Forwarded_Proto",
            "Proxy-Authorization",
            "Expect",
        ] {
            assert!(is_header_lost(name), "{name}");
        }
        for name in [
            "Content-Type",
            "Forwarded",
            "X-Forwarded-Proto",
            "X-Client",
            "Cookie",
            "Authorization",
            "CF-IPCountry",
            "X-Real-IP",
            "Accept-Encoding",
        ] {
            assert!(!is_header_lost(name), "{name}");
        }
    }
}
