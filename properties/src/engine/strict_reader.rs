//! Readers of whole connections: all requests or all responses that the bytes of one direction hold, read strictly.

use wire::{
    BodyScanner, Fields, Framing, HeadLimits, HttpVersion, InvalidHead, RequestHead, ResponseHead,
    keeps_connection, read_head, read_response,
};

/// Limits beyond those of the engine, for what it writes.
const LIMITS: HeadLimits = HeadLimits {
    bytes: 512 * 1024,
    fields: 256,
};

/// The requests of a connection.
#[derive(Debug)]
pub(crate) struct Requests {
    pub(crate) list: Vec<ReadRequest>,
    /// The method of an incomplete head that follows, as far as it has arrived.
    pub(crate) partial: Option<String>,
    /// The reason why the bytes after the last request are none.
    pub(crate) invalid: Option<InvalidHead>,
    /// True if the body of the last request is invalid.
    pub(crate) has_invalid_body: bool,
}

/// A request whose head has arrived.
#[derive(Debug)]
pub(crate) struct ReadRequest {
    /// Offset of its first byte.
    pub(crate) start: usize,
    pub(crate) head: RequestHead,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Option<Fields>,
    pub(crate) is_complete: bool,
}

/// The responses of a connection.
#[derive(Debug)]
pub(crate) struct Responses {
    pub(crate) list: Vec<ReadResponse>,
    /// True if bytes follow that are no complete head.
    pub(crate) has_partial_head: bool,
    /// True if the bytes after the last response are none.
    pub(crate) is_invalid: bool,
    /// Offset behind the last complete response.
    pub(crate) end: usize,
}

/// A final response whose head has arrived.
#[derive(Debug)]
pub(crate) struct ReadResponse {
    pub(crate) head: ResponseHead,
    pub(crate) framing: Framing,
    pub(crate) body: Vec<u8>,
    pub(crate) is_complete: bool,
    /// True if another response may follow.
    pub(crate) keeps: bool,
}

/// Reads the requests of a connection.
pub(crate) fn requests(bytes: &[u8]) -> Requests {
    requests_within(bytes, LIMITS)
}

/// Reads the requests of a connection, with limits of their heads.
pub(crate) fn requests_within(bytes: &[u8], limits: HeadLimits) -> Requests {
    let mut requests = Requests {
        list: Vec::new(),
        partial: None,
        invalid: None,
        has_invalid_body: false,
    };
    let mut start = 0;
    while start < bytes.len() {
        let mut head = RequestHead::default();
        let bounds = match read_head(&bytes[start..], limits, &mut head) {
            Ok(Some(bounds)) => bounds,
            Ok(None) => {
                let method = bytes[start..].split(|&byte| byte == b' ').next();
                requests.partial = method.map(|method| String::from_utf8_lossy(method).into_owned());
                break;
            }
            Err(why) => {
                requests.invalid = Some(why);
                break;
            }
        };
        let begin = start + bounds.start;
        start += bounds.end;
        let mut scanner = BodyScanner::new(bounds.framing);
        let (data, taken, is_valid) = read_body(&mut scanner, &bytes[start..]);
        requests.has_invalid_body = !is_valid;
        start += taken;
        let is_complete = is_valid && scanner.is_done();
        requests.list.push(ReadRequest {
            start: begin,
            head,
            body: data,
            trailers: scanner.trailers(),
            is_complete,
        });
        if !is_complete {
            break;
        }
    }
    requests
}

/// Reads the responses of a connection to requests with these methods; further ones are `GET`. `has_ended` is true if
/// the connection has ended, which completes a response without a length.
pub(crate) fn responses(bytes: &[u8], methods: &[&str], has_ended: bool) -> Responses {
    let mut responses = Responses {
        list: Vec::new(),
        has_partial_head: false,
        is_invalid: false,
        end: 0,
    };
    let mut start = 0;
    while start < bytes.len() {
        let method = methods.get(responses.list.len()).copied().unwrap_or("GET");
        let mut head = ResponseHead::default();
        let bounds = match read_response(&bytes[start..], LIMITS, method, &mut head) {
            Ok(Some(bounds)) => bounds,
            Ok(None) => {
                responses.has_partial_head = true;
                break;
            }
            Err(_) => {
                responses.is_invalid = true;
                break;
            }
        };
        start += bounds.end;
        if head.is_interim() {
            continue;
        }
        let mut scanner = BodyScanner::new(bounds.framing);
        let (data, taken, is_valid) = read_body(&mut scanner, &bytes[start..]);
        responses.is_invalid = !is_valid;
        start += taken;
        let is_switch = head.status() == 101;
        let is_complete = !responses.is_invalid && (scanner.is_done() || has_ended && scanner.end());
        if is_complete {
            responses.end = start;
        }
        let keeps = bounds.framing != Framing::UntilClose && keeps_connection(head.version(), &head.fields);
        responses.list.push(ReadResponse {
            framing: bounds.framing,
            body: data,
            is_complete,
            keeps: keeps && !is_switch,
            head,
        });
        if !is_complete || is_switch {
            break;
        }
    }
    responses
}

/// Returns the data of a body, the number of bytes that belong to it, and false if the bytes after them are invalid.
fn read_body(scanner: &mut BodyScanner, bytes: &[u8]) -> (Vec<u8>, usize, bool) {
    let (mut data, mut taken) = (Vec::new(), 0);
    loop {
        let Ok(part) = scanner.next_part(&bytes[taken..]) else {
            return (data, taken, false);
        };
        let after = taken + part.framing + part.data;
        data.extend_from_slice(&bytes[taken + part.framing..after]);
        if after == taken {
            return (data, taken, true);
        }
        taken = after;
    }
}

impl Requests {
    /// Returns the methods of all requests, an incomplete one included.
    pub(crate) fn methods(&self) -> Vec<&str> {
        let whole = self.list.iter().map(|request| request.head.method());
        whole.chain(self.partial.as_deref()).collect()
    }
}

impl ReadRequest {
    /// Returns true if it asks for a WebSocket.
    pub(crate) fn asks_for_websocket(&self) -> bool {
        let upgrade = self.head.fields.value("upgrade");
        upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case(b"websocket"))
    }

    /// Returns true for HTTP/1.0.
    pub(crate) fn is_old(&self) -> bool {
        self.head.version() == HttpVersion::Http10
    }
}
