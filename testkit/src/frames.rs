//! HTTP/2 as frames (RFC 9113 section 4), for what no decent client sends. Header blocks are written and
//! statuses are read without the libraries that the proxy uses.

use std::io::{self, Read, Write};
use std::net::{IpAddr, SocketAddr};

use crate::certificates::TlsClient;
use crate::pipe::Pipe;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// No table of headers, so that every header block is read by itself.
const SETTINGS: [u8; 6] = [0, 1, 0, 0, 0, 0];

/// Kinds of frames.
pub mod kind {
    #![allow(missing_docs, reason = "the names are those of RFC 9113 section 6")]
    pub const DATA: u8 = 0;
    pub const HEADERS: u8 = 1;
    pub const RST_STREAM: u8 = 3;
    pub const SETTINGS: u8 = 4;
    pub const PING: u8 = 6;
    pub const GOAWAY: u8 = 7;
    pub const WINDOW_UPDATE: u8 = 8;
    pub const CONTINUATION: u8 = 9;
}

/// Set on the last frame of a stream; on SETTINGS and PING: an acknowledgement.
pub const END_STREAM: u8 = 1;
/// Set on the last frame of a header block.
pub const END_HEADERS: u8 = 4;

/// One frame.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Its kind.
    pub kind: u8,
    /// Its flags.
    pub flags: u8,
    /// Its stream; 0 for the connection.
    pub stream: u32,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// The end of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamEnd {
    /// It was answered with this status.
    Status(u16),
    /// It was reset with this code.
    Reset(u32),
    /// The whole connection was given up with this code.
    GoneAway(u32),
    /// The connection was closed without a word.
    Closed,
}

/// A connection to a proxy, frame by frame.
#[derive(Debug)]
pub struct Frames {
    pipe: Pipe,
}

impl Frames {
    /// Connects without TLS, and sends the preface.
    #[must_use]
    pub fn connect(address: SocketAddr) -> Self {
        Self::begin(Pipe::plain(address).expect("the proxy listens"))
    }

    /// Connects from another local address, as another client, and sends the preface.
    ///
    /// # Errors
    /// The proxy accepts no more connections.
    pub fn try_connect_from(address: SocketAddr, source: IpAddr) -> io::Result<Self> {
        let mut pipe = Pipe::plain_from(address, source)?;
        pipe.write_all(PREFACE)?;
        let mut frames = Self { pipe };
        frames.try_send(kind::SETTINGS, 0, 0, &SETTINGS)?;
        Ok(frames)
    }

    /// Connects over TLS, and sends the preface.
    #[must_use]
    pub fn connect_tls(address: SocketAddr, tls: &TlsClient) -> Self {
        Self::begin(Pipe::tls(address, tls).expect("a handshake"))
    }

    fn begin(mut pipe: Pipe) -> Self {
        pipe.write_all(PREFACE).expect("the proxy reads");
        let mut frames = Self { pipe };
        frames.send(kind::SETTINGS, 0, 0, &SETTINGS);
        frames
    }

    /// Sends a frame.
    pub fn send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> &mut Self {
        self.try_send(kind, flags, stream, payload)
            .expect("the proxy reads");
        self
    }

    /// Sends a frame if the proxy still reads.
    pub fn try_send(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> io::Result<()> {
        self.pipe.write_all(&frame(kind, flags, stream, payload))?;
        self.pipe.flush()
    }

    /// Sends these bytes if the proxy still reads: many frames at once, or none.
    pub fn try_send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.pipe.write_all(bytes)?;
        self.pipe.flush()
    }

    /// Sends a whole header block; `end` ends the stream.
    pub fn headers(&mut self, stream: u32, headers: &[(&str, &str)], end: bool) -> &mut Self {
        let flags = END_HEADERS | if end { END_STREAM } else { 0 };
        self.send(kind::HEADERS, flags, stream, &block(headers))
    }

    /// Sends data; `end` ends the stream.
    pub fn data(&mut self, stream: u32, bytes: &[u8], end: bool) -> &mut Self {
        self.send(kind::DATA, if end { END_STREAM } else { 0 }, stream, bytes)
    }

    /// Gives a stream up.
    pub fn reset(&mut self, stream: u32, code: u32) -> &mut Self {
        self.send(kind::RST_STREAM, 0, stream, &code.to_be_bytes())
    }

    /// Reads the next frame; `None` if the connection is closed. Acknowledges SETTINGS and PING.
    pub fn read(&mut self) -> Option<Frame> {
        let mut head = [0; 9];
        self.pipe.read_exact(&mut head).ok()?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        self.pipe.read_exact(&mut payload).ok()?;
        let frame = Frame {
            kind: head[3],
            flags: head[4],
            stream: u32::from_be_bytes([head[5], head[6], head[7], head[8]]) & (u32::MAX >> 1),
            payload,
        };
        if frame.flags & END_STREAM == 0 {
            match frame.kind {
                kind::SETTINGS => drop(self.try_send(kind::SETTINGS, END_STREAM, 0, &[])),
                kind::PING => drop(self.try_send(kind::PING, END_STREAM, 0, &frame.payload)),
                _ => {}
            }
        }
        Some(frame)
    }

    /// Reads until the stream ends.
    pub fn end_of(&mut self, stream: u32) -> StreamEnd {
        loop {
            let Some(frame) = self.read() else {
                return StreamEnd::Closed;
            };
            let code = |at: usize| u32::from_be_bytes(frame.payload[at..at + 4].try_into().unwrap());
            match frame.kind {
                kind::HEADERS if frame.stream == stream => return StreamEnd::Status(status(&frame.payload)),
                kind::RST_STREAM if frame.stream == stream => return StreamEnd::Reset(code(0)),
                // A GOAWAY without an error only announces that no new streams are accepted.
                kind::GOAWAY if code(4) != 0 => return StreamEnd::GoneAway(code(4)),
                _ => {}
            }
        }
    }

    /// Returns true if the proxy closes the connection, after any frames.
    pub fn is_closed(&mut self) -> bool {
        while self.read().is_some() {}
        let mut byte = [0];
        match self.pipe.read(&mut byte) {
            Ok(read) => read == 0,
            Err(error) => error.kind() != io::ErrorKind::WouldBlock,
        }
    }
}

/// Returns the bytes of a frame on the wire.
#[must_use]
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let mut bytes = vec![length[1], length[2], length[3], kind, flags];
    bytes.extend(stream.to_be_bytes());
    bytes.extend(payload);
    bytes
}

/// Encodes a header block of literals (RFC 7541 section 6.2.2), not compressed.
#[must_use]
pub fn block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend(text.as_bytes());
        }
    }
    block
}

/// Encodes an integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn integer(block: &mut Vec<u8>, number: usize) {
    const MOST: usize = 127;
    if number < MOST {
        block.push(u8::try_from(number).unwrap());
        return;
    }
    block.push(127);
    let mut rest = number - MOST;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap() | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap());
}

/// Decodes the status at the beginning of a header block.
fn status(block: &[u8]) -> u16 {
    const INDEXED: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    // A dynamic table size update may come first.
    let start = block.iter().position(|byte| byte & 0xe0 != 0x20).unwrap();
    let block = &block[start..];
    if block[0] & 0x80 != 0 {
        return INDEXED[usize::from(block[0] & 0x7f) - 8];
    }
    assert!(
        matches!(block[0], 0x08 | 0x18 | 0x48),
        "no status first: {block:x?}"
    );
    let length = usize::from(block[1] & 0x7f);
    let value = &block[2..2 + length];
    if block[1] & 0x80 == 0 {
        return std::str::from_utf8(value).unwrap().parse().unwrap();
    }
    digits(value)
}

/// Decodes three digits of the Huffman code (RFC 7541 appendix B): 0 to 2 have five bits, the others six.
fn digits(bytes: &[u8]) -> u16 {
    let bits: Vec<bool> = bytes
        .iter()
        .flat_map(|byte| (0..8).rev().map(move |bit| byte >> bit & 1 == 1))
        .collect();
    let number = |bits: &[bool]| {
        bits.iter()
            .fold(0_u16, |number, &bit| number * 2 + u16::from(bit))
    };
    let (mut at, mut status) = (0, 0);
    for _ in 0..3 {
        let five = number(&bits[at..at + 5]);
        let (digit, length) = if five <= 2 {
            (five, 5)
        } else {
            (number(&bits[at..at + 6]) - 0x19 + 3, 6)
        };
        status = status * 10 + digit;
        at += length;
    }
    status
}

#[cfg(test)]
mod tests {
    use super::{block, status};

    #[test]
    fn statuses_are_read_in_every_form() {
        assert_eq!(status(&[0x88]), 200);
        assert_eq!(status(&[0x20, 0x8d]), 404);
        assert_eq!(status(&[0x08, 3, b'4', b'2', b'9']), 429);
        // RFC 7541 C.6.1: 302, and C.6.2: 307.
        assert_eq!(status(&[0x48, 0x82, 0x64, 0x02]), 302);
        assert_eq!(status(&[0x48, 0x83, 0x64, 0x0e, 0xff]), 307);
    }

    #[test]
    fn long_texts_have_their_length_in_several_bytes() {
        assert_eq!(block(&[("a", "b")]), [0, 1, b'a', 1, b'b']);
        let long = "x".repeat(1337);
        // 1337 - 127 = 1210 = 9 * 128 + 58.
        assert_eq!(block(&[(&long, "")])[..4], [0, 127, 58 | 128, 9]);
    }
}
