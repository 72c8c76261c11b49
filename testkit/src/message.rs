//! HTTP/1.1 messages as bytes: heads as they were on the wire, and bodies by their framing.
//! Written without the libraries that the proxy uses, so that it can't share their mistakes.

use std::io::{self, BufRead};

/// A message head exactly as it arrived, with its start line and header lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MessageHead {
    /// All bytes up to and including the empty line.
    pub raw: Vec<u8>,
    /// The request line or status line.
    pub start: String,
    /// Name and value of each header line, in order, as sent.
    pub headers: Vec<(String, String)>,
}

impl MessageHead {
    /// Reads one head. None: the peer closed before it sent a byte.
    pub fn read(from: &mut impl BufRead) -> io::Result<Option<Self>> {
        let mut raw = Vec::new();
        loop {
            let before = raw.len();
            if from.read_until(b'\n', &mut raw)? == 0 {
                if raw.is_empty() {
                    return Ok(None);
                }
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text(&raw)));
            }
            if matches!(&raw[before..], b"\r\n" | b"\n") && before > 0 {
                return Ok(Some(Self::parse(raw)));
            }
        }
    }

    fn parse(raw: Vec<u8>) -> Self {
        let whole = text(&raw);
        let mut lines = whole.split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Self { raw, start, headers }
    }

    /// Returns the status of a response head.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        self.start.split(' ').nth(1)?.parse().ok()
    }

    /// Returns the value of the first header with this name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.values(name).first().copied()
    }

    /// Returns the values of every header with this name, compared in any case.
    #[must_use]
    pub fn values(&self, name: &str) -> Vec<&str> {
        let named = self
            .headers
            .iter()
            .filter(|(found, _)| found.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    }

    /// Reads the body that this head announces; `close_delimited` where none announced ends with the connection.
    pub fn read_body(&self, from: &mut impl BufRead, close_delimited: bool) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if self
            .header("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"))
        {
            while let Some(chunk) = read_chunk(from)? {
                body.extend(chunk);
            }
        } else if let Some(length) = self.header("content-length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            from.read_exact(&mut body)?;
        } else if close_delimited {
            from.read_to_end(&mut body)?;
        }
        Ok(body)
    }
}

/// Reads one chunk (RFC 9112 section 7.1); `None` after the last, whose trailers are dropped.
pub(crate) fn read_chunk(from: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let line = read_line(from)?;
    let length = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16)
        .map_err(|_| io::Error::other(format!("no chunk length: {line:?}")))?;
    if length == 0 {
        while !read_line(from)?.is_empty() {}
        return Ok(None);
    }
    let mut chunk = vec![0; length];
    from.read_exact(&mut chunk)?;
    if !read_line(from)?.is_empty() {
        return Err(io::Error::other("a chunk longer than announced"));
    }
    Ok(Some(chunk))
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    if from.read_until(b'\n', &mut line)? == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    Ok(text(&line).trim_end_matches(['\r', '\n']).to_owned())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
