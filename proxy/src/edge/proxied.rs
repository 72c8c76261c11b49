//! The PROXY header at the start of a connection, read under the deadline of the first head.

use ::wire::{ProxySource, read_proxy_header};
use bytes::Buf as _;
use pingora::protocols::Stream;
use tokio::time::{Instant, timeout_at};

use super::ConnectionRefusal;
use super::buffered::Buffered;

/// Reads the PROXY header. Returns the sender that it states. Bytes after the header stay in the buffer.
pub(super) async fn source(
    stream: &mut Buffered<Stream>,
    deadline: Instant,
) -> Result<ProxySource, ConnectionRefusal> {
    loop {
        match read_proxy_header(&stream.buffer).map_err(|_| ConnectionRefusal::ProxyHeader)? {
            Some(header) => {
                stream.buffer.advance(header.length);
                return Ok(header.source);
            }
            None => match timeout_at(deadline, stream.fill_buffer()).await {
                Ok(Ok(1..)) => {}
                _ => return Err(ConnectionRefusal::ProxyHeader),
            },
        }
    }
}
