//! The side of the process that serves: its upgrade socket, and the hand-over to a process that connected.

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread;
use std::time::Duration;

use proxy::HandedSocket;
use serde_json::json;
use tracing::{info, warn};

use super::link::Link;
use super::{BYE, GO, HELLO, READY, REFUSED, RELEASE, RELEASED, SERVING};
use crate::signals::{SignalRequest, SignalSender};

/// Time for the first line.
const HELLO_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after an accept that failed, for example because no descriptor is left.
const PAUSE: Duration = Duration::from_millis(100);

/// The upgrade socket, which listens until the process ends. Its file stays: the next process replaces it.
pub(crate) struct UpgradeSocket;

impl UpgradeSocket {
    /// Listens at `path`, in place of a former process. Each process that connects and is entitled to becomes a
    /// [`SignalRequest::HandOver`].
    ///
    /// # Errors
    /// The socket can't be created.
    pub(crate) fn start(path: &Path, requests: SignalSender) -> io::Result<Self> {
        let listener = control::owner_only_socket(path)?;
        thread::Builder::new()
            .name("upgrade".into())
            .spawn(move || accept(&listener, &requests))?;
        Ok(Self)
    }
}

fn accept(listener: &UnixListener, requests: &SignalSender) {
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) => {
                warn!("the upgrade socket can't accept: {error}");
                thread::sleep(PAUSE);
                continue;
            }
        };
        let greeted = Link::new(stream).and_then(|link| {
            let line = link.receive(HELLO_TIMEOUT)?;
            if line != HELLO {
                link.send(&format!("{REFUSED}this process speaks `{HELLO}`"))?;
                return Err(io::Error::other(format!(
                    "its first line is {line:?}, not `{HELLO}`"
                )));
            }
            Ok(link)
        });
        match greeted {
            Ok(link) => {
                if !requests.send(SignalRequest::HandOver(HandOver { link: link.into() })) {
                    return;
                }
            }
            Err(error) => warn!("a process that connected to the upgrade socket is refused: {error}"),
        }
    }
}

/// The hand-over to a process that connected.
#[derive(Debug, Clone)]
pub(crate) struct HandOver {
    link: std::sync::Arc<Link>,
}

/// A request of the process that starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// To close the store.
    Release,
    /// To let it accept connections.
    Ready,
    /// To drain: it accepts connections.
    Serving,
}

impl Step {
    /// Returns the line of the request, and the line that grants it.
    fn lines(self) -> (&'static str, &'static str) {
        match self {
            Self::Release => (RELEASE, RELEASED),
            Self::Ready => (READY, GO),
            Self::Serving => (SERVING, BYE),
        }
    }
}

impl HandOver {
    /// Returns the id of the process that starts.
    pub(crate) fn process(&self) -> u32 {
        self.link.peer()
    }

    /// Sends the sockets of the listeners.
    pub(crate) fn give_sockets(&self, sockets: &[HandedSocket]) -> io::Result<()> {
        let listeners: Vec<_> = sockets
            .iter()
            .map(|socket| json!({ "name": &*socket.name, "address": socket.configured.to_string() }))
            .collect();
        let sockets: Vec<_> = sockets.iter().map(|socket| &socket.socket).collect();
        let line = json!({ "listeners": listeners }).to_string();
        self.link.send_sockets(&line, &sockets)?;
        info!(
            process = self.process(),
            sockets = sockets.len(),
            "upgrade: the sockets are handed over"
        );
        Ok(())
    }

    /// Returns true once the process has sent the request of a step; false if it did not within `time`.
    ///
    /// # Errors
    /// The connection has ended, or the process sent something else.
    pub(crate) fn has_requested(&self, step: Step, time: Duration) -> io::Result<bool> {
        match self.link.poll(time)? {
            None => Ok(false),
            Some(line) if line == step.lines().0 => Ok(true),
            Some(line) => Err(io::Error::other(format!("unexpected line {line:?}"))),
        }
    }

    /// Grants the step that was requested.
    pub(crate) fn grant(&self, step: Step) -> io::Result<()> {
        self.link.send(step.lines().1)
    }

    /// Refuses to continue. The other process may be gone.
    pub(crate) fn refuse(&self, reason: &str) {
        let _ = self.link.send(&format!("{REFUSED}{reason}"));
    }
}
