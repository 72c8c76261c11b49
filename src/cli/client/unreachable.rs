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
    /// Before anything of an answer came.
    #[error(
        "the connection to {server} broke before it answered: {reason}; whether it did what it was asked is in the audit log"
    )]
    Unanswered { server: String, reason: hyper::Error },
    #[error(
        "the connection to {server} broke: {reason}; whether it did what it was asked is in the audit log"
    )]
    Broken { server: String, reason: hyper::Error },
    #[error("what answered (status {status}) is not the admin API of Sluice: is --server right?")]
    NotTheApi { status: u16 },
    /// It says yes, and not what was done.
    #[error(
        "the answer of {server} (status {status}) can't be understood; it isn't known whether it did what it was \
         asked: the audit log says so. is --server right?"
    )]
    NotUnderstood { server: String, status: u16 },
}
