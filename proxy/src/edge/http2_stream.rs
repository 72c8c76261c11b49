//! The stream of HTTP/2 that a task serves.

use std::sync::Arc;

use crate::shares::{EndSignal, StreamShare};

tokio::task_local! {
    /// The stream that the present task serves: pingora has no other place for what belongs to one stream.
    pub(super) static STREAM: Http2Stream;
}

/// A stream of HTTP/2.
#[derive(Debug, Clone)]
pub(crate) struct Http2Stream {
    /// Ends its request.
    pub(crate) end: Arc<EndSignal>,
    pub(crate) share: Option<Arc<StreamShare>>,
}

/// Returns the stream that the present task serves, if it is one of HTTP/2.
pub(crate) fn current_stream() -> Option<Http2Stream> {
    STREAM.try_with(Clone::clone).ok()
}
