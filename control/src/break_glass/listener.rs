//! Runs break-glass in this process: refreshes the kills each second, answers at the socket while no other process
//! does, and logs when kills cannot be made here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::KillChanges;
use super::bind::bind;
use super::local_kill::KillAvailability;
use super::socket::{BreakGlassServer, serve};

/// The interval of refreshes: the largest delay of an expiry, and of taking over from another process.
const TICK: Duration = Duration::from_secs(1);

/// Break-glass of a process, on a runtime.
pub struct BreakGlassListener {
    server: Arc<BreakGlassServer>,
    socket: PathBuf,
    stopped: watch::Receiver<bool>,
    task: Option<JoinHandle<()>>,
    /// The last logged reason why kills cannot be made here.
    unavailable: Option<String>,
}

impl BreakGlassListener {
    /// Creates a service that answers at `socket` once it runs.
    #[must_use]
    pub fn new(server: BreakGlassServer, socket: &Path, stopped: watch::Receiver<bool>) -> Self {
        Self {
            server: Arc::new(server),
            socket: socket.to_owned(),
            stopped,
            task: None,
            unavailable: None,
        }
    }

    /// Refreshes each second until it is stopped.
    pub async fn run(mut self) {
        let mut stopped = self.stopped.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                _ = tick.tick() => {}
            }
            self.refresh().await;
        }
        if let Some(task) = self.task {
            let _ = task.await;
        }
    }

    /// Refreshes the kills, applies them if they changed, and listens at the socket if no other process does.
    pub async fn refresh(&mut self) {
        let server = Arc::clone(&self.server);
        let refreshed = tokio::task::spawn_blocking(move || {
            let refreshed = server.break_glass.refresh((server.clock)());
            if refreshed.changed {
                (server.publish_kills)();
            }
            refreshed
        });
        let KillChanges { expired, changed } = refreshed.await.unwrap_or_default();
        for flag in &expired {
            tracing::warn!(flag, "the local kill has expired: the documents decide again");
        }
        if changed && expired.is_empty() {
            tracing::warn!(
                "the break-glass journal was read again, and the flags killed on this machine changed"
            );
        }
        let unavailable = self.unavailable().await;
        if unavailable == self.unavailable {
            return;
        }
        match &unavailable {
            Some(words) => tracing::warn!("no flag can be killed through this process: {words}"),
            None => tracing::info!("flags can be killed through this process"),
        }
        (self.server.set_unavailable)(unavailable.clone());
        self.unavailable = unavailable;
    }

    /// Returns the reason why kills cannot be made here. Listens at the socket unless another process does.
    async fn unavailable(&mut self) -> Option<String> {
        let availability = self.server.break_glass.availability();
        if availability == KillAvailability::OtherProcess {
            return Some(
                "another process holds the break-glass journal and answers at its socket; its kills apply here too, and \
                 this process takes over within a second after it ends"
                    .to_owned(),
            );
        }
        // Requests are answered with the problem of the journal.
        let bind_error = self.listen().await;
        match availability {
            KillAvailability::Unavailable { reason, help } => Some(format!("{reason}. {help}")),
            KillAvailability::Available | KillAvailability::OtherProcess => bind_error,
        }
    }

    async fn listen(&mut self) -> Option<String> {
        if self.task.as_ref().is_some_and(|task| !task.is_finished()) {
            return None;
        }
        match bind(&self.socket).await {
            Ok(listener) => {
                let task = serve(Arc::clone(&self.server), listener, self.stopped.clone());
                self.task = Some(tokio::spawn(task));
                tracing::info!(socket = %self.socket.display(), "break-glass listening");
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }
}
