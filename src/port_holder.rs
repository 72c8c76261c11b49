//! The process that listens on an address, if the system reports it.

use std::fs;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;

use proxy::BindError;

use crate::printable::printable;

/// The state of a listening socket in /proc/net/tcp.
const LISTENING: &str = "0A";
/// The name of this program in /proc/PID/comm.
const NAME: &str = "sluice";

/// Adds the process that listens on the address to the error, or a hint if it is not known.
pub(crate) fn with_holder(error: BindError) -> anyhow::Error {
    if error.reason.kind() != ErrorKind::AddrInUse {
        return error.into();
    }
    let hint = match holder(error.address) {
        Some((id, name)) if name == NAME => {
            format!("process {id} ({NAME}) listens there: end it, or wait until it has drained")
        }
        Some((id, name)) => format!("process {id} ({name}) listens there"),
        None => "is another Sluice still draining?".to_owned(),
    };
    anyhow::anyhow!("{error}; {hint}")
}

/// Returns the id and the name of a process that listens on the port. Only processes of the same user are found, unless
/// this one is privileged.
fn holder(address: SocketAddr) -> Option<(u32, String)> {
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let links: Vec<String> = tables
        .iter()
        .flat_map(|table| listening_inodes(table, address.port()))
        .map(|inode| format!("socket:[{inode}]"))
        .collect();
    if links.is_empty() {
        return None;
    }
    let holds = |process: &Path| {
        let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        let mut targets = descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
        targets.any(|target| links.iter().any(|link| target.as_os_str() == link.as_str()))
    };
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes
        .filter_map(|process| Some((process.file_name().to_str()?.parse::<u32>().ok()?, process.path())))
        .find(|(_, process)| holds(process))
        .map(|(id, process)| {
            let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
            (id, printable(name.trim_end()))
        })
}

/// Returns the inodes of the sockets that listen on the port. A line of the table (proc_pid_net(5)) is like
/// `0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 4711 ..`.
fn listening_inodes(table: &str, port: u16) -> impl Iterator<Item = &str> {
    let suffix = format!(":{port:04X}");
    table.lines().filter_map(move |line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_match = words.get(1)?.ends_with(&suffix) && *words.get(3)? == LISTENING;
        is_match.then(|| words.get(9).copied())?
    })
}
