//! A parser of server-sent events (WHATWG HTML, section 9.2.6), for the form in which the admin API sends them: lines end
//! with a line feed. Comments and unknown fields are skipped.

use std::io;

/// Longest event, in bytes.
const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// An event.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct ServerEvent {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: String,
}

/// Takes the bytes of a stream, and gives its events.
#[derive(Debug, Default)]
pub(super) struct EventParser {
    /// The bytes after the last complete line.
    rest: Vec<u8>,
    event: ServerEvent,
}

impl EventParser {
    /// Takes the next bytes, and returns the events that are complete.
    ///
    /// # Errors
    /// An event is too long.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> io::Result<Vec<ServerEvent>> {
        let mut events = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(piece);
            if self.rest.len().saturating_add(self.event.data.len()) > MAX_EVENT_BYTES {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            if self.rest.ends_with(b"\n") {
                let line = std::mem::take(&mut self.rest);
                let line = String::from_utf8_lossy(&line);
                events.extend(self.line(line.trim_end_matches(['\r', '\n'])));
            }
        }
        Ok(events)
    }

    /// Takes a line; returns the event that an empty line ends. An event without data is none.
    fn line(&mut self, line: &str) -> Option<ServerEvent> {
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.name),
            "id" => value.clone_into(&mut self.event.id),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // An empty field is a comment.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_whole_whatever_the_pieces_are() {
        let stream =
            b":\n\nevent: snapshot\nid: 7-1\nretry: 5\ndata: {\"a\":\ndata: 1}\n\n:\n\ndata: {}\n\nid: 9\n\n";
        let event = |name: &str, id: &str, data: &str| ServerEvent {
            name: name.into(),
            id: id.into(),
            data: data.into(),
        };
        let expected = [event("snapshot", "7-1", "{\"a\":\n1}"), event("", "", "{}")];
        for length in [1, 2, 7, stream.len()] {
            let mut parser = EventParser::default();
            let pieces = stream.chunks(length);
            let found: Vec<ServerEvent> = pieces.flat_map(|piece| parser.feed(piece).unwrap()).collect();
            assert_eq!(found, expected, "{length}");
        }
        let endless = vec![b'x'; MAX_EVENT_BYTES + 1];
        assert!(EventParser::default().feed(&endless).is_err());
    }
}
