//! The kinds of upstream failures.

use std::borrow::Cow;

use pingora::{Error, ErrorType};

use crate::answer::AnswerCode;

/// Maximum length of a cause in the log, in characters.
const MAX_CAUSE: usize = 300;

/// A failure of an upstream, and its cause for operators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UpstreamError {
    pub(crate) failure: Failure,
    /// Contains nothing of the request or the response.
    pub(crate) cause: Cow<'static, str>,
    pub(crate) fate: RequestFate,
    /// True if the failure says something about the endpoint, which may be ejected for it.
    pub(crate) blames_endpoint: bool,
}

/// The fate of a request after a failure of its upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFate {
    /// The upstream may have acted on it.
    Unknown,
    /// Its connection was lost. If that was kept from an earlier request, the upstream has probably closed it before the
    /// request arrived.
    ConnectionLost,
    /// The upstream has certainly not acted on it.
    Unprocessed,
    /// It was not sent.
    Unsent,
}

impl UpstreamError {
    /// Creates the error of an exchange.
    pub(crate) fn new(failure: Failure, cause: &'static str) -> Self {
        Self {
            failure,
            cause: cause.into(),
            fate: match failure {
                Failure::Broken => RequestFate::ConnectionLost,
                _ => RequestFate::Unknown,
            },
            blames_endpoint: true,
        }
    }

    /// Creates the error of a failed connect, with the library's text.
    pub(crate) fn of_connect(error: &Error) -> Self {
        let cause = error.to_string();
        let cause: String = cause.trim().chars().take(MAX_CAUSE).collect();
        Self {
            failure: Failure::of_connect(error),
            cause: cause.into(),
            fate: RequestFate::Unsent,
            blames_endpoint: true,
        }
    }
}

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
    /// Classifies a failed connect.
    fn of_connect(error: &Error) -> Self {
        use ErrorType::{
            ConnectTimedout, HandshakeError, InvalidCert, ReadTimedout, TLSHandshakeFailure,
            TLSHandshakeTimedout, TLSWantX509Lookup,
        };
        match error.etype() {
            ConnectTimedout | TLSHandshakeTimedout | ReadTimedout => Self::ConnectTimeout,
            TLSHandshakeFailure | TLSWantX509Lookup | InvalidCert | HandshakeError => Self::Tls,
            _ => Self::Unreachable,
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
}
