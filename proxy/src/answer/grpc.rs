//! Responses to gRPC requests. A gRPC client reads neither the body nor the HTTP status, so status and message are
//! sent in the head ("Trailers-Only" in the gRPC protocol over HTTP/2).

use std::fmt::Write as _;

use wire::Fields;

/// The HTTP status of all responses to gRPC requests.
pub(crate) const HTTP_STATUS: u16 = 200;

/// Returns true for a gRPC request. gRPC-Web is excluded: its clients read the HTTP status.
pub(crate) fn is_grpc(fields: &Fields) -> bool {
    const GRPC: &[u8] = b"application/grpc";
    let Some(bytes) = fields.value("content-type") else {
        return false;
    };
    let named = bytes
        .get(..GRPC.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(GRPC));
    named && matches!(bytes.get(GRPC.len()), None | Some(b'+' | b';' | b' '))
}

/// Maps an HTTP status to a gRPC status as clients do (doc/http-grpc-status-mapping.md of gRPC), more exactly for the
/// proxy's own responses.
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

/// Encodes text for `grpc-message`: percent-encodes `%` and everything but visible ASCII and spaces.
pub(crate) fn message(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if matches!(byte, b' '..=b'~') && byte != b'%' {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String can't fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use wire::Fields;

    use super::{is_grpc, message, status};

    #[test]
    fn grpc_is_known_by_its_content_type() {
        let check = |content_type: &str, expected| {
            let mut fields = Fields::default();
            fields.push("Content-Type", content_type.as_bytes());
            assert_eq!(is_grpc(&fields), expected, "{content_type}");
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
        assert!(!is_grpc(&Fields::default()));
    }

    #[test]
    fn grpc_statuses_follow_the_retry_rules_of_clients() {
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
