//! The head of a request as the route table reads it: host, path, method and headers.

use wire::RequestHead;

/// The head of a request as the route table reads it, after its target is normalised.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RoutedHead<'a> {
    host: &'a str,
    path: &'a str,
    head: &'a RequestHead,
}

impl<'a> RoutedHead<'a> {
    pub(crate) fn of(host: &'a str, head: &'a RequestHead) -> Self {
        let path = head.path();
        Self { host, path, head }
    }
}

impl rules::RequestHead for RoutedHead<'_> {
    fn host(&self) -> &str {
        self.host
    }

    fn path(&self) -> &str {
        self.path
    }

    fn method(&self) -> &str {
        self.head.method()
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.head.fields.values(name)
    }
}
