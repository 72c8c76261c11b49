//! The PROXY header at the beginning of a connection, read under the deadline of the first head.

use std::net::SocketAddr;

use ::wire::read_proxy_header;
use bytes::Buf as _;
use tokio::time::{Instant, timeout_at};

use super::Refused;
use super::line::Line;

/// For whom the trusted proxy connects; none where it connects for itself. What follows its header stays.
pub(super) async fn client(line: &mut Line, deadline: Instant) -> Result<Option<SocketAddr>, Refused> {
    loop {
        match read_proxy_header(&line.ahead).map_err(|_| Refused::ProxyHeader)? {
            Some(header) => {
                line.ahead.advance(header.length);
                return Ok(header.source);
            }
            None => match timeout_at(deadline, line.read_ahead()).await {
                Ok(Ok(1..)) => {}
                _ => return Err(Refused::ProxyHeader),
            },
        }
    }
}
