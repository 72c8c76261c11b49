//! The memory of an exchange, which the next one of the connection reuses.

use ::wire::ResponseHead;

use super::alarm::Alarm;
use super::out_buffer::OutBuffer;

/// The memory of an exchange, which the next one of the connection reuses.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) to_client: OutBuffer,
    pub(crate) to_upstream: OutBuffer,
    pub(crate) response: ResponseHead,
    pub(crate) alarm: Alarm,
}

impl Buffers {
    /// Frees memory that a large message took.
    pub(crate) fn shrink(&mut self) {
        self.to_client.shrink();
        self.to_upstream.shrink();
        self.response.fields.shrink();
    }
}
