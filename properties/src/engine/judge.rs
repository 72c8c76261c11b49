//! Judges what both sides of the engine received, by the strict reading of what the other side sent.

use std::collections::HashSet;

use wire::{Framing, HeadLimits};

use super::script::StreamEnd;
use super::stage::Record;
use super::strict_reader::{
    ReadRequest, ReadResponse, Requests, Responses, requests, requests_within, responses,
};

/// The engine's limits of a request head.
const CLIENT_LIMITS: HeadLimits = HeadLimits {
    bytes: 32 * 1024,
    fields: 100,
};
/// The fields that only the engine sets, with every character that is none of a word as `_`.
const RESERVED: [&str; 4] = ["x_tenant_id", "x_user_id", "x_request_id", "x_feature_flags"];

/// The connections after a script has ended.
pub(crate) struct Outcome<'r> {
    pub(crate) client: &'r Record,
    pub(crate) upstreams: &'r [&'r Record],
    /// The way in which the client ended its connection.
    pub(crate) client_end: StreamEnd,
    /// True if each request must have got its response.
    pub(crate) is_valid: bool,
}

/// A connection to an upstream, read strictly.
struct UpstreamReading {
    requests: Requests,
    responses: Responses,
}

/// The numbers of things that happened.
#[derive(Debug, Clone, Copy, Default)]
#[cfg_attr(
    not(test),
    expect(dead_code, reason = "only the test of random scripts counts")
)]
pub(crate) struct Tally {
    pub(crate) responses: usize,
    pub(crate) forwarded: usize,
    /// Requests on a connection that had one before.
    pub(crate) reused: usize,
    pub(crate) tunnels: usize,
}

/// Checks everything.
pub(crate) fn judge(outcome: &Outcome<'_>) -> Tally {
    let asked = requests_within(&outcome.client.sent(), CLIENT_LIMITS);
    let answered = answers(outcome, &asked);
    check_answers(outcome, &asked, &answered);
    let readings: Vec<UpstreamReading> = outcome.upstreams.iter().map(|record| read(record)).collect();
    let mut ids = HashSet::new();
    for (record, reading) in outcome.upstreams.iter().zip(&readings) {
        check_reuse(record, reading);
        for request in &reading.requests.list {
            check_forwarded(outcome, request, &asked);
            ids.insert(request.head.fields.value("x-request-id").expect("an id").to_vec());
        }
    }
    // A client that has closed its connection has not read all that was sent to it.
    let has_read = outcome.client_end != StreamEnd::Closed;
    assert!(
        !has_read || ids.len() <= answered.list.len() + 1,
        "{} requests were forwarded, {} answered: {}",
        ids.len(),
        answered.list.len(),
        transcript(outcome)
    );
    for (place, answer) in answered.list.iter().enumerate() {
        check_origin(outcome, answer, asked.list.get(place), &readings);
    }
    if outcome.is_valid {
        assert_eq!(
            answered.list.len(),
            asked.list.len(),
            "each request has a response"
        );
        for answer in &answered.list {
            let is_own = answer.is_complete && answer.head.fields.contains("x-serial");
            assert!(
                is_own,
                "not the response to a valid request: {}",
                transcript(outcome)
            );
        }
    }
    Tally {
        responses: answered.list.len(),
        forwarded: ids.len(),
        reused: readings
            .iter()
            .map(|reading| reading.requests.list.len().saturating_sub(1))
            .sum(),
        tunnels: answered
            .list
            .iter()
            .filter(|answer| answer.head.status() == 101)
            .count(),
    }
}

/// Returns everything that was sent and received, for a message.
fn transcript(outcome: &Outcome<'_>) -> String {
    let mut text = String::new();
    for (side, record) in std::iter::once(("client", outcome.client))
        .chain(outcome.upstreams.iter().map(|record| ("upstream", *record)))
    {
        let (sent, received) = (record.sent(), &record.received);
        let parts = [("sent", &sent), ("received", received)];
        for (way, bytes) in parts {
            text.push_str(&format!(
                "\n{side} {way} {:?}",
                String::from_utf8_lossy(&bytes[..bytes.len().min(4000)])
            ));
        }
    }
    text
}

/// Reads the responses to the client. Of a head that is refused, because it is late or invalid, not even the method may
/// have arrived, so its response may have a body or not. It is the last one.
fn answers(outcome: &Outcome<'_>, asked: &Requests) -> Responses {
    let methods: Vec<&str> = asked.list.iter().map(|request| request.head.method()).collect();
    let read = |methods: &[&str]| responses(&outcome.client.received, methods, true);
    let is_whole = |answered: &Responses| {
        !answered.is_invalid && answered.list.last().is_none_or(|last| last.is_complete)
    };
    let answered = read(&methods);
    if is_whole(&answered) {
        return answered;
    }
    let as_head = read(&[&methods[..], &["HEAD"]].concat());
    if is_whole(&as_head) {
        return as_head;
    }
    let refused = (0..methods.len()).map(|place| (place, read(&methods[..place])));
    // Such an answer is the engine's own: it has a length, and closes the connection.
    let is_refusal = |place: usize, answered: &Responses| {
        let last = answered.list.last().filter(|_| answered.list.len() == place + 1);
        last.is_some_and(|last| {
            let is_own = !last.head.fields.contains("x-serial");
            is_own && !last.keeps && matches!(last.framing, Framing::Length(_))
        })
    };
    let mut refused = refused.filter(|(place, answered)| is_whole(answered) && is_refusal(*place, answered));
    refused.next().map_or(answered, |(_, refused)| refused)
}

fn read(record: &Record) -> UpstreamReading {
    let mut requests = requests(&record.received);
    let responses = responses(&record.sent(), &requests.methods(), record.has_ended);
    // After a switch of protocols, what follows is no request.
    let switch = responses
        .list
        .iter()
        .position(|response| response.head.status() == 101);
    if let Some(switch) = switch.filter(|place| {
        requests
            .list
            .get(*place)
            .is_some_and(ReadRequest::asks_for_websocket)
    }) {
        requests.list.truncate(switch + 1);
        (requests.invalid, requests.has_invalid_body) = (None, false);
    }
    assert_eq!(
        requests.invalid, None,
        "an upstream got bytes that are no request"
    );
    assert!(!requests.has_invalid_body, "an upstream got an invalid body");
    UpstreamReading { requests, responses }
}

/// Checks that the client got well-formed responses in order, at most one for each request, and one more for bytes that
/// are no request.
fn check_answers(outcome: &Outcome<'_>, asked: &Requests, answered: &Responses) {
    assert!(
        !answered.is_invalid,
        "the client got bytes that are no response: {}",
        transcript(outcome)
    );
    let is_refused = asked.invalid.is_some() || asked.partial.is_some();
    let most = asked.list.len() + usize::from(is_refused);
    assert!(
        answered.list.len() <= most,
        "{} responses to {most} requests",
        answered.list.len()
    );
    for (place, answer) in answered.list.iter().enumerate() {
        let is_last = place + 1 == answered.list.len();
        let asked = asked.list.get(place);
        match answer.framing {
            Framing::UntilClose => assert!(
                is_last && asked.is_some_and(ReadRequest::is_old),
                "a response without a length: {}",
                transcript(outcome)
            ),
            _ if answer.head.status() == 101 => {
                assert!(is_last && asked.is_some_and(ReadRequest::asks_for_websocket));
                return;
            }
            _ => {}
        }
        assert!(answer.is_complete || is_last);
        assert!(answer.keeps || is_last, "a response after one that says `close`");
    }
    let is_cut = answered.has_partial_head || answered.list.last().is_some_and(|answer| !answer.is_complete);
    assert!(
        !is_cut || !outcome.is_valid,
        "a response to a valid request is cut"
    );
}

/// Checks that a connection got a second request only if all that its upstream had sent until then were complete
/// responses, after which it stays open.
fn check_reuse(record: &Record, reading: &UpstreamReading) {
    let all = reading.requests.methods();
    for (count, request) in reading.requests.list.iter().enumerate().skip(1) {
        let sent = record.sent_before(request.start);
        let before = responses(&sent, &all[..count], false);
        let is_clean = before
            .list
            .iter()
            .all(|response| response.is_complete && response.keeps);
        let is_exact = before.end == sent.len() && before.list.len() == count;
        assert!(
            is_clean && is_exact && !before.is_invalid,
            "request {count} was sent on a connection after {:?}",
            String::from_utf8_lossy(&sent)
        );
    }
}

/// Checks a request that an upstream got: it is one that the client sent, without names that only the engine sets.
fn check_forwarded(outcome: &Outcome<'_>, request: &ReadRequest, asked: &Requests) {
    let target = request.head.target();
    assert!(target.starts_with("/open"), "{target} was forwarded");
    let trailers = request.trailers.iter().flat_map(|trailers| trailers.iter());
    for (name, value) in request.head.fields.iter().chain(trailers) {
        let word = |byte: u8| {
            if byte.is_ascii_alphanumeric() {
                byte.to_ascii_lowercase()
            } else {
                b'_'
            }
        };
        let folded: Vec<u8> = name.bytes().map(word).collect();
        let is_reserved = RESERVED.iter().any(|reserved| reserved.as_bytes() == folded);
        assert!(
            !is_reserved || !value.starts_with(b"evil"),
            "{name} is the client's"
        );
    }
    if !is_plain(target) {
        return;
    }
    let mut of_target = asked.list.iter().filter(|asked| asked.head.target() == target);
    let is_sent = |asked: &ReadRequest| {
        asked.head.method() == request.head.method()
            && match request.is_complete {
                true => asked.is_complete && asked.body == request.body,
                false => asked.body.starts_with(&request.body),
            }
    };
    // A target that normalisation changed may equal another one.
    let may_differ = asked.list.iter().any(|asked| !is_plain(asked.head.target()));
    assert!(
        of_target.any(is_sent) || may_differ,
        "{target} is not what the client sent: {}",
        transcript(outcome)
    );
}

/// Returns true for a target that no normalisation changes.
fn is_plain(target: &str) -> bool {
    target
        .bytes()
        .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'/')
        && !target.contains("//")
}

/// Checks that a response with an upstream's serial is one of the strict reading: of the upstream's response to this
/// request, with the same status and body. A response that the upstream did not complete is not complete for the client.
fn check_origin(
    outcome: &Outcome<'_>,
    answer: &ReadResponse,
    asked: Option<&ReadRequest>,
    readings: &[UpstreamReading],
) {
    let Some(serial) = answer.head.fields.value("x-serial") else {
        return;
    };
    let is_origin = |reading: &UpstreamReading| {
        reading.responses.list.iter().enumerate().any(|(place, sent)| {
            // An early response may come before the head of its request.
            let request = reading.requests.list.get(place);
            let is_asked = asked.zip(request).is_none_or(|(asked, request)| {
                asked.head.target() == request.head.target() || !is_plain(asked.head.target())
            });
            // The end of a response without a length shows nothing.
            let is_same = match answer.is_complete && answer.framing != Framing::UntilClose {
                true => sent.body == answer.body && sent.is_complete,
                false => sent.body.starts_with(&answer.body),
            };
            sent.head.fields.value("x-serial") == Some(serial)
                && sent.head.status() == answer.head.status()
                && is_asked
                && is_same
        })
    };
    assert!(
        readings.iter().any(is_origin),
        "the response {} is not the upstream's to this request: {}",
        String::from_utf8_lossy(serial),
        transcript(outcome)
    );
}
