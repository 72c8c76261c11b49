//! Why there is no answer.

use std::io::{self, ErrorKind};

/// There is no answer of an admin API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("can't reach {server}: {reason}")]
    Connect { server: String, reason: io::Error },
    #[error(
        "a token, or what may hold one, would go to {server} without TLS, beyond this machine; nothing was sent"
    )]
    TokenWithoutTls { server: String },
    /// It doesn't say what it is.
    #[error("{server} has not answered within {seconds} s; nothing was asked of it, and no token was sent")]
    RecognitionTimeout { server: String, seconds: u64 },
    /// The connection broke before it said what it is.
    #[error("the connection to {server} broke: {reason}; nothing was asked of it, and no token was sent")]
    RecognitionBroken { server: String, reason: hyper::Error },
    /// It is something else.
    #[error(
        "{server} is not an admin API of Sluice (its answer has status {status}); nothing was asked of it, and no \
         token was sent"
    )]
    NotAdminApi { server: String, status: u16 },
    #[error(
        "{server} speaks version {version:?} of the admin API, which this version of sluice does not; nothing was \
         asked of it, and no token was sent"
    )]
    OtherVersion { server: String, version: String },
    /// The next request would be on a connection of which it is not known where it leads.
    #[error(
        "{server} closes each connection after one answer, so that what is sent next could get elsewhere; nothing was \
         asked of it, and no token was sent"
    )]
    ConnectionNotKept { server: String },
    /// What was to be written is not what came.
    #[error("what {server} sent is not {expected}: {reason}; no file was written")]
    InvalidDownload {
        server: String,
        expected: &'static str,
        reason: String,
    },
    #[error(
        "{server} has not answered within {seconds} s; whether it did what it was asked is in the audit log"
    )]
    TimedOut { server: String, seconds: u64 },
    /// Before anything of an answer came.
    #[error(
        "the connection to {server} broke before it answered: {reason}; whether it did what it was asked is in the audit log"
    )]
    BrokenBeforeResponse { server: String, reason: hyper::Error },
    #[error(
        "the connection to {server} broke: {reason}; whether it did what it was asked is in the audit log"
    )]
    BrokenResponse { server: String, reason: hyper::Error },
    #[error("what answered (status {status}) is not the admin API of Sluice: is --server right?")]
    UnexpectedResponse { status: u16 },
    /// Nothing was to be changed.
    #[error(
        "the answer of {server} (status {status}) can't be understood: it lacks what every such answer has. is \
         --server right?"
    )]
    InvalidReadResponse { server: String, status: u16 },
    /// It says yes, and not what was done.
    #[error(
        "the answer of {server} (status {status}) can't be understood; it isn't known whether it did what it was \
         asked: the audit log says so. is --server right?"
    )]
    InvalidChangeResponse { server: String, status: u16 },
}

impl ClientError {
    /// What helps, where that can be told.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Connect { server, reason } => match (reason.kind(), tls(reason)) {
                (_, Some(rustls::Error::InvalidMessage(_))) => {
                    Some("no TLS is spoken there: write http:// in --server or SLUICE_SERVER")
                }
                (_, Some(rustls::Error::InvalidCertificate(_))) => Some(
                    "the certificate is for that name, and of an authority that --ca or SLUICE_CA names or the system \
                     trusts",
                ),
                (ErrorKind::PermissionDenied, _) if server.starts_with("unix:") => {
                    Some("only the user who runs `sluice run` there may open the socket: ask as that one")
                }
                (ErrorKind::NotFound | ErrorKind::ConnectionRefused, _) if server.starts_with("unix:") => {
                    Some(
                        "`sluice run` answers at the socket that `break_glass.socket` of its sluice.yaml names, on this \
                     machine",
                    )
                }
                (ErrorKind::ConnectionRefused, _) => Some(
                    "`sluice run` starts a server, at `admin.address` of its sluice.yaml; where another one is, say \
                     --server or SLUICE_SERVER",
                ),
                _ => None,
            },
            Self::TokenWithoutTls { .. } => Some(
                "write https:// in --server or SLUICE_SERVER (`admin.tls` gives the admin listener certificates), or \
                 ask on the server's machine, or through a tunnel that begins on this one",
            ),
            Self::NotAdminApi { .. } => Some(
                "the admin API is at `admin.address` of the server's sluice.yaml, not where applications are served: \
                 say --server or SLUICE_SERVER",
            ),
            Self::OtherVersion { .. } => Some("use a sluice of the server's version"),
            Self::ConnectionNotKept { .. } => {
                Some("have the proxy between keep its connections open (HTTP/1.1)")
            }
            Self::RecognitionBroken { reason, .. }
            | Self::BrokenBeforeResponse { reason, .. }
            | Self::BrokenResponse { reason, .. }
                if reason.is_parse() =>
            {
                Some(
                    "what answers there speaks no HTTP: if it speaks TLS, write https:// in --server or SLUICE_SERVER",
                )
            }
            _ => None,
        }
    }
}

/// What TLS says of it.
fn tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
