//! Header names that have a meaning to HTTP, to proxies or to frameworks: those that operators can't use for
//! headers of their own, and those that decisions can't depend on.

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

/// Names that change method, target, host, scheme, checks or files in frameworks that obey them, and `Proxy`, which CGI
/// turns into the variable HTTP_PROXY. They are removed from every request.
pub const OVERRIDE_HEADERS: [&str; 58] = [
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
    "method-override",
    "http-method-override",
    "x-override-method",
    "x-tunneled-method",
    "_method",
    "x-request-url",
    "x-real-url",
    "x-real-uri",
    "x-rewrite-path",
    "x-override-uri",
    "x-proxy-url",
    "x-http-destinationurl",
    "x-waws-unencoded-url",
    "x-ms-original-url",
    "x-envoy-original-host",
    "x-host-override",
    "x-http-host-override",
    "x-real-host",
    "disguised-host",
    "was-default-hostname",
    "x-original-proto",
    "x-original-scheme",
    "x-appservice-proto",
    "x-arr-ssl",
    "forwarded",
    "x-forwarded",
    "forwarded-for",
    "front-end-https",
    "x-matched-path",
    "x-invoke-path",
    "x-invoke-query",
    "x-invoke-output",
    "x-now-route-matches",
    "x-middleware-subrequest",
    "x-middleware-rewrite",
    "x-sendfile-type",
    "x-accel-mapping",
    "proxy",
];

/// Names that state the client's address. They are removed from every request, unless a trusted proxy overwrites
/// them: a proxy that does not know a name forwards the value of its client.
pub const CLIENT_HEADERS: [&str; 39] = [
    "x-real-ip",
    "x-client-ip",
    "x-remote-ip",
    "x-remote-addr",
    "x-originating-ip",
    "x-cluster-client-ip",
    "x-proxyuser-ip",
    "x-envoy-external-address",
    "x-original-forwarded-for",
    "x-azure-clientip",
    "x-azure-socketip",
    "x-appengine-user-ip",
    "client-ip",
    "true-client-ip",
    "cf-connecting-ip",
    "cf-connecting-ipv6",
    "cf-pseudo-ipv4",
    "fastly-client-ip",
    "fly-client-ip",
    "do-connecting-ip",
    "cloudfront-viewer-address",
    "wl-proxy-client-ip",
    "proxy-client-ip",
    "appengine-user-ip",
    "remote-addr",
    "real-ip",
    "x-forward-for",
    "x-original-for",
    "x-original-remote-addr",
    "x-real-client-ip",
    "x-nf-client-connection-ip",
    "x-vercel-forwarded-for",
    "x-sucuri-clientip",
    "incap-client-ip",
    "ali-cdn-real-ip",
    "eo-connecting-ip",
    "x-true-client-ip",
    "cdn-src-ip",
    "x-appengine-remote-addr",
];

/// Further request headers that are removed or rewritten.
pub const REWRITTEN_HEADERS: [&str; 4] = ["proxy-authenticate", "proxy-authorization", "traceparent", "via"];

/// Names of headers that describe a body. They are forwarded; aliases of them are removed.
pub const CONTENT_HEADERS: [&str; 3] = ["content-encoding", "content-range", "content-type"];

/// Further names with a meaning in requests or responses.
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

/// Prefixes of names with a meaning.
const STANDARD_PREFIXES: [&str; 5] = ["access-control-", "content-", "grpc-", "proxy-", "sec-"];

/// The prefix of headers in which a proxy describes its client's request.
const FORWARDED_PREFIX: &str = "x-forwarded-";

/// Folds a byte for comparing names. CGI, WSGI and PHP fold names to letters, digits and `_`: all names that
/// fold alike reach an application as the same variable.
#[must_use]
pub const fn fold_header_byte(byte: u8) -> u8 {
    if byte.is_ascii_alphanumeric() {
        byte.to_ascii_lowercase()
    } else {
        b'_'
    }
}

/// Returns true if both names fold alike.
#[must_use]
pub fn is_header_alias(name: &str, other: &str) -> bool {
    name.len() == other.len() && begins_alike(name, other)
}

/// Returns true if `name` begins with `prefix`, both folded.
pub(crate) fn begins_alike(name: &str, prefix: &str) -> bool {
    let fold = |text: &str| text.bytes().map(fold_header_byte).collect::<Vec<u8>>();
    fold(name).starts_with(&fold(prefix))
}

/// Returns true if this name, or one that folds alike, has a meaning, so that an operator's header can't use
/// it.
#[must_use]
pub fn is_header_taken(name: &str) -> bool {
    taken().any(|known| is_header_alias(name, known))
        || STANDARD_PREFIXES.iter().any(|prefix| begins_alike(name, prefix))
}

/// Returns true if this name, or one that folds alike, has a meaning in HTTP, or Sluice reads or writes it, so that it
/// can't be removed from requests. Names that are removed in any case are excluded.
#[must_use]
pub fn is_header_needed(name: &str) -> bool {
    let mut needed = HOP_HEADERS.iter().chain(&REWRITTEN_HEADERS).chain(&STANDARD);
    needed.any(|known| is_header_alias(name, known))
        || STANDARD_PREFIXES.iter().any(|prefix| begins_alike(name, prefix))
}

/// Returns true if a header with a meaning begins with `prefix`.
#[must_use]
pub fn is_header_prefix_taken(prefix: &str) -> bool {
    let mut standard = STANDARD_PREFIXES.iter();
    taken().any(|known| begins_alike(known, prefix))
        || standard.any(|known| begins_alike(known, prefix) || begins_alike(prefix, known))
}

/// Returns true if this header is removed from every request or rewritten: an application would not see the
/// value that was decided by. `Forwarded` and `X-Forwarded-*` are excluded, because those of a trusted proxy
/// are read before.
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

/// Returns the name in [`CLIENT_HEADERS`] that equals `name` in any case.
#[must_use]
pub fn client_header(name: &str) -> Option<&'static str> {
    CLIENT_HEADERS
        .into_iter()
        .find(|known| known.eq_ignore_ascii_case(name))
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
    use super::{is_header_lost, is_header_needed, is_header_prefix_taken, is_header_taken};

    #[test]
    fn reserved_header_names_are_taken_in_any_alias() {
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
    fn prefix_of_reserved_header_names_is_taken() {
        for prefix in ["c", "X-", "content-x-", "Con", "x_forwarded", "sec-flag-"] {
            assert!(is_header_prefix_taken(prefix), "{prefix}");
        }
        for prefix in ["X-Feature-", "X-Flag-", "Flag-"] {
            assert!(!is_header_prefix_taken(prefix), "{prefix}");
        }
    }

    #[test]
    fn header_names_of_http_are_needed() {
        for name in [
            "Host",
            "content_type",
            "Cookie",
            "Authorization",
            "X-Forwarded-For",
            "Sec-Fetch-Site",
            "via",
        ] {
            assert!(is_header_needed(name), "{name}");
        }
        for name in [
            "X-Matched-Path",
            "X-Original-URL",
            "X-Real-IP",
            "X-Internal-User",
            "Proxy",
        ] {
            assert!(!is_header_needed(name), "{name}");
        }
    }

    #[test]
    fn headers_not_forwarded_unchanged_are_lost() {
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
