//! Why an upstream did not answer, told apart as operators need it.

use pingora::{Error, ErrorType};

use crate::answer::AnswerCode;

/// Why there is no answer, or no whole one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: refused, no route, no such address.
    Unreachable,
    /// No connection in time.
    ConnectTimeout,
    /// A connection, and no agreement on TLS.
    Tls,
    /// Nothing in time, on a connection.
    Timeout,
    /// The connection was lost.
    Broken,
    /// What came was not HTTP.
    Invalid,
}

impl Failure {
    /// What an error on the upstream's side means.
    pub(crate) fn of(error: &Error) -> Self {
        use ErrorType::{
            ConnectError, ConnectNoRoute, ConnectRefused, ConnectTimedout, H1Error, H2Downgrade, H2Error,
            HandshakeError, InvalidCert, InvalidH2, InvalidHTTPHeader, ReadTimedout, SocketError,
            TLSHandshakeFailure, TLSHandshakeTimedout, TLSWantX509Lookup, WriteTimedout,
        };
        match error.etype() {
            ConnectError | ConnectNoRoute | ConnectRefused | SocketError => Self::Unreachable,
            ConnectTimedout | TLSHandshakeTimedout => Self::ConnectTimeout,
            TLSHandshakeFailure | TLSWantX509Lookup | InvalidCert | HandshakeError => Self::Tls,
            ReadTimedout | WriteTimedout => Self::Timeout,
            InvalidHTTPHeader | H1Error | H2Error | H2Downgrade | InvalidH2 => Self::Invalid,
            // The library's own types, of which it tells the names alone.
            ErrorType::Custom("InvalidChunk" | "InvalidTrailerEnd") => Self::Invalid,
            ErrorType::Custom("PingTimedout") => Self::Timeout,
            _ => Self::Broken,
        }
    }

    /// What a client is told.
    pub(crate) fn code(self) -> AnswerCode {
        match self {
            Self::Unreachable => AnswerCode::UNREACHABLE,
            Self::ConnectTimeout => AnswerCode::CONNECT_TIMEOUT,
            Self::Tls => AnswerCode::UPSTREAM_TLS,
            Self::Timeout => AnswerCode::TIMEOUT,
            Self::Broken => AnswerCode::UPSTREAM,
            Self::Invalid => AnswerCode::UPSTREAM_INVALID,
        }
    }

    /// Whether nothing was sent.
    pub(crate) fn is_connect(self) -> bool {
        matches!(self, Self::Unreachable | Self::ConnectTimeout | Self::Tls)
    }
}
