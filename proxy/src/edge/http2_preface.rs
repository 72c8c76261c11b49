//! The HTTP/2 connection preface.

use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout, timeout_at};

use super::closing::close;
use super::socket::BufferedSocket;

/// The beginning of the client's connection preface (RFC 9113 section 3.4). A SETTINGS frame follows.
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Length of the part of the preface after which a client can only speak HTTP/2: no HTTP/1 version begins so.
const ANNOUNCEMENT: usize = b"PRI * HTTP/2".len();
/// Length of the header of a frame (RFC 9113 section 4.1).
const FRAME_HEADER: usize = 9;
/// The type of SETTINGS, and its flag of an acknowledgement (RFC 9113 section 6.5).
const SETTINGS: u8 = 4;
const ACK: u8 = 1;
/// The server's connection preface, an empty SETTINGS frame, which comes before any other frame, and GOAWAY: no stream
/// was processed, PROTOCOL_ERROR (RFC 9113 sections 3.4, 6.5 and 6.8).
const REFUSAL: &[u8] = b"\0\0\0\x04\0\0\0\0\0\0\0\x08\x07\0\0\0\0\0\0\0\0\0\0\0\0\x01";

/// The first bytes of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FirstBytes {
    /// The preface.
    Preface,
    /// A preface that is wrong, or incomplete at the deadline.
    InvalidPreface,
    /// Other bytes, or too few to tell.
    Other,
}

/// Reads the first bytes, only as far as needed to recognise the preface.
pub(super) async fn read(socket: &mut BufferedSocket, deadline: Instant) -> FirstBytes {
    loop {
        let recognised = recognise(&socket.buffer);
        if let Some(recognised) = recognised {
            return recognised;
        }
        if !matches!(timeout_at(deadline, socket.fill_buffer()).await, Ok(Ok(1..))) {
            return match socket.buffer.len() >= ANNOUNCEMENT {
                true => FirstBytes::InvalidPreface,
                false => FirstBytes::Other,
            };
        }
    }
}

/// Recognises the first bytes of a connection; none if more are needed.
fn recognise(bytes: &[u8]) -> Option<FirstBytes> {
    let alike = bytes.iter().zip(PREFACE).take_while(|(one, other)| one == other);
    let alike = alike.count();
    if alike < bytes.len().min(PREFACE.len()) {
        return Some(match alike >= ANNOUNCEMENT {
            true => FirstBytes::InvalidPreface,
            false => FirstBytes::Other,
        });
    }
    // The preface ends with a SETTINGS frame that is no acknowledgement. The HTTP/2 layer does not require it.
    match bytes.get(PREFACE.len()..PREFACE.len() + FRAME_HEADER)? {
        [_, _, _, SETTINGS, flags, 0, 0, 0, 0] if flags & ACK == 0 => Some(FirstBytes::Preface),
        _ => Some(FirstBytes::InvalidPreface),
    }
}

/// Ends a connection whose client speaks HTTP/2 without a valid preface, with GOAWAY.
pub(super) async fn refuse(mut socket: BufferedSocket, write_timeout: Duration) {
    let write = async {
        socket.write_all(REFUSAL).await?;
        socket.flush().await
    };
    if let Ok(Ok(())) = timeout(write_timeout, write).await {
        close(&mut socket, false).await;
    }
}
