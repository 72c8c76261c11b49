//! Random scripts: valid messages, valid ones with a few bytes changed, or any bytes, cut at any place, with pauses and
//! ends of connections.

use std::fmt::Write as _;
use std::time::Duration;

use arbitrary::{Result, Unstructured};

use super::messages::{Faults, INTERIM, cut, request, response};
use super::script::{ClientScript, ResponseScript, ResponseStart, Script, Step, StreamEnd};

/// The kind of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Valid,
    /// Valid messages, of which some are changed, cut, late or early.
    Changed,
    /// Any bytes.
    Raw,
}

/// Generates a script.
pub(crate) fn script(bytes: &mut Unstructured<'_>) -> Result<Script> {
    let kind = *bytes.choose(&[Kind::Valid, Kind::Changed, Kind::Changed, Kind::Raw])?;
    let capacity = *bytes.choose(&[16, 100, 4096, 100_000])?;
    let count = bytes.int_in_range(1..=4)?;
    if kind == Kind::Raw {
        return raw(bytes, capacity);
    }
    if kind == Kind::Changed && bytes.ratio(1, 4)? {
        return stalled(bytes);
    }
    let is_valid = kind == Kind::Valid;
    // With a single faulty message, the others show what it leaves behind.
    let single = match kind == Kind::Changed && bytes.arbitrary()? {
        true => Some((bytes.int_in_range(0..=2 * count)?, Faults::one(bytes)?)),
        false => None,
    };
    let faults = |message: usize| match single {
        Some((faulty, fault)) if faulty == message => fault,
        Some(_) => Faults::None,
        None if is_valid => Faults::None,
        None => Faults::Any,
    };
    let mut steps = Vec::new();
    for number in 0..count {
        request(bytes, number, (faults(number), capacity), &mut steps)?;
    }
    let mut responses = Vec::new();
    for number in 0..count + 1 {
        responses.push(response(bytes, number, (faults(count + number), capacity))?);
    }
    let ends = [StreamEnd::Open, StreamEnd::HalfClosed, StreamEnd::Closed];
    let is_calm = is_valid || single.is_some();
    let end = *bytes.choose(&ends[..if is_calm { 2 } else { 3 }])?;
    let reads_early = is_calm || bytes.ratio(3, 4)?;
    Ok(Script {
        client: ClientScript {
            steps,
            end,
            reads_early,
        },
        responses,
        capacity,
        is_valid,
    })
}

/// A client that takes nothing for a while, over a narrow connection, and an upstream that sends interim responses or
/// switches the protocol before it has read the request: messages that are written in part.
fn stalled(bytes: &mut Unstructured<'_>) -> Result<Script> {
    let capacity = bytes.int_in_range(16..=400)?;
    let switches = bytes.ratio(1, 2)?;
    let upgrade = if switches {
        "Connection: Upgrade\r\nUpgrade: websocket\r\n"
    } else {
        ""
    };
    let filler = "x".repeat(bytes.int_in_range(0..=600)?);
    let request = format!("GET /open/0 HTTP/1.1\r\nHost: a\r\nX-A: {filler}\r\n{upgrade}\r\n");
    let mut steps = vec![Step::Send(request.into_bytes())];
    let more: [&[u8]; 3] = [
        b"X-Tenant-Id: evil\r\n\r\n",
        b"GET /hidden/1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /open/1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ];
    for _ in 0..bytes.int_in_range(0..=2)? {
        steps.push(Step::Pause(Duration::from_millis(
            *bytes.choose(&[1, 50, 3_000])?,
        )));
        steps.push(Step::Send(bytes.choose(&more)?.to_vec()));
    }
    let mut responses = Vec::new();
    for number in 0..2 {
        let mut text = String::new();
        for _ in 0..bytes.int_in_range(0..=3)? {
            text.push_str(bytes.choose(&INTERIM)?);
        }
        // Writing to a string never fails.
        let _ = match (switches, bytes.int_in_range(0..=2)?) {
            (true, 0) => write!(
                text,
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nX-Serial: {number}\r\n\r\n"
            ),
            (false, 0) => write!(
                text,
                "HTTP/1.1 200 OK\r\nX-Serial: {number}\r\nContent-Length: 2\r\n\r\nok"
            ),
            // The connection ends before the response.
            _ => Ok(()),
        };
        let start = *bytes.choose(&[ResponseStart::Begun, ResponseStart::Head, ResponseStart::Complete])?;
        let end = *bytes.choose(&[StreamEnd::Open, StreamEnd::Closed])?;
        let steps = vec![
            Step::Send(text.into_bytes()),
            Step::Pause(Duration::from_millis(1)),
        ];
        responses.push(ResponseScript { start, steps, end });
    }
    Ok(Script {
        client: ClientScript {
            steps,
            end: StreamEnd::HalfClosed,
            reads_early: bytes.arbitrary()?,
        },
        responses,
        capacity,
        is_valid: false,
    })
}

/// Any bytes from the client, and from the upstream.
fn raw(bytes: &mut Unstructured<'_>, capacity: usize) -> Result<Script> {
    let mut steps = Vec::new();
    let (sent, answered) = (bytes.arbitrary_len::<u8>()?, bytes.int_in_range(0..=3)?);
    let sent = bytes.bytes(sent.min(bytes.len()))?.to_vec();
    cut(bytes, sent, Faults::Any, &mut steps)?;
    let mut responses = Vec::new();
    for _ in 0..answered {
        let length = bytes.arbitrary_len::<u8>()?.min(bytes.len());
        let (text, mut steps) = (bytes.bytes(length)?.to_vec(), Vec::new());
        cut(bytes, text, Faults::Any, &mut steps)?;
        responses.push(ResponseScript {
            start: ResponseStart::Begun,
            steps,
            end: *bytes.choose(&[StreamEnd::Open, StreamEnd::HalfClosed, StreamEnd::Closed])?,
        });
    }
    Ok(Script {
        client: ClientScript {
            steps,
            end: StreamEnd::HalfClosed,
            reads_early: true,
        },
        responses,
        capacity,
        is_valid: false,
    })
}
