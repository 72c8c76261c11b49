//! Random messages: valid ones, with a few bytes changed, and cut into pieces.

use std::fmt::Write as _;
use std::time::Duration;

use arbitrary::{Result, Unstructured};

use super::script::{ResponseScript, ResponseStart, Step, StreamEnd};

const REQUEST_FIELDS: [&str; 18] = [
    "X-Tenant-Id: evil\r\n",
    "x_tenant_id: evil\r\n",
    "X-User-Id: evil\r\n",
    "X.Feature.Flags: evil\r\n",
    "X-Request-Id: evil\r\n",
    "Accept: */*\r\n",
    "Cookie: a=b\r\n",
    "Connection: keep-alive\r\n",
    "Connection: X-A, close\r\nX-A: b\r\n",
    "Expect: 100-continue\r\n",
    "TE: trailers\r\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Connection: close\r\n",
    "Content-Length: 3\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Content-Length: 5, 5\r\n",
    "Host: b\r\n",
];
/// The number of request fields at the front that a valid request may have.
const VALID_REQUEST_FIELDS: usize = 7;
const RESPONSE_FIELDS: [&str; 16] = [
    "Content-Type: text/plain\r\n",
    "Set-Cookie: a=b\r\n",
    "Connection: keep-alive\r\n",
    "Keep-Alive: timeout=5\r\n",
    "Connection: close\r\n",
    "Content-Length: 3\r\n",
    "Content-Length: 0\r\n",
    "Content-Length: 5, 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Transfer-Encoding: gzip, chunked\r\n",
    "Transfer-Encoding: identity\r\n",
    "Content-Length : 7\r\n",
    "X: y\r\n z\r\n",
    "X: y\n",
    "Connection: Upgrade\r\nUpgrade: websocket\r\n",
    "Connection: Content-Length, X-Serial\r\n",
];
/// The number of response fields at the front that a valid response may have.
const VALID_RESPONSE_FIELDS: usize = 4;
const STATUSES: [&str; 10] = [
    "200 OK",
    "200 OK",
    "404 Not Found",
    "204 No Content",
    "304 Not Modified",
    "500 ",
    "206 Partial Content",
    "101 Switching Protocols",
    "100 Continue",
    "199 x",
];
/// The number of statuses at the front that a valid response may have.
const VALID_STATUSES: usize = 7;
pub(crate) const INTERIM: [&str; 4] = [
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
    "HTTP/1.1 102 Processing\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
];
/// Bytes that a change puts into a message.
const CHANGES: [&[u8]; 14] = [
    b"\r",
    b"\n",
    b"\0",
    b" ",
    b":",
    b",",
    b"0",
    b"\xff",
    b"\r\n",
    b"\r\n\r\n",
    b"0\r\n\r\n",
    b"\t",
    b";",
    b"1",
];

/// A way in which a message differs from a valid one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its first line: another version, a path or status with other rules.
    Line,
    /// Fields that contradict others.
    Fields,
    /// Changed bytes.
    Change,
    /// Long pauses, or a response before its request is complete.
    Timing,
    /// Bytes after its end.
    Surplus,
    /// The end of the connection.
    End,
}

/// The faults that a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Faults {
    None,
    /// This one, and surely if it depends on chance.
    One(Fault),
    Any,
}

impl Faults {
    /// Chooses one fault.
    pub(crate) fn one(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let all = [
            Fault::Line,
            Fault::Fields,
            Fault::Change,
            Fault::Timing,
            Fault::Surplus,
            Fault::End,
        ];
        bytes.choose(&all).map(|fault| Self::One(*fault))
    }

    fn allow(self, fault: Fault) -> bool {
        self == Self::Any || self == Self::One(fault)
    }

    /// Returns true if the fault is to be made: one of `chances` times, if there may be others.
    fn make(self, fault: Fault, chances: u8, bytes: &mut Unstructured<'_>) -> Result<bool> {
        match self {
            Self::Any => bytes.ratio(1, chances),
            _ => Ok(self.allow(fault)),
        }
    }
}

/// Generates a request, and its pieces.
pub(crate) fn request(
    bytes: &mut Unstructured<'_>,
    number: usize,
    (faults, capacity): (Faults, usize),
    steps: &mut Vec<Step>,
) -> Result<()> {
    // The script of a response does not know its request, and may send a body to `HEAD`.
    let methods = ["GET", "GET", "POST", "POST", "PUT", "DELETE", "OPTIONS", "HEAD"];
    let methods = &methods[..if faults.allow(Fault::Line) { 8 } else { 7 }];
    let paths = ["open", "open", "open", "hidden", "none"];
    let path = bytes.choose(&paths[..if faults.allow(Fault::Line) { paths.len() } else { 1 }])?;
    let version = if !faults.allow(Fault::Line) || bytes.ratio(5, 6)? {
        "1.1"
    } else {
        "1.0"
    };
    let mut text = format!(
        "{} /{path}/{number} HTTP/{version}\r\nHost: a\r\n",
        bytes.choose(methods)?
    );
    let fields = match faults.allow(Fault::Fields) {
        true => REQUEST_FIELDS.len(),
        false => VALID_REQUEST_FIELDS,
    };
    for _ in 0..bytes.int_in_range(0..=2)? {
        text.push_str(bytes.choose(&REQUEST_FIELDS[..fields])?);
    }
    let mut text = text.into_bytes();
    let letter = b'a' + u8::try_from(number).unwrap();
    body(bytes, &mut text, letter, (Bodies::OfRequests, capacity))?;
    change(bytes, &mut text, faults)?;
    cut(bytes, text, faults, steps)
}

/// Generates a response.
pub(crate) fn response(
    bytes: &mut Unstructured<'_>,
    number: usize,
    (faults, capacity): (Faults, usize),
) -> Result<ResponseScript> {
    let mut text = String::new();
    for _ in 0..bytes.int_in_range(0..=2)? {
        text.push_str(bytes.choose(&INTERIM)?);
    }
    let statuses = match faults.allow(Fault::Line) {
        true => STATUSES.len(),
        false => VALID_STATUSES,
    };
    let status = bytes.choose(&STATUSES[..statuses])?;
    let version = if !faults.allow(Fault::Line) || bytes.ratio(5, 6)? {
        "1.1"
    } else {
        "1.0"
    };
    // Writing to a string never fails.
    let _ = write!(text, "HTTP/{version} {status}\r\nX-Serial: {number}\r\n");
    let fields = match faults.allow(Fault::Fields) {
        true => RESPONSE_FIELDS.len(),
        false => VALID_RESPONSE_FIELDS,
    };
    for _ in 0..bytes.int_in_range(0..=2)? {
        text.push_str(bytes.choose(&RESPONSE_FIELDS[..fields])?);
    }
    let mut text = text.into_bytes();
    let has_none = status.starts_with("204") || status.starts_with("304") || status.starts_with('1');
    let bodies = if has_none {
        Bodies::None
    } else {
        Bodies::OfResponses
    };
    let letter = b'A' + u8::try_from(number).unwrap();
    let until_close = body(bytes, &mut text, letter, (bodies, capacity))?;
    change(bytes, &mut text, faults)?;
    let mut steps = Vec::new();
    cut(bytes, text, faults, &mut steps)?;
    let ends = [StreamEnd::Open, StreamEnd::Closed, StreamEnd::HalfClosed];
    let end = match (faults.allow(Fault::End), until_close) {
        (_, true) => *bytes.choose(&ends[1..])?,
        (false, false) => StreamEnd::Open,
        (true, false) => *bytes.choose(&ends)?,
    };
    if faults.make(Fault::Surplus, 5, bytes)? {
        let surplus: [&[u8]; 3] = [
            b"HTTP/1.1 200 OK\r\nX-Serial: 9\r\nContent-Length: 3\r\n\r\nZZZ",
            b"\r\n",
            b"x",
        ];
        let surplus = bytes.choose(&surplus)?.to_vec();
        match steps.last_mut() {
            // In one piece with the end of the response.
            Some(Step::Send(last)) if bytes.arbitrary()? => last.extend(surplus),
            _ => steps.extend([Step::Pause(Duration::from_millis(1)), Step::Send(surplus)]),
        }
    }
    let starts = [ResponseStart::Complete, ResponseStart::Head, ResponseStart::Begun];
    Ok(ResponseScript {
        start: *bytes.choose(&starts[..if faults.allow(Fault::Timing) { 3 } else { 1 }])?,
        steps,
        end,
    })
}

/// The bodies that a message may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bodies {
    /// None, without an empty chunked one.
    None,
    OfRequests,
    /// Bodies until the end of the connection, too.
    OfResponses,
}

/// Appends the fields that frame a body, the end of the head, and the body. Returns true for one without a length.
fn body(
    bytes: &mut Unstructured<'_>,
    text: &mut Vec<u8>,
    letter: u8,
    (bodies, capacity): (Bodies, usize),
) -> Result<bool> {
    // A large body over a narrow connection takes long and shows nothing.
    let lengths = [0, 1, 5, 100, 0, 5, 100, 3000, 3000, 70_000];
    let lengths = &lengths[..if capacity < 1000 { 7 } else { lengths.len() }];
    let length = *bytes.choose(lengths)?;
    // Each byte depends on its place, so that a lost or doubled one is noticed.
    let data: Vec<u8> = (0..length)
        .map(|place: usize| {
            if place.is_multiple_of(7) {
                b'0' + u8::try_from(place / 7 % 10).unwrap()
            } else {
                letter
            }
        })
        .collect();
    let framings = match bodies {
        Bodies::None => 0..=0,
        Bodies::OfRequests => 0..=2,
        Bodies::OfResponses => 1..=3,
    };
    match bytes.int_in_range(framings)? {
        0 => text.extend_from_slice(b"\r\n"),
        1 => {
            text.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
            text.extend_from_slice(&data);
        }
        2 => {
            text.extend_from_slice(b"Transfer-Encoding: chunked\r\n\r\n");
            let extension = *bytes.choose(&["", "", ";a=b"])?;
            for piece in data.chunks(*bytes.choose(&[1, 16, 1000, 100_000])?).take(200) {
                text.extend_from_slice(format!("{:x}{extension}\r\n", piece.len()).as_bytes());
                text.extend_from_slice(piece);
                text.extend_from_slice(b"\r\n");
            }
            let trailers = ["", "", "A: b\r\n", "X-Tenant-Id: evil\r\nContent-Length: 3\r\n"];
            text.extend_from_slice(format!("0\r\n{}\r\n", bytes.choose(&trailers)?).as_bytes());
        }
        _ => {
            // Said, because a response to `HEAD` would seem to have no body, and its connection to stay.
            text.extend_from_slice(b"Connection: close\r\n\r\n");
            text.extend_from_slice(&data);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Changes up to two places of a message, most often in its head, or cuts its end off.
fn change(bytes: &mut Unstructured<'_>, text: &mut Vec<u8>, faults: Faults) -> Result<()> {
    if !faults.make(Fault::Change, 3, bytes)? {
        return Ok(());
    }
    for _ in 0..bytes.int_in_range(1..=2)? {
        let range = if bytes.ratio(3, 4)? {
            text.len().min(160)
        } else {
            text.len()
        };
        if range == 0 {
            return Ok(());
        }
        let at = bytes.int_in_range(0..=range - 1)?;
        match bytes.int_in_range(0..=3)? {
            0 => drop(text.remove(at)),
            1 => text.truncate(at),
            2 => text[at] = bytes.choose(&CHANGES)?[0],
            _ => drop(text.splice(at..at, bytes.choose(&CHANGES)?.iter().copied())),
        }
    }
    Ok(())
}

/// Cuts a message into pieces, with pauses between some.
pub(crate) fn cut(
    bytes: &mut Unstructured<'_>,
    text: Vec<u8>,
    faults: Faults,
    steps: &mut Vec<Step>,
) -> Result<()> {
    let pauses = [1, 50, 3_000, 70_000];
    let pauses = &pauses[..if faults.allow(Fault::Timing) {
        pauses.len()
    } else {
        2
    }];
    let mut rest = &text[..];
    // The last piece is the rest, so that a large body does not need thousands of steps.
    for _ in 0..bytes.int_in_range(0..=6)? {
        let size = (*bytes.choose(&[1, 2, 7, 40, 1000, 10_000])?).min(rest.len());
        let (piece, after) = rest.split_at(size);
        steps.push(Step::Send(piece.to_vec()));
        rest = after;
        if bytes.ratio(1, 3)? {
            steps.push(Step::Pause(Duration::from_millis(*bytes.choose(pauses)?)));
        }
    }
    steps.push(Step::Send(rest.to_vec()));
    Ok(())
}
