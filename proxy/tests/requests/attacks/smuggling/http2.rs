//! Request smuggling from HTTP/2, where frames state the framing, and fields that mean nothing there could mean
//! something to an HTTP/1 origin.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use testkit::frames::{END_HEADERS, END_STREAM, block, frame, kind};
use testkit::{Frames, FramingRule, Recorder, StreamEnd};

use super::messages::Message;
use super::{ATTACKERS, problems, proxy_before};

/// The end of a request.
#[derive(Debug, Clone, Copy)]
enum End {
    /// END_STREAM on the head.
    Head,
    /// END_STREAM on the last data.
    Data,
    /// END_STREAM on an empty DATA frame (cloudflare/pingora#935).
    EmptyData,
    /// Trailers.
    Trailers(&'static [(&'static str, &'static str)]),
}

/// An HTTP/2 request; `@` stands for its number.
#[derive(Debug, Clone)]
struct Attack {
    head: Vec<(String, String)>,
    body: String,
    end: End,
}

const HIDDEN: &str = "GET /hidden/@ HTTP/1.1\r\nHost: a\r\n\r\n";
const ENDS: [End; 9] = [
    End::Data,
    End::EmptyData,
    End::Trailers(&[("a", "b")]),
    End::Trailers(&[("content-length", "5")]),
    End::Trailers(&[("transfer-encoding", "chunked")]),
    End::Trailers(&[("host", "b"), ("x-tenant-id", "acme")]),
    End::Trailers(&[("a", "b\r\n\r\nGET /hidden/1 HTTP/1.1")]),
    End::Trailers(&[(":path", "/hidden/1")]),
    End::Head,
];

/// Values of `content-length`: other lengths than the body's, and none at all.
const LENGTHS: &[&str] = &[
    "0",
    "1",
    "5",
    "38",
    "44",
    "43",
    "1000",
    "+5",
    "5, 5",
    " 5",
    "5 ",
    "",
    "0x5",
    "5\r\nX: y",
    "-1",
    "99999999999999999999",
];

/// Names that a server may take for one of framing.
const FRAMING_NAMES: &[&str] = &[
    "transfer-encoding",
    "Transfer-Encoding",
    "transfer_encoding",
    "transfer-encoding ",
    " transfer-encoding",
    "transfer-encoding:",
    "x\r\ntransfer-encoding",
    "x: y\r\ntransfer-encoding",
    "te",
    "trailer",
];

/// Values of `transfer-encoding` beside `chunked`.
const CODINGS: &[&str] = &["identity", "gzip, chunked", "chunked\r\nX: y", "xchunked", ""];

/// Values that end a line, or hold a request.
const SPLIT_VALUES: &[&str] = &[
    "y\r\nTransfer-Encoding: chunked",
    "y\nTransfer-Encoding: chunked",
    "y\rTransfer-Encoding: chunked",
    "y\0",
    "y\r\n\r\nGET /hidden/@ HTTP/1.1\r\nHost: a\r\n\r\n",
    "y\n\nGET /hidden/@ HTTP/1.1\n\n",
    " y",
    "\ty\t",
];

/// Fields that HTTP/2 forbids, or whose names are malformed.
const FORBIDDEN: &[(&str, &str)] = &[
    ("connection", "close"),
    ("connection", "content-length"),
    ("connection", "transfer-encoding"),
    ("keep-alive", "1"),
    ("upgrade", "websocket"),
    ("proxy-connection", "keep-alive"),
    ("http2-settings", "AA"),
    ("expect", "100-continue"),
    ("host", "a"),
    ("host", "b"),
    ("host", "a\r\nX: y"),
    ("", "y"),
    ("x y", "z"),
    ("x\0", "z"),
    (":path", "/hidden/@"),
    (":method", "GET"),
    (":authority", "b"),
    (":status", "200"),
    (":unknown", "y"),
    ("x:", "y"),
];

/// Returns fields that would state another length to an HTTP/1 origin, or end a line there.
fn fields() -> Vec<(&'static str, &'static str)> {
    let mut fields = vec![("x", "y")];
    fields.extend(LENGTHS.iter().map(|length| ("content-length", *length)));
    fields.extend(FRAMING_NAMES.iter().map(|name| (*name, "chunked")));
    fields.extend(CODINGS.iter().map(|coding| ("transfer-encoding", *coding)));
    fields.extend(SPLIT_VALUES.iter().map(|value| ("x", *value)));
    fields.extend_from_slice(FORBIDDEN);
    fields
}

/// Returns pseudo-fields that contain a line end or a request.
fn targets() -> Vec<[&'static str; 4]> {
    let mut targets = Vec::new();
    for method in [
        "GET",
        "HEAD",
        "DELETE",
        "OPTIONS",
        "CONNECT",
        "get",
        "",
        "GET /hidden/@ HTTP/1.1\r\nX:",
        "GET\r\n",
        "G ET",
        "GET\0",
        "PRI",
    ] {
        targets.push([method, "http", "a", "/open/@"]);
    }
    for scheme in ["https", "ftp", "", "http\r\nX: y", "http://a/hidden/@?"] {
        targets.push(["POST", scheme, "a", "/open/@"]);
    }
    for authority in [
        "",
        "b",
        "u@a",
        "a\r\nX: y",
        "a\r\n\r\nGET /hidden/@ HTTP/1.1",
        "a/hidden/@",
        "a b",
        "a:80",
        "a\0",
    ] {
        targets.push(["POST", "http", authority, "/open/@"]);
    }
    for path in [
        "",
        "*",
        "open/@",
        "http://a/open/@",
        "http://b/hidden/@",
        "/open/@ HTTP/1.1\r\nHost: a\r\n\r\nGET /hidden/@",
        "/open/@\r\nX: y",
        "/open/@\n",
        "/open/@\0",
        "/open/@ /hidden/@",
        "/open/@\t",
        "/open/@#/hidden/@",
        "//a/open/@",
        "/open/early/@",
    ] {
        targets.push(["POST", "http", "a", path]);
    }
    targets
}

fn attacks() -> Vec<Attack> {
    let bodies = [
        String::new(),
        "abcde".to_owned(),
        HIDDEN.to_owned(),
        format!("0\r\n\r\n{HIDDEN}"),
    ];
    let mut attacks = Vec::new();
    let mut add = |target: [&str; 4], fields: &[(&str, &str)], body: &str, end: End| {
        let [method, scheme, authority, path] = target;
        let pseudo = [
            (":method", method),
            (":scheme", scheme),
            (":authority", authority),
            (":path", path),
        ];
        let head = pseudo.iter().chain(fields);
        attacks.push(Attack {
            head: head
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            body: body.to_owned(),
            end,
        });
    };
    let good = ["POST", "http", "a", "/open/@"];
    for field in fields() {
        for body in &bodies {
            for end in [End::Data, End::EmptyData] {
                add(good, &[field], body, end);
            }
        }
        add(good, &[field, field], HIDDEN, End::Data);
        add(good, &[field, ("content-length", "38")], HIDDEN, End::Data);
    }
    for target in targets() {
        for body in [&bodies[0], &bodies[3]] {
            add(target, &[], body, End::Data);
        }
        add(target, &[], "", End::Head);
    }
    for end in ENDS {
        for body in &bodies {
            add(good, &[], body, end);
            add(good, &[("content-length", "5")], body, end);
            add(["POST", "http", "a", "/open/early/@"], &[], body, end);
        }
    }
    attacks
}

/// Sends a request and a valid one behind it. Returns how many of both the proxy reset.
fn attack(frames: &mut Frames, attack: &Attack, number: usize) -> usize {
    let numbered = |text: &str| text.replace('@', &format!("{number:05}"));
    let head: Vec<(String, String)> = attack
        .head
        .iter()
        .map(|(name, value)| (numbered(name), numbered(value)))
        .collect();
    let head: Vec<(&str, &str)> = head
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let body = numbered(&attack.body);
    let mut bytes = Vec::new();
    let mut send =
        |kind: u8, flags: u8, stream: u32, payload: &[u8]| bytes.extend(frame(kind, flags, stream, payload));
    let ends_with_head = if matches!(attack.end, End::Head) {
        END_STREAM
    } else {
        0
    };
    send(kind::HEADERS, END_HEADERS | ends_with_head, 1, &block(&head));
    match attack.end {
        End::Head => {}
        End::Data => send(kind::DATA, END_STREAM, 1, body.as_bytes()),
        End::EmptyData => {
            send(kind::DATA, 0, 1, body.as_bytes());
            send(kind::DATA, END_STREAM, 1, b"");
        }
        End::Trailers(trailers) => {
            send(kind::DATA, 0, 1, body.as_bytes());
            send(kind::HEADERS, END_HEADERS | END_STREAM, 1, &block(trailers));
        }
    }
    let mut ended = usize::from(frames.try_send_bytes(&bytes).is_ok());
    if matches!(frames.end_of(1), StreamEnd::Closed | StreamEnd::GoneAway(_)) {
        return ended;
    }
    let path = format!("/open/{number:05}");
    let good = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", path.as_str()),
    ];
    let good = frame(kind::HEADERS, END_HEADERS | END_STREAM, 3, &block(&good));
    if frames.try_send_bytes(&good).is_ok() {
        assert!(
            matches!(
                frames.end_of(3),
                StreamEnd::Status(200) | StreamEnd::GoneAway(_) | StreamEnd::Closed
            ),
            "a good request after {attack:?}"
        );
        ended += 1;
    }
    ended
}

#[test]
fn no_origin_receives_a_request_smuggled_over_http2() {
    let attacks = attacks();
    assert!(attacks.len() >= 500, "only {} requests", attacks.len());
    let recorders = FramingRule::ALL.map(Recorder::reading);
    let proxies: Vec<_> = recorders
        .iter()
        .map(|recorder| proxy_before(recorder, "h2c: true"))
        .collect();
    let next = AtomicUsize::new(0);
    let ended = Mutex::new(vec![0; attacks.len()]);
    thread::scope(|scope| {
        for _ in 0..ATTACKERS {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::SeqCst);
                    let Some(request) = attacks.get(number) else {
                        return;
                    };
                    let mut frames = Frames::connect(proxies[number % proxies.len()].address());
                    let count = attack(&mut frames, request, number);
                    ended.lock().unwrap()[number] = count;
                }
            });
        }
    });
    let messages: Vec<Message> = attacks
        .iter()
        .map(|attack| Message {
            name: format!("{attack:?}"),
            bytes: Vec::new(),
        })
        .collect();
    let ended = ended.into_inner().unwrap();
    let found: Vec<String> = recorders
        .iter()
        .flat_map(|recorder| problems(recorder, &messages, &ended))
        .collect();
    assert!(
        found.is_empty(),
        "{} problems:\n{}",
        found.len(),
        found[..found.len().min(20)].join("\n")
    );
    for recorder in &recorders {
        let recorded = recorder.recorded();
        let seen: usize = recorded
            .iter()
            .map(|bytes| FramingRule::ExactChunked.read(bytes).complete)
            .sum();
        assert!(seen > 100, "much gets through to where it could do harm: {seen}");
    }
}
