//! The request and the paths of the measurements of routes.

use rules::RequestHead;

/// A `GET` of a path at `api.example.com`, as the route table reads it.
pub struct RouteRequest(pub String);

impl RequestHead for RouteRequest {
    fn host(&self) -> &str {
        "api.example.com"
    }

    fn path(&self) -> &str {
        &self.0
    }

    fn method(&self) -> &str {
        "GET"
    }

    fn header_values(&self, _name: &str) -> impl Iterator<Item = &[u8]> {
        std::iter::empty()
    }
}

/// Returns the path of the feature with this number, in one of 20 areas; `last` is its last segment.
pub fn api_path(number: usize, last: &str) -> String {
    format!("/api/v2/area-{}/feature-{number}/{last}", number % 20)
}
