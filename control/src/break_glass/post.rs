//! Who stands at the break-glass socket: this process once nobody else has the journal. It looks each second, puts in
//! force what became of the kills, and says so when none can be made here.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use super::bind::bind;
use super::socket::{BreakGlassServer, serve};
use super::{Looked, Standing};

/// How soon after its time a kill ends, and how soon one takes over from another process.
const TICK: Duration = Duration::from_secs(1);

/// The break-glass of a process, on a runtime.
pub struct BreakGlassPost {
    server: Arc<BreakGlassServer>,
    socket: PathBuf,
    stopped: watch::Receiver<bool>,
    serving: Option<JoinHandle<()>>,
    /// Why no kill can be made here, as it was said last.
    closed: Option<String>,
}

impl BreakGlassPost {
    /// Will answer at `socket` until it is stopped.
    #[must_use]
    pub fn new(server: BreakGlassServer, socket: &Path, stopped: watch::Receiver<bool>) -> Self {
        Self {
            server: Arc::new(server),
            socket: socket.to_owned(),
            stopped,
            serving: None,
            closed: None,
        }
    }

    /// Looks again and again until it is stopped.
    pub async fn stand(mut self) {
        let mut stopped = self.stopped.clone();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = stopped.wait_for(|stop| *stop) => break,
                _ = tick.tick() => {}
            }
            self.look().await;
        }
        if let Some(serving) = self.serving {
            let _ = serving.await;
        }
    }

    /// Looks who has the journal, what is killed, and whether somebody answers at the socket.
    pub async fn look(&mut self) {
        let server = Arc::clone(&self.server);
        let looked = tokio::task::spawn_blocking(move || {
            let looked = server.break_glass.look((server.clock)());
            if looked.changed {
                (server.enforce)();
            }
            looked
        });
        let Looked { ended, changed } = looked.await.unwrap_or_default();
        for flag in &ended {
            tracing::warn!(flag, "the local kill has expired: the documents decide again");
        }
        if changed && ended.is_empty() {
            tracing::warn!(
                "the break-glass journal was read anew, and other flags are killed on this machine"
            );
        }
        let closed = self.closed().await;
        if closed == self.closed {
            return;
        }
        match &closed {
            Some(words) => tracing::warn!("no flag can be killed through this process: {words}"),
            None => tracing::info!("flags can be killed through this process"),
        }
        (self.server.note)(closed.clone());
        self.closed = closed;
    }

    /// Why no kill can be made here. Answers at the socket from now on unless somebody else does.
    async fn closed(&mut self) -> Option<String> {
        let standing = self.server.break_glass.standing();
        if standing == Standing::Elsewhere {
            return Some(
                "another process has the break-glass journal and answers at its socket; what it kills is off here, too, \
                 and this one takes over within a second of its end"
                    .to_owned(),
            );
        }
        // With a journal that can't be used whoever asks is told so.
        let unanswered = self.answer().await;
        match standing {
            Standing::Closed { reason, cure } => Some(format!("{reason}. {cure}")),
            Standing::Open | Standing::Elsewhere => unanswered,
        }
    }

    async fn answer(&mut self) -> Option<String> {
        if self
            .serving
            .as_ref()
            .is_some_and(|serving| !serving.is_finished())
        {
            return None;
        }
        match bind(&self.socket).await {
            Ok(listener) => {
                let serving = serve(Arc::clone(&self.server), listener, self.stopped.clone());
                self.serving = Some(tokio::spawn(serving));
                tracing::info!(socket = %self.socket.display(), "break-glass listening");
                None
            }
            Err(error) => Some(error.to_string()),
        }
    }
}
