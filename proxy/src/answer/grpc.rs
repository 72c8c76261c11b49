//! Answers to gRPC: a client of it reads no body and no status but its own, which stand in the head of an answer
//! that is nothing but a head ("Trailers-Only" in the protocol's description over HTTP/2).

use std::fmt::Write as _;

use http::{HeaderMap, header};

/// Whether a request is one of gRPC. One of gRPC-Web is not: that is plain HTTP, read by the status.
pub(crate) fn is_grpc(headers: &HeaderMap) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some(content_type) = headers.get(header::CONTENT_TYPE) else {
        return false;
    };
    let bytes = content_type.as_bytes();
    let named = bytes
        .get(..GRPC.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(GRPC));
    named && matches!(bytes.get(GRPC.len()), None | Some(b'+' | b';' | b' '))
}

/// The status of gRPC for one of HTTP, as clients would read it (doc/http-grpc-status-mapping.md of gRPC), and
/// more exact where an answer of ours can be.
pub(crate) fn status(http: u16) -> u8 {
    match http {
        400 | 500 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        408 | 504 => 4,
        413 | 429 | 431 => 8,
        502 | 503 => 14,
        _ => 2,
    }
}

/// A message as `grpc-message` has it: what is not visible ASCII in percent encoding, and the percent sign.
pub(crate) fn message(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // A String takes whatever is written.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, header};

    use super::{is_grpc, message, status};

    #[test]
    fn grpc_is_known_by_its_content_type() {
        let check = |content_type: &'static str, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
            assert_eq!(is_grpc(&headers), expected, "{content_type}");
        };
        for content_type in [
            "application/grpc",
            "application/grpc+proto",
            "application/grpc;charset=utf-8",
            "Application/GRPC",
        ] {
            check(content_type, true);
        }
        for content_type in [
            "application/grpc-web",
            "application/grpc-web+proto",
            "application/json",
            "",
        ] {
            check(content_type, false);
        }
        assert!(!is_grpc(&HeaderMap::new()));
    }

    #[test]
    fn statuses_are_those_that_clients_of_grpc_act_on() {
        let pairs = [
            (401, 16),
            (403, 7),
            (404, 12),
            (429, 8),
            (413, 8),
            (503, 14),
            (504, 4),
            (500, 13),
            (302, 2),
        ];
        for (http, grpc) in pairs {
            assert_eq!(status(http), grpc, "{http}");
        }
    }

    #[test]
    fn a_message_is_visible_ascii() {
        assert_eq!(message("not 100% \u{e4}\n"), "not 100%25 %C3%A4%0A");
    }
}
