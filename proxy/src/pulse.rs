//! The answer of the data plane's runtime, which proves that it still serves.

use std::sync::mpsc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::watch;

/// Access to the runtime of a proxy.
#[derive(Debug)]
pub struct Pulse {
    runtime: Handle,
    /// Its sender is dropped with the proxy.
    stopped: watch::Receiver<bool>,
}

impl Pulse {
    pub(crate) fn new(runtime: Handle, stopped: watch::Receiver<bool>) -> Self {
        Self { runtime, stopped }
    }

    /// Returns true if a new task of the runtime runs within this time. Blocks until then.
    #[must_use]
    pub fn beats_within(&self, time: Duration) -> bool {
        let (answer, answered) = mpsc::sync_channel(1);
        self.runtime.spawn(async move { answer.try_send(()) });
        answered.recv_timeout(time).is_ok()
    }

    /// Returns true once the proxy has ended.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.stopped.has_changed().is_err()
    }
}
