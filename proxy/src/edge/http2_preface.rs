//! The HTTP/2 connection preface.

use tokio::time::{Instant, timeout_at};

use super::socket::BufferedSocket;

/// The client's connection preface (RFC 9113 section 3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Returns true if the connection begins with the preface. Reads only as far as that needs.
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
