//! The thread of the break-glass socket.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use control::{BreakGlass, BreakGlassServer};
use tokio::sync::watch;
use tracing::info;

use crate::cli::clock;
use crate::composition::Composition;

/// The thread; dropping it ends it.
pub(crate) struct BreakGlassThread {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl BreakGlassThread {
    /// Answers at `socket` from now on.
    pub(crate) fn start(
        socket: &Path,
        break_glass: &Arc<BreakGlass>,
        composition: &Arc<Composition>,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("there can be no break-glass socket")?;
        let inside = runtime.enter();
        let listener = BreakGlassServer::bind(socket)?;
        drop(inside);
        let (knowing, enforcing) = (Arc::clone(composition), Arc::clone(composition));
        let server = BreakGlassServer {
            break_glass: Arc::clone(break_glass),
            clock: clock::now,
            knows: Box::new(move |flag| knowing.knows(flag)),
            enforce: Box::new(move || enforcing.enforce()),
        };
        let (stop, stopped) = watch::channel(false);
        let thread = thread::Builder::new().name("break-glass".into()).spawn(move || {
            runtime.block_on(server.serve(listener, stopped));
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
        info!(socket = %socket.display(), "break-glass listening");
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for BreakGlassThread {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
