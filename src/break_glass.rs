//! The thread of the break-glass socket.

use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result};
use control::{BreakGlass, BreakGlassListener, BreakGlassServer};
use proxy::Readiness;
use tokio::sync::watch;

use crate::active_config::ActiveConfig;
use crate::clock;

/// Name of the entry in `/readyz?verbose` with the reason why this process accepts no local kills.
const NOTE: &str = "break-glass closed";

/// The thread. Dropping it ends it.
pub(crate) struct BreakGlassThread {
    stop: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl BreakGlassThread {
    /// Starts to serve the socket, or to wait until no other process serves it.
    ///
    /// # Errors
    /// There is no thread, or no runtime.
    pub(crate) fn start(
        socket: &Path,
        break_glass: &Arc<BreakGlass>,
        active_config: &Arc<ActiveConfig>,
        readiness: Arc<Readiness>,
    ) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("can't start the break-glass socket")?;
        let (kill_effect, publish_kills) = (Arc::clone(active_config), Arc::clone(active_config));
        let server = BreakGlassServer {
            break_glass: Arc::clone(break_glass),
            clock: clock::now,
            kill_effect: Box::new(move |flag| kill_effect.kill_effect(flag)),
            publish_kills: Box::new(move || publish_kills.apply_local_kills()),
            set_unavailable: Box::new(move |words| readiness.set_note(NOTE, words)),
        };
        let (stop, stopped) = watch::channel(false);
        let mut service = BreakGlassListener::new(server, socket, stopped);
        // Once before the thread starts: when this returns, the socket accepts kills, or `/readyz?verbose` says why not.
        runtime.block_on(service.refresh());
        let thread = thread::Builder::new().name("break-glass".into()).spawn(move || {
            runtime.block_on(service.run());
            // A task that reads the journal may hang on a failing disk; the end of the process does not wait for it.
            runtime.shutdown_timeout(Duration::from_secs(1));
        })?;
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
