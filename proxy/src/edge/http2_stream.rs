//! The HTTP/2 stream that a task serves.

use std::sync::Arc;

use crate::shares::{EndSignal, StreamShare};

tokio::task_local! {
    /// The stream of the current task: pingora passes no per-stream state to its hooks.
    pub(super) static STREAM: Http2Stream;
}

/// An HTTP/2 stream.
#[derive(Debug, Clone)]
pub(crate) struct Http2Stream {
    /// Ends the request.
    pub(crate) end: Arc<EndSignal>,
    pub(crate) share: Option<Arc<StreamShare>>,
}

/// Returns the HTTP/2 stream of the current task; none over HTTP/1.
pub(crate) fn current_stream() -> Option<Http2Stream> {
    STREAM.try_with(Clone::clone).ok()
}
