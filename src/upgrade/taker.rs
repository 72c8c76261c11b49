//! The side of the process that starts: takes the sockets and the store of the process that serves.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use config::Settings;
use proxy::ReadySocket;
use serde_json::Value;
use tracing::info;

use super::link::{Link, has_ended};
use super::{BYE, GO, HELLO, READY, REFUSED, RELEASE, RELEASED, SERVING};

/// Time for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Time in which the other process closes its store: it waits for requests to its admin API.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(50);

/// The takeover from a process that serves. If it is dropped before [`Takeover::serving`], that process continues.
#[derive(Debug)]
pub(crate) struct Takeover {
    link: Link,
    sockets: Vec<TakenSocket>,
}

/// The process that served before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Former {
    /// It serves, or drains.
    Serves,
    /// It has ended without a refusal, for example by SIGKILL: nobody else serves.
    Ended,
}

#[derive(Debug)]
struct TakenSocket {
    name: String,
    /// The address in the document of the other process.
    configured: Option<SocketAddr>,
    socket: TcpListener,
}

impl Takeover {
    /// Connects to the process that listens at the upgrade socket, and takes copies of its listeners' sockets.
    ///
    /// # Errors
    /// No process of this user answers there, or it refuses.
    pub(crate) fn begin(path: &Path) -> Result<Self> {
        let link = UnixStream::connect(path).and_then(Link::new);
        let link = link.with_context(|| {
            format!(
                "no process of this user can be upgraded at {}: start without --upgrade if none runs",
                path.display()
            )
        })?;
        link.send(HELLO)?;
        let (line, descriptors) = link.receive_sockets(ANSWER_TIMEOUT).context(NO_ANSWER)?;
        refused(&line)?;
        let answer: Value =
            serde_json::from_str(&line).context("the answer of the running process is invalid")?;
        let listeners = answer.get("listeners").and_then(Value::as_array);
        let listeners = listeners.map(Vec::as_slice).unwrap_or_default();
        ensure!(
            listeners.len() == descriptors.len(),
            "the running process sent {} sockets for {} listeners",
            descriptors.len(),
            listeners.len()
        );
        let text = |listener: &Value, member| {
            let text = listener.get(member).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let sockets = listeners
            .iter()
            .zip(descriptors)
            .map(|(listener, socket)| TakenSocket {
                name: text(listener, "name"),
                configured: text(listener, "address").parse().ok(),
                socket: socket.into(),
            });
        let sockets: Vec<TakenSocket> = sockets.collect();
        info!(
            process = link.peer(),
            sockets = sockets.len(),
            "upgrade: took the sockets"
        );
        Ok(Self { link, sockets })
    }

    /// Has the other process close its store.
    ///
    /// # Errors
    /// It refuses, or does not answer in time.
    pub(crate) fn release_store(&self) -> Result<()> {
        match self.step(RELEASE, RELEASED, RELEASE_TIMEOUT)? {
            Former::Serves => Ok(()),
            Former::Ended => bail!("the running process has ended: start without --upgrade"),
        }
    }

    /// Waits for `time`, and returns if the other process still serves.
    ///
    /// # Errors
    /// It does not continue with the upgrade.
    pub(crate) fn watch(&self, time: Duration) -> Result<Former> {
        match self.link.poll(time) {
            Ok(None) => Ok(Former::Serves),
            Ok(Some(line)) => {
                refused(&line)?;
                bail!("the running process sent {line:?} without a request")
            }
            Err(error) if has_ended(&error) => Ok(Former::Ended),
            Err(error) => Err(error).context(NO_ANSWER),
        }
    }

    /// Returns the sockets for listeners with these settings. A socket has a name only if the listener of that name has
    /// the same address as before.
    pub(crate) fn sockets(&mut self, settings: &Settings) -> Vec<ReadySocket> {
        let address = |name: &str| match name {
            "admin" => settings.admin.as_ref().map(|admin| admin.address),
            "health" => settings.health,
            config::TenantsListener::NAME if settings.tenants.is_some() => {
                settings.tenants.as_ref().map(|tenants| tenants.address)
            }
            name => {
                let mut listeners = settings.listeners.iter();
                let listener = listeners.find(|listener| &*listener.name == name);
                listener.map(|listener| listener.address)
            }
        };
        let taken = self.sockets.drain(..);
        taken
            .map(|taken| ReadySocket {
                name: (address(&taken.name) == taken.configured).then(|| taken.name.into()),
                socket: taken.socket,
            })
            .collect()
    }

    /// Reports that this process can accept connections. When it returns, the process may begin.
    ///
    /// # Errors
    /// The other process refuses, or does not answer in time.
    pub(crate) fn ready(&self) -> Result<Former> {
        self.step(READY, GO, ANSWER_TIMEOUT)
    }

    /// Reports that this process accepts connections. When it returns, the other process drains.
    ///
    /// # Errors
    /// The other process refuses, or does not answer in time.
    pub(crate) fn serving(self) -> Result<Former> {
        let former = self.step(SERVING, BYE, ANSWER_TIMEOUT)?;
        if former == Former::Serves {
            info!(process = self.link.peer(), "upgrade: the former process drains");
        }
        Ok(former)
    }

    fn step(&self, request: &str, granted: &str, time: Duration) -> Result<Former> {
        let exchange = || -> io::Result<String> {
            self.link.send(request)?;
            self.link.receive(time)
        };
        let line = match exchange() {
            Ok(line) => line,
            Err(error) if has_ended(&error) => return Ok(Former::Ended),
            Err(error) => return Err(error).context(NO_ANSWER),
        };
        refused(&line)?;
        ensure!(
            line == granted,
            "the running process sent {line:?} instead of `{granted}`"
        );
        Ok(Former::Serves)
    }
}

const NO_ANSWER: &str = "the running process did not answer the upgrade; it continues to serve";

fn refused(line: &str) -> Result<()> {
    match line.strip_prefix(REFUSED) {
        Some(reason) => bail!("the running process refused the upgrade: {reason}"),
        None => Ok(()),
    }
}
