//! The body of a message as it arrives.

use std::io;

use wire::InvalidBody;

/// The next thing that has arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyReady {
    /// Data.
    Data,
    /// The end of the body, with its trailers.
    End,
}

/// A reason why a body does not arrive completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BodyFault {
    /// The framing is invalid.
    Invalid(InvalidBody),
    /// The connection or stream was lost.
    Lost,
}

impl From<io::Error> for BodyFault {
    fn from(_: io::Error) -> Self {
        Self::Lost
    }
}
