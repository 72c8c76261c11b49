//! The lines of requests that the demo prints: those of a person, without those of the traffic of the company.

use std::collections::HashSet;
use std::io::{self, Write};

/// Longest unfinished line that is kept, in bytes.
const MAX_LINE_BYTES: usize = 64 * 1024;

/// Writes whole lines of the access log for people, except those of the hidden tenants.
pub(super) struct RequestLines<W> {
    output: W,
    hidden: HashSet<String>,
    unfinished: Vec<u8>,
}

impl<W: Write> RequestLines<W> {
    pub(super) fn new(output: W, hidden: impl IntoIterator<Item = String>) -> Self {
        Self {
            output,
            hidden: hidden.into_iter().collect(),
            unfinished: Vec::new(),
        }
    }

    fn is_hidden(&self, line: &[u8]) -> bool {
        // The tenant is the second column, after the time.
        let tenant = std::str::from_utf8(line)
            .ok()
            .and_then(|line| line.split_whitespace().nth(1));
        tenant.is_some_and(|tenant| self.hidden.contains(tenant))
    }
}

impl<W: Write> Write for RequestLines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shown = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.unfinished.extend_from_slice(piece);
            if !piece.ends_with(b"\n") && self.unfinished.len() < MAX_LINE_BYTES {
                continue;
            }
            let line = std::mem::take(&mut self.unfinished);
            if !self.is_hidden(&line) {
                shown.extend_from_slice(&line);
            }
        }
        self.output.write_all(&shown)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_hidden_tenants_are_left_out() {
        let mut written = Vec::new();
        let mut lines = RequestLines::new(&mut written, ["hooli".to_owned()]);
        for piece in [
            "09:00:00.000  acme         a\n09:00:00.001  hooli ",
            "  b\n09:00:00.002  hooli2       c\n",
            "09:00:00.003  -            d\n",
        ] {
            lines.write_all(piece.as_bytes()).unwrap();
        }
        assert_eq!(
            String::from_utf8(written).unwrap(),
            "09:00:00.000  acme         a\n09:00:00.002  hooli2       c\n09:00:00.003  -            d\n"
        );
    }
}
