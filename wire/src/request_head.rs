//! The head of a request: method, target, version and fields. It is read into memory that the next request of the
//! connection reuses.

use crate::{Fields, HttpVersion};

/// The head of a request.
#[derive(Debug, Clone, Default)]
pub struct RequestHead {
    method: String,
    target: String,
    /// Length of the target up to the query.
    path: usize,
    version: HttpVersion,
    /// The fields.
    pub fields: Fields,
}

impl RequestHead {
    /// Begins another head without fields.
    pub fn begin(&mut self, method: &str, target: &str, version: HttpVersion) {
        self.method.clear();
        self.method.push_str(method);
        self.set_target(target);
        self.version = version;
        self.fields.clear();
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Returns the target.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// Replaces the target.
    pub fn set_target(&mut self, target: &str) {
        self.target.clear();
        self.target.push_str(target);
        self.path = memchr::memchr(b'?', target.as_bytes()).unwrap_or(target.len());
    }

    /// Returns the target up to the query.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.get(..self.path).unwrap_or_default()
    }

    /// Returns the query of the target, after the `?`.
    #[must_use]
    pub fn query(&self) -> Option<&str> {
        self.target.get(self.path + 1..)
    }

    /// Returns the version.
    #[must_use]
    pub fn version(&self) -> HttpVersion {
        self.version
    }
}
