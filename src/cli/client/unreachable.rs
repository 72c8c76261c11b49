//! Why there is no answer.

use std::io;

/// There is no answer of an admin API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unreachable {
    #[error("can't reach {server}: {reason}")]
    NoConnection { server: String, reason: io::Error },
    #[error(
        "{server} has not answered within {seconds} s; whether it did what it was asked is in the audit log"
    )]
    TimedOut { server: String, seconds: u64 },
    #[error(
        "the connection to {server} broke: {reason}; whether it did what it was asked is in the audit log"
    )]
    Broken { server: String, reason: hyper::Error },
    #[error("what answered (status {status}) is not the admin API of Sluice: is --server right?")]
    NotTheApi { status: u16 },
}
