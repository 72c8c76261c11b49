//! The route: which one the request falls on, by host, path, method and headers.

use http::HeaderValue;
use pingora::http::RequestHeader;
use rules::{RequestHead, RouteId, Snapshot};

/// A request as the route table reads it.
struct Head<'a> {
    host: &'a str,
    path: &'a str,
    request: &'a RequestHeader,
}

impl RequestHead for Head<'_> {
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

/// The route for the request, read with this path.
pub(crate) fn find(snapshot: &Snapshot, host: &str, path: &str, request: &RequestHeader) -> Option<RouteId> {
    snapshot.routes.table().find(&Head { host, path, request })
}
