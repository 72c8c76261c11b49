//! The preface that a connection of HTTP/2 begins with.

use tokio::time::{Instant, timeout_at};

use super::buffered_socket::BufferedSocket;

/// How a connection begins (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether the connection begins as HTTP/2 does. It is read no further than that needs.
pub(super) async fn has_preface(socket: &mut BufferedSocket, deadline: Instant) -> bool {
    loop {
        let length = socket.buffer.len().min(PREFACE.len());
        if socket.buffer.get(..length) != PREFACE.get(..length) {
            return false;
        }
        if length == PREFACE.len() {
            return true;
        }
        match timeout_at(deadline, socket.fill_buffer()).await {
            Ok(Ok(1..)) => {}
            _ => return false,
        }
    }
}
