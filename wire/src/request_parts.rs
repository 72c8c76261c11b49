//! The request line and the fields of a head, for readers that need more than the head's bounds.

use httparse::{EMPTY_HEADER, Request, Status};

use crate::MAX_HEADERS;

/// The parts of a request's head, as they were sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestParts<'h> {
    /// The method.
    pub method: &'h str,
    /// The request target.
    pub target: &'h str,
    /// 0 for HTTP/1.0, 1 for HTTP/1.1.
    pub minor_version: u8,
    /// The fields, in their order. Values are without the white space around them.
    pub fields: Vec<(&'h str, &'h [u8])>,
}

/// Reads the parts of a head that [`read_head`](crate::read_head) has accepted, from its request line on; none for bytes
/// that it would not.
#[must_use]
pub fn read_request_parts(head: &[u8]) -> Option<RequestParts<'_>> {
    let mut fields = [EMPTY_HEADER; MAX_HEADERS];
    let mut request = Request::new(&mut fields);
    match request.parse(head) {
        Ok(Status::Complete(_)) => {}
        Ok(Status::Partial) | Err(_) => return None,
    }
    Some(RequestParts {
        method: request.method?,
        target: request.path?,
        minor_version: request.version?,
        fields: request
            .headers
            .iter()
            .map(|field| (field.name, field.value))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{RequestParts, read_request_parts};

    #[test]
    fn parts_of_a_head_are_unmodified() {
        let head = b"GET http://a/b?c#d HTTP/1.0\r\nHost: a\r\nX:  \xe4 \r\nX:\r\n\r\nbody";
        let parts = RequestParts {
            method: "GET",
            target: "http://a/b?c#d",
            minor_version: 0,
            fields: vec![("Host", b"a"), ("X", b"\xe4"), ("X", b"")],
        };
        assert_eq!(read_request_parts(head), Some(parts));
    }

    #[test]
    fn a_head_that_is_not_complete_has_no_parts() {
        assert_eq!(read_request_parts(b"GET / HTTP/1.1\r\nHost: a\r\n"), None);
        assert_eq!(read_request_parts(b"GET /\r\n\r\n"), None);
    }
}
