//! Closing a connection so that the last bytes reach the client.

use std::time::Duration;

use tokio::time::timeout;

use super::socket::BufferedSocket;

/// Maximum of bytes that are read and discarded before a connection is closed. Closing with unread bytes sends a reset,
/// which can discard the response before the client reads it.
const MAX_LINGERED_BYTES: usize = 1024 * 1024;
/// Time for reading on.
const LINGER_TIMEOUT: Duration = Duration::from_secs(1);

/// Closes a connection. If the client may still be sending, its bytes are read first.
pub(super) async fn close(socket: &mut BufferedSocket, is_clean: bool) {
    socket.inner_mut().shutdown().await;
    if is_clean {
        return;
    }
    let read = async {
        let mut left = MAX_LINGERED_BYTES;
        while left > 0 {
            socket.buffer.clear();
            match socket.fill_buffer().await {
                Ok(read @ 1..) => left = left.saturating_sub(read),
                _ => return,
            }
        }
    };
    // The connection is closed in any case.
    let _ = timeout(LINGER_TIMEOUT, read).await;
}
