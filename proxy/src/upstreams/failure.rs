//! The kinds of upstream failures.

use pingora::{Error, ErrorType};

use crate::answer::AnswerCode;

/// A failure of an upstream to respond completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    /// No connection: refused, no route, or no such address.
    Unreachable,
    /// No connection within the timeout.
    ConnectTimeout,
    /// The TLS handshake failed.
    Tls,
    /// No data within the timeout on an open connection.
    Timeout,
    /// The connection was lost.
    Broken,
    /// The response is not valid HTTP.
    Invalid,
}

impl Failure {
    /// Classifies an error on the upstream's side.
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
            // pingora's custom types are known by name only.
            ErrorType::Custom("InvalidChunk" | "InvalidTrailerEnd") => Self::Invalid,
            ErrorType::Custom("PingTimedout") => Self::Timeout,
            _ => Self::Broken,
        }
    }

    /// Returns the code of the client's answer.
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

    /// Returns true if the connect failed, so that nothing was sent.
    pub(crate) fn is_connect(self) -> bool {
        matches!(self, Self::Unreachable | Self::ConnectTimeout | Self::Tls)
    }
}
