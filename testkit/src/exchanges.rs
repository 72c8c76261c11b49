//! Requests that are sent one after the other, byte for byte, over connections that are opened as needed.

use std::io::{self, BufReader, Write};
use std::net::{SocketAddr, TcpStream};

use crate::PATIENCE;
use crate::message::MessageHead;

/// A client that keeps its connection where the server does, and opens another where it doesn't.
#[derive(Debug)]
pub struct Exchanges {
    address: SocketAddr,
    connection: Option<BufReader<TcpStream>>,
}

impl Exchanges {
    /// Creates a client of the server at `address`.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self {
            address,
            connection: None,
        }
    }

    /// Sends `bytes`, a request of this method, and returns head and body of the answer.
    ///
    /// # Errors
    /// The server closed the connection without an answer, also a new one.
    pub fn ask(&mut self, method: &str, bytes: &[u8]) -> io::Result<(MessageHead, Vec<u8>)> {
        if let Some(kept) = self.connection.take()
            && let Ok(answer) = self.exchange(kept, method, bytes)
        {
            return Ok(answer);
        }
        let stream = TcpStream::connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        self.exchange(BufReader::new(stream), method, bytes)
    }

    fn exchange(
        &mut self,
        mut connection: BufReader<TcpStream>,
        method: &str,
        bytes: &[u8],
    ) -> io::Result<(MessageHead, Vec<u8>)> {
        connection.get_mut().write_all(bytes)?;
        let head = MessageHead::read(&mut connection)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let status = head.status().ok_or(io::ErrorKind::InvalidData)?;
        let without_body = method == "HEAD" || matches!(status, 100..=199 | 204 | 304);
        let body = if without_body {
            Vec::new()
        } else {
            head.read_body(&mut connection, true)?
        };
        let is_framed = head.header("content-length").is_some() || head.header("transfer-encoding").is_some();
        let closes = head
            .header("connection")
            .is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if !closes && (is_framed || without_body) {
            self.connection = Some(connection);
        }
        Ok((head, body))
    }
}
