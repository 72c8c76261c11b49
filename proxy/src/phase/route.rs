//! The route: which one the request falls on, by host, path, method and headers, and on which others it does when
//! its path is read otherwise.

use http::HeaderValue;
use pingora::http::RequestHeader;
use rules::{Reads, RequestHead, RouteId, Snapshot, TooManyReadings};

/// A request as the route table reads it.
struct Head<'a> {
    host: &'a str,
    path: &'a str,
    request: &'a RequestHeader,
}

impl<'a> Head<'a> {
    fn of(host: &'a str, request: &'a RequestHeader) -> Self {
        let path = request.uri.path();
        Self { host, path, request }
    }
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

/// The route for the request.
pub(crate) fn find(snapshot: &Snapshot, host: &str, request: &RequestHeader) -> Option<RouteId> {
    snapshot.routes.table().find(&Head::of(host, request))
}

/// The routes that the request falls on when its path is read in these ways.
pub(crate) fn readings(
    snapshot: &Snapshot,
    host: &str,
    request: &RequestHeader,
    reads: Reads,
) -> Result<Vec<RouteId>, TooManyReadings> {
    snapshot.routes.table().readings(&Head::of(host, request), reads)
}
