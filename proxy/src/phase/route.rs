//! The head of a request as the route table reads it: host, path, method and headers.

use http::HeaderValue;
use pingora::http::RequestHeader;
use rules::RequestHead;

/// The head of a request as the route table reads it, after its target is normalised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoutedHead<'a> {
    host: &'a str,
    path: &'a str,
    request: &'a RequestHeader,
}

impl<'a> RoutedHead<'a> {
    pub(crate) fn of(host: &'a str, request: &'a RequestHeader) -> Self {
        let path = request.uri.path();
        Self { host, path, request }
    }
}

impl RequestHead for RoutedHead<'_> {
    fn host(&self) -> &str {
        self.host
    }

    fn path(&self) -> &str {
        self.path
    }

    fn method(&self) -> &str {
        self.request.method.as_str()
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.request
            .headers
            .get_all(name)
            .iter()
            .map(HeaderValue::as_bytes)
    }
}
