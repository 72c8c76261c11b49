//! The reasons why an export fails.

use redact::error_chain;

/// The reason why an export failed. No text of the collector is kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ExportFailure {
    /// The connection failed or broke.
    #[error("connection failed: {detail}")]
    Unreachable {
        /// The chain of causes.
        detail: String,
    },
    /// No response in time.
    #[error("no response in time")]
    TimedOut,
    /// A status other than 2xx.
    #[error("unexpected status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// A gRPC status other than OK.
    #[error("gRPC status {code:?}")]
    Grpc {
        /// The code.
        code: tonic::Code,
    },
    /// A request that can't be made.
    #[error("invalid request: {detail}")]
    Invalid {
        /// The reason.
        detail: String,
    },
}

impl ExportFailure {
    /// Returns true if the same batch may succeed a moment later (OTLP specification, "Retryable Response Codes").
    pub(crate) fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Status { status } => matches!(status, 429 | 502 | 503 | 504),
            Self::Grpc { code } => matches!(
                code,
                tonic::Code::Unavailable
                    | tonic::Code::Aborted
                    | tonic::Code::OutOfRange
                    | tonic::Code::DataLoss
                    | tonic::Code::ResourceExhausted
            ),
            Self::TimedOut | Self::Invalid { .. } => false,
        }
    }
}

impl From<reqwest::Error> for ExportFailure {
    fn from(error: reqwest::Error) -> Self {
        if error.is_builder() {
            let detail = error_chain(&error.without_url());
            return Self::Invalid { detail };
        }
        let detail = error_chain(&error.without_url());
        Self::Unreachable { detail }
    }
}

impl From<tonic::Status> for ExportFailure {
    fn from(status: tonic::Status) -> Self {
        Self::Grpc { code: status.code() }
    }
}
