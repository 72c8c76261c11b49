//! The sockets that a service manager listens on for this process (socket activation, sd_listen_fds(3)).

use std::net::TcpListener;

use anyhow::{Context as _, Result, bail};
use listenfd::ListenFd;
use proxy::ReadySocket;

/// The variable with the names of the sockets, separated by colons.
const NAMES_VARIABLE: &str = "LISTEN_FDNAMES";
/// The name of a socket whose unit sets none.
const NO_NAME: &str = "unknown";

/// Returns the sockets. Called once, before any thread starts: it removes the variables, so that no child has them.
///
/// # Errors
/// One of them is not a TCP socket.
pub(crate) fn sockets() -> Result<Vec<ReadySocket>> {
    let names = std::env::var(NAMES_VARIABLE).unwrap_or_default();
    let mut names = names.split(':');
    let mut passed = ListenFd::from_env();
    let mut sockets = Vec::with_capacity(passed.len());
    for index in 0..passed.len() {
        let name = names.next().unwrap_or_default();
        let socket = passed.take_tcp_listener(index);
        let socket: Option<TcpListener> = socket
            .with_context(|| format!("socket {index} (`{name}`) of the service manager can't be used"))?;
        let Some(socket) = socket else {
            bail!("socket {index} (`{name}`) of the service manager is missing");
        };
        sockets.push(ReadySocket {
            // Without `FileDescriptorName=` the name is that of the socket unit.
            name: (!name.is_empty() && name != NO_NAME).then(|| name.into()),
            socket,
        });
    }
    Ok(sockets)
}
