//! Errors of the client: reasons why there is no valid answer.

use std::io::{self, ErrorKind};

/// Reason why there is no valid answer of an admin API.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClientError {
    #[error("can't reach {server}: {reason}")]
    Connect { server: String, reason: io::Error },
    #[error(
        "a token, or a request that may contain one, would leave this machine without TLS, to {server}; nothing was sent"
    )]
    TokenWithoutTls { server: String },
    /// The server did not answer the request for its identity.
    #[error("{server} did not answer within {seconds} s; no request and no token was sent")]
    RecognitionTimeout { server: String, seconds: u64 },
    /// The connection broke before the server identified itself.
    #[error("the connection to {server} broke: {reason}; no request and no token was sent")]
    RecognitionBroken { server: String, reason: hyper::Error },
    /// The server is something else.
    #[error(
        "{server} is not an admin API of Sluice (its answer has status {status}); no request and no token was sent"
    )]
    NotAdminApi { server: String, status: u16 },
    #[error(
        "{server} has version {version:?} of the admin API, which this version of sluice does not support; no request and \
         no token was sent"
    )]
    OtherVersion { server: String, version: String },
    /// The next request would need another connection, which could lead to another server.
    #[error(
        "{server} closes each connection after one answer, so the next request could reach another server; no request \
         and no token was sent"
    )]
    ConnectionNotKept { server: String },
    /// The body is not the file that was requested.
    #[error("the answer of {server} is not {expected}: {reason}; no file was written")]
    InvalidDownload {
        server: String,
        expected: &'static str,
        reason: String,
    },
    #[error("{server} did not answer within {seconds} s; the audit log shows whether a change was made")]
    TimedOut { server: String, seconds: u64 },
    /// The connection broke before any part of an answer arrived.
    #[error(
        "the connection to {server} broke before an answer arrived: {reason}; the audit log shows whether a change was made"
    )]
    BrokenBeforeResponse { server: String, reason: hyper::Error },
    #[error("the connection to {server} broke: {reason}; the audit log shows whether a change was made")]
    BrokenResponse { server: String, reason: hyper::Error },
    #[error("the answer (status {status}) is not from the admin API of Sluice: check --server")]
    UnexpectedResponse { status: u16 },
    /// The answer to a read or to a dry run lacks required members.
    #[error(
        "the answer of {server} (status {status}) is invalid: it lacks members that every such answer has; check --server"
    )]
    InvalidReadResponse { server: String, status: u16 },
    /// The answer to a change is successful, and lacks required members.
    #[error(
        "the answer of {server} (status {status}) is invalid, so it is unknown whether the change was made: see the \
         audit log; check --server"
    )]
    InvalidChangeResponse { server: String, status: u16 },
}

impl ClientError {
    /// Returns the hint for this error, if there is one.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Connect { server, reason } => match (reason.kind(), tls(reason)) {
                (_, Some(rustls::Error::InvalidMessage(_))) => {
                    Some("the server does not use TLS: write http:// in --server or SLUICE_SERVER")
                }
                (_, Some(rustls::Error::InvalidCertificate(_))) => Some(
                    "the certificate must be for that name, and from an authority in --ca or SLUICE_CA, or one that the \
                     system trusts",
                ),
                (ErrorKind::PermissionDenied, _) if server.starts_with("unix:") => Some(
                    "only the user who runs `sluice run` may open the socket: run this command as that user",
                ),
                (ErrorKind::NotFound | ErrorKind::ConnectionRefused, _) if server.starts_with("unix:") => {
                    Some(
                        "`sluice run` listens on the socket that `break_glass.socket` in its sluice.yaml names, on this \
                     machine",
                    )
                }
                (ErrorKind::ConnectionRefused, _) => Some(
                    "`sluice run` starts a server, at `admin.address` in its sluice.yaml; for a server at another address \
                     use --server or SLUICE_SERVER",
                ),
                _ => None,
            },
            Self::TokenWithoutTls { .. } => Some(
                "write https:// in --server or SLUICE_SERVER (`admin.tls` sets the certificate of the admin listener), or \
                 run this command on the server's machine, or use a tunnel that starts on this machine",
            ),
            Self::NotAdminApi { .. } => Some(
                "the admin API is at `admin.address` in the server's sluice.yaml, not at a listener for applications: set \
                 --server or SLUICE_SERVER",
            ),
            Self::OtherVersion { .. } => Some("use the sluice of the server's version"),
            Self::ConnectionNotKept { .. } => {
                Some("configure the proxy in between to keep connections open (HTTP/1.1)")
            }
            Self::RecognitionBroken { reason, .. }
            | Self::BrokenBeforeResponse { reason, .. }
            | Self::BrokenResponse { reason, .. }
                if reason.is_parse() =>
            {
                Some(
                    "the server does not speak HTTP: if it uses TLS, write https:// in --server or SLUICE_SERVER",
                )
            }
            _ => None,
        }
    }
}

/// Returns the TLS error inside an I/O error.
fn tls(error: &io::Error) -> Option<&rustls::Error> {
    error.get_ref()?.downcast_ref()
}
