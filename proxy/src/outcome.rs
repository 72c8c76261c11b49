//! How a request ended: the closed set of outcomes that metrics and the access log count by.

use std::fmt;

/// How a request ended. Each request has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RequestOutcome {
    /// Sent to the route's upstream.
    Forwarded,
    /// The gate is closed, and another upstream answered instead.
    Fallback,
    /// The gate is closed, and the request was refused as the route says.
    Rejected,
    /// The gate is closed, and the client was sent elsewhere.
    Redirected,
    /// No token, or one that is refused.
    Unauthenticated,
    /// A good token without a tenant, or of one that is not let in.
    Forbidden,
    /// Its tenant or client asked too often, or there is no room for another request.
    Limited,
    /// No route matches, and such requests are refused.
    Unmatched,
    /// The gate is closed, but only watches: the request was sent to the route's upstream.
    Shadowed,
    /// The gate could not be decided, and the route is closed then.
    Undecided,
    /// The request itself is refused: its head, its target or the size of its body.
    BadRequest,
    /// The upstream gave no answer, or broke one off.
    UpstreamError,
    /// The client went away or broke the connection.
    ClientError,
    /// Ended to make room, because the process ran short.
    Shed,
    /// A defect of ours took the request.
    Panicked,
}

impl RequestOutcome {
    /// Every outcome, in the order of their declaration.
    pub const ALL: [Self; 15] = [
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
        Self::Panicked,
    ];

    /// In logs and metrics, snake_case.
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
            Self::Panicked => "panicked",
        }
    }
}

impl fmt::Display for RequestOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
