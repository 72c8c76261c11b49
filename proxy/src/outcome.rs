//! The outcomes of requests, a closed set that metrics and the access log use.

use std::fmt;

/// The outcome of a request. Each request has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// Forwarded to the route's upstream.
    Forwarded,
    /// The gate is closed, and the fallback upstream responded.
    Fallback,
    /// The gate is closed, and the request was refused.
    Rejected,
    /// The gate is closed, and the client was redirected.
    Redirected,
    /// The token is missing or refused.
    Unauthenticated,
    /// The token is valid, and its tenant is missing or refused.
    Forbidden,
    /// A rate limit is exceeded, or the process is at its capacity.
    Limited,
    /// No route matches.
    Unmatched,
    /// The gate is closed but only observes, and the request was forwarded.
    Shadowed,
    /// The gate could not be decided, and the route fails closed.
    Undecided,
    /// The request is refused for its head, target or body size.
    BadRequest,
    /// The upstream did not respond, or broke its response off.
    UpstreamError,
    /// The client closed or broke the connection.
    ClientError,
    /// Ended by the shedder.
    Shed,
    /// Ended by the shutdown.
    Aborted,
    /// A panic in the proxy failed the request.
    Panicked,
}

impl RequestOutcome {
    /// All outcomes, in declaration order.
    pub const ALL: [Self; 16] = [
        Self::Forwarded,
        Self::Fallback,
        Self::Rejected,
        Self::Redirected,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::Limited,
        Self::Unmatched,
        Self::Shadowed,
        Self::Undecided,
        Self::BadRequest,
        Self::UpstreamError,
        Self::ClientError,
        Self::Shed,
        Self::Aborted,
        Self::Panicked,
    ];

    /// Returns the name in logs and metrics, in snake case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forwarded => "forwarded",
            Self::Fallback => "fallback",
            Self::Rejected => "rejected",
            Self::Redirected => "redirected",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::Limited => "limited",
            Self::Unmatched => "unmatched",
            Self::Shadowed => "shadowed",
            Self::Undecided => "undecided",
            Self::BadRequest => "bad_request",
            Self::UpstreamError => "upstream_error",
            Self::ClientError => "client_error",
            Self::Shed => "shed",
            Self::Aborted => "aborted",
            Self::Panicked => "panicked",
        }
    }
}

impl fmt::Display for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
