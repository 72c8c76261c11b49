//! The upgrade of a running process: another process takes the sockets of its listeners and its store over a unix
//! socket, while requests are served.
//!
//! The two talk in lines, one after the other (`NEW` is the process that starts, `OLD` the one that serves):
//!
//! ```text
//! NEW  sluice-upgrade 1
//! OLD  {"listeners":[{"name":"public","address":"0.0.0.0:8080"}]}    with the sockets, in this order (SCM_RIGHTS)
//! NEW  release          its documents are valid
//! OLD  released         its store is closed; its data plane serves on
//! NEW  ready            its flags and keys are loaded
//! OLD  go
//! NEW  serving          it accepts connections
//! OLD  bye              it drains
//! ```
//!
//! `OLD` may answer `refused REASON` to each line. Until `serving` arrives, it takes its store back if the connection
//! ends or a line is late, and nothing has changed. If `OLD` has ended without such a line after `released`, `NEW` serves in
//! its place.

mod giver;
mod link;
mod successor;
mod taker;

use std::path::{Path, PathBuf};

pub(crate) use self::giver::{HandOver, Step, UpgradeSocket};
pub(crate) use self::successor::{Successor, detach};
pub(crate) use self::taker::{Former, Takeover};

/// The first line, with the version of the protocol.
const HELLO: &str = "sluice-upgrade 1";
const RELEASE: &str = "release";
const RELEASED: &str = "released";
const READY: &str = "ready";
const GO: &str = "go";
const SERVING: &str = "serving";
const BYE: &str = "bye";
const REFUSED: &str = "refused ";
/// The variable with the directory that systemd made for this service (`RuntimeDirectory=`).
const RUNTIME_DIRECTORY: &str = "RUNTIME_DIRECTORY";
/// Name of the socket in that directory.
const SOCKET_NAME: &str = "upgrade.sock";

/// Returns the path of the upgrade socket: that of the document, or else one in the runtime directory of the service;
/// none without either.
pub(crate) fn socket_path(configured: Option<&Path>) -> Option<PathBuf> {
    let configured = configured.map(Path::to_owned);
    configured.or_else(|| {
        let directories = std::env::var_os(RUNTIME_DIRECTORY)?;
        // Several directories are separated by colons.
        let first = std::env::split_paths(&directories).next()?;
        first.is_absolute().then(|| first.join(SOCKET_NAME))
    })
}
