//! The failures of an exchange.

use ::wire::InvalidBody;

use crate::engine::body::BodyFault;
use crate::engine::client::ClientGone;
use crate::upstreams::UpstreamError;

/// The failure of an exchange.
#[derive(Debug)]
pub(crate) enum ExchangeError {
    Client(ClientFailure),
    Upstream(UpstreamError),
}

/// The failure of a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ClientFailure {
    /// It is gone, or takes nothing.
    Gone,
    /// The framing of its body is invalid.
    InvalidBody(InvalidBody),
    /// Its body did not arrive in time.
    LateBody,
    /// Its body exceeds the limit.
    LargeBody,
}

impl From<ClientGone> for ExchangeError {
    fn from(ClientGone: ClientGone) -> Self {
        Self::Client(ClientFailure::Gone)
    }
}

impl From<BodyFault> for ClientFailure {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::Invalid(why) => Self::InvalidBody(why),
            BodyFault::Lost => Self::Gone,
        }
    }
}
