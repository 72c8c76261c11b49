//! HTTP/2 from clients: the promises of HTTP/1 hold, what only HTTP/2 has is refused or passed on, and gRPC gets gRPC
//! answers (edge.md sections 1, 5 and 7).

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use testkit::frames::{END_HEADERS, END_STREAM, block, kind};
use testkit::{
    After, Authority, Frames, H2Client, Proxy, ProxyBuilder, Request, StreamEnd, Upstream, eventually, reply,
    response,
};

fn gated(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
        .route("{ name: open, match: /open/**, upstream: api }")
        .listening("h2c: true")
}

fn plain() -> (Upstream, Proxy) {
    let upstream = Upstream::named("api");
    let proxy = gated(&upstream).start();
    (upstream, proxy)
}

/// Names and values.
type Fields<'a> = Vec<(&'a str, &'a str)>;

/// Returns the head of a `GET` of /open/x with these additional fields.
fn head<'a>(more: &[(&'a str, &'a str)]) -> Fields<'a> {
    let mut head = vec![
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "test"),
        (":path", "/open/x"),
    ];
    head.extend(more);
    head
}

#[test]
fn gate_applies_to_http_2_by_alpn_and_prior_knowledge() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let encrypted = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
        .listening("tls: { certificates: [ { cert: a.pem, key: a.key } ] }")
        .pair("a", &authority.server(&["test"]))
        .start();
    let trusting = authority.trusted_by("test", &["h2", "http/1.1"], None);
    let plain = gated(&upstream).start();
    for (proxy, mut client, proto) in [
        (
            &encrypted,
            H2Client::connect_tls(encrypted.address(), &trusting),
            "https",
        ),
        (&plain, H2Client::connect(plain.address()), "http"),
    ] {
        let answer = client.ask(&Request::get("/board?x=1").token(&proxy.token("acme")));
        assert_eq!((answer.status, answer.text()), (200, "api"));
        let seen = upstream.last();
        assert_eq!((seen.target(), seen.header("host")), ("/board?x=1", Some("test")));
        assert_eq!(seen.header("x-forwarded-proto"), Some(proto));
        assert_eq!(seen.header("x-forwarded-host"), Some("test"));
        let refused = client.ask(&Request::get("/board").token(&proxy.token("globex")));
        assert_eq!((refused.status, refused.code()), (404, "NOT_FOUND".to_owned()));
        assert_eq!(refused.header("connection"), None);
        assert_eq!(client.ask(&Request::get("/board")).code(), "TOKEN_MISSING");
        let theirs = client.ask(&Request::new("HEAD", "/board").token(&proxy.token("acme")));
        assert_eq!((theirs.status, theirs.header("content-length")), (200, Some("3")));
        let ours = client.ask(&Request::new("HEAD", "/board").token(&proxy.token("globex")));
        assert_eq!((ours.status, ours.body.len()), (404, 0));
        assert_ne!(ours.header("content-length"), Some("0"));
    }
    assert_eq!(upstream.count(), 4);
    assert_eq!(upstream.broken(), Vec::<String>::new());
}

#[test]
fn http_2_is_rejected_where_it_is_not_allowed() {
    let (authority, upstream) = (Authority::new(), Upstream::named("api"));
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: open, match: /open/**, upstream: api }")
        .listening("tls: { certificates: [ { cert: a.pem, key: a.key } ], http2: false }")
        .pair("a", &authority.server(&["test"]))
        .start();
    let client = proxy.connect_tls(&authority.trusted_by("test", &["h2", "http/1.1"], None));
    assert_eq!(client.protocol(), Some(&b"http/1.1"[..]));
    let plain = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: open, match: /open/**, upstream: api }")
        .start();
    let mut client = plain.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    assert_eq!(client.response().status, 400);
    // An upgrade to h2c is ignored, as any unsupported protocol (RFC 9110 section 7.8).
    let upgrade = Request::get("/open/x")
        .header("Connection", "Upgrade, HTTP2-Settings")
        .header("Upgrade", "h2c")
        .header("HTTP2-Settings", "AAMAAABkAAQAAP__");
    let answer = gated(&upstream).start().ask(&upgrade);
    assert_eq!(answer.status, 200);
    assert_eq!(upstream.only().header("upgrade"), None);
}

#[test]
fn listener_of_both_protocols_serves_http_1() {
    let (upstream, proxy) = plain();
    let mut client = proxy.connect();
    // Byte by byte: `P` could begin the HTTP/2 preface, `PU` can't.
    for byte in b"PUT /open/x HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi" {
        client.send([*byte]);
    }
    assert_eq!(client.response().status, 200);
    assert_eq!(upstream.only().body, b"hi");
}

#[test]
fn malformed_http_2_requests_are_refused_and_not_forwarded() {
    let (upstream, proxy) = plain();
    let cases: [(&str, Fields<'_>); 12] = [
        ("a field of the connection", head(&[("connection", "close")])),
        ("a coding", head(&[("transfer-encoding", "chunked")])),
        ("keep-alive", head(&[("keep-alive", "timeout=5")])),
        ("an upgrade", head(&[("upgrade", "websocket")])),
        ("te that is not trailers", head(&[("te", "gzip")])),
        ("capitals", head(&[("X-Capital", "x")])),
        ("a line break in a value", head(&[("x", "a\r\nb: c")])),
        (
            "a pseudo-header after a field",
            head(&[("x", "y"), (":path", "/board")]),
        ),
        ("a second path", head(&[(":path", "/board")])),
        ("an unknown pseudo-header", head(&[(":x", "y")])),
        ("a length and none of it", head(&[("content-length", "5")])),
        (
            "no path",
            vec![(":method", "GET"), (":scheme", "http"), (":authority", "test")],
        ),
    ];
    for (what, head) in cases {
        let mut frames = Frames::connect(proxy.address());
        let end = frames.headers(1, &head, true).end_of(1);
        let refused = matches!(
            end,
            StreamEnd::Reset(_) | StreamEnd::GoneAway(_) | StreamEnd::Closed
        ) || matches!(end, StreamEnd::Status(400));
        assert!(refused, "{what}: {end:?}");
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn http_2_head_is_checked_like_http_1() {
    let (upstream, proxy) = plain();
    let many: Vec<(String, String)> = (0..101).map(|n| (format!("x-{n}"), "y".to_owned())).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, value)| (&**name, &**value)).collect();
    let with = |method, authority, path| {
        vec![
            (":method", method),
            (":scheme", "http"),
            (":authority", authority),
            (":path", path),
        ]
    };
    let cases: [(&str, Fields<'_>, u16); 12] = [
        ("a space before a value", head(&[("x", " y")]), 400),
        ("a tab after a value", head(&[("x", "y\t")]), 400),
        ("another host", head(&[("host", "other")]), 400),
        (
            "a user in the authority",
            with("GET", "user@test", "/open/x"),
            400,
        ),
        ("an authority that is none", with("GET", "a b", "/open/x"), 400),
        (
            "no authority",
            vec![(":method", "GET"), (":scheme", "http"), (":path", "/open/x")],
            400,
        ),
        ("an absolute path", with("GET", "test", "http://test/open/x"), 400),
        ("an encoded slash", with("GET", "test", "/open%2fx"), 400),
        ("a backslash", with("GET", "test", "/open\\x"), 400),
        ("a star", with("GET", "test", "*"), 400),
        ("too many fields", head(&many), 431),
        (
            "two lengths",
            head(&[("content-length", "0"), ("content-length", "0")]),
            400,
        ),
    ];
    for (what, head, status) in cases {
        let mut frames = Frames::connect(proxy.address());
        let end = frames.headers(1, &head, true).end_of(1);
        let expected = match end {
            StreamEnd::Status(found) => found == status,
            // The HTTP layer resets requests that it can't represent.
            StreamEnd::Reset(_) | StreamEnd::GoneAway(_) => status == 400,
            StreamEnd::Closed => false,
        };
        assert!(expected, "{what}: {end:?}");
    }
    let mut frames = Frames::connect(proxy.address());
    let connect = [(":method", "CONNECT"), (":authority", "test:443")];
    assert_eq!(
        frames.headers(1, &connect, false).end_of(1),
        StreamEnd::Status(405)
    );
    assert_eq!(upstream.count(), 0);
}

#[test]
fn http_2_target_is_forwarded_in_normal_form() {
    let (upstream, proxy) = plain();
    let mut frames = Frames::connect(proxy.address());
    let mut target = |stream, path| {
        let head = [
            (":method", "GET"),
            (":scheme", "http"),
            (":authority", "TEST:80"),
            (":path", path),
        ];
        frames.headers(stream, &head, true).end_of(stream)
    };
    assert_eq!(target(1, "/x/../open//%78?a=%2e"), StreamEnd::Status(200));
    assert_eq!(upstream.last().target(), "/open/x?a=%2e");
    assert_eq!(target(3, "/open/../board"), StreamEnd::Status(401));
    assert_eq!(upstream.count(), 1);
}

#[test]
fn split_cookie_headers_are_forwarded_as_one() {
    let (upstream, proxy) = plain();
    let mut frames = Frames::connect(proxy.address());
    let head = head(&[
        ("cookie", "a=1"),
        ("cookie", "b=2"),
        ("x-many", "1"),
        ("x-many", "2"),
    ]);
    assert_eq!(frames.headers(1, &head, true).end_of(1), StreamEnd::Status(200));
    assert_eq!(upstream.last().head.values("cookie"), ["a=1; b=2"]);
    assert_eq!(upstream.last().head.values("x-many"), ["1", "2"]);
}

#[test]
fn an_empty_last_frame_ends_a_body_once() {
    let (upstream, proxy) = plain();
    let mut frames = Frames::connect(proxy.address());
    let post = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "test"),
        (":path", "/open/x"),
    ];
    let mut streams = (1..).step_by(2);
    // Each stream is a task, so the next request may start before the upstream connection is returned to the pool.
    eventually("a connection behind that is used again", || {
        let stream = streams.next()?;
        frames
            .headers(stream, &post, false)
            .data(stream, b"hello", false)
            .data(stream, b"", true);
        assert_eq!(frames.end_of(stream), StreamEnd::Status(200));
        (upstream.connections() < upstream.count()).then_some(())
    });
    let seen = upstream.requests();
    assert!(seen.iter().all(|request| request.body == b"hello"));
    assert!(
        seen.iter()
            .all(|request| request.header("transfer-encoding") == Some("chunked"))
    );
    // No bytes on the connection were out of place.
    assert_eq!(upstream.broken(), Vec::<String>::new());
}

#[test]
fn data_of_another_length_than_declared_is_rejected() {
    let (upstream, proxy) = plain();
    for (length, data) in [("3", &b"hello"[..]), ("7", b"hello")] {
        let mut frames = Frames::connect(proxy.address());
        let post = [
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "test"),
            (":path", "/open/x"),
            ("content-length", length),
        ];
        let end = frames.headers(1, &post, false).data(1, data, true).end_of(1);
        assert!(!matches!(end, StreamEnd::Status(200)), "{length}: {end:?}");
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn request_trailers_pass_to_an_http_1_upstream() {
    let (upstream, proxy) = plain();
    let mut client = H2Client::connect(proxy.address());
    let mut stream = client.open(&Request::new("POST", "/open/x").header("te", "trailers"), false);
    stream
        .send("hello", false)
        .trailers(&[("x-tenant-id", "forged"), ("x-checksum", "1")]);
    assert_eq!(stream.answer().unwrap().status, 200);
    let seen = upstream.only();
    assert_eq!(seen.body, b"hello");
    assert_eq!((seen.header("x-tenant-id"), seen.header("te")), (None, None));
    assert_eq!(upstream.broken(), Vec::<String>::new());
}

#[test]
fn a_body_over_the_limit_ends_its_stream_not_the_connection() {
    let upstream = Upstream::named("api");
    let proxy = gated(&upstream).with("body_limit: 1KiB").start();
    let mut client = H2Client::connect(proxy.address());
    let refused = client.ask(&Request::post("/open/x", vec![b'x'; 2000]));
    assert_eq!(
        (refused.status, refused.code()),
        (413, "BODY_TOO_LARGE".to_owned())
    );
    let mut stream = client.open(&Request::new("POST", "/open/x"), false);
    for _ in 0..8 {
        stream.send(vec![b'x'; 256], false);
    }
    assert_eq!(stream.answer().unwrap().code(), "BODY_TOO_LARGE");
    assert_eq!(client.ask(&Request::get("/open/x")).status, 200);
    assert_eq!(upstream.count(), 1);
}

#[test]
fn streams_of_one_connection_do_not_block_each_other() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |request, stream| {
        if request.target() == "/open/slow" {
            let _ = wait.lock().unwrap().recv();
        }
        reply(stream, &response(200, "OK", "done"))
    });
    let proxy = gated(&upstream).start();
    let mut client = H2Client::connect(proxy.address());
    let mut slow = client.open(&Request::get("/open/slow"), true);
    upstream.await_count(1);
    for _ in 0..10 {
        assert_eq!(client.ask(&Request::get("/open/fast")).status, 200);
    }
    go.send(()).unwrap();
    assert_eq!(slow.answer().unwrap().text(), "done");
}

#[test]
fn events_of_a_stream_are_forwarded_without_buffering() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
        );
        for _ in 0..3 {
            let _ = stream.write_all(b"9\r\ndata: 1\n\n\r\n");
            let _ = wait.lock().unwrap().recv();
        }
        reply(stream, "0\r\n\r\n")
    });
    let authority = Authority::new();
    let encrypted = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: open, match: /open/**, upstream: api }")
        .listening("tls: { certificates: [ { cert: a.pem, key: a.key } ] }")
        .pair("a", &authority.server(&["test"]))
        .start();
    let mut first = encrypted.connect_tls(&authority.trusted_by("test", &["http/1.1"], None));
    first.send(Request::get("/open/events").bytes());
    assert_eq!(first.head().0, 200);
    for _ in 0..3 {
        assert_eq!(first.chunk().as_deref(), Some(&b"data: 1\n\n"[..]));
        go.send(()).unwrap();
    }
    assert_eq!(first.chunk(), None);
    let mut second = H2Client::connect_tls(encrypted.address(), &authority.trusted_by("test", &["h2"], None));
    let mut events = second.open(&Request::get("/open/events"), true);
    assert_eq!(events.head().unwrap().0, 200);
    for _ in 0..3 {
        assert_eq!(events.chunk().unwrap().unwrap(), &b"data: 1\n\n"[..]);
        go.send(()).unwrap();
    }
    assert!(events.chunk().is_none());
}

#[test]
fn a_closed_gate_answers_grpc_with_a_grpc_status() {
    let (upstream, proxy) = plain();
    let mut client = H2Client::connect(proxy.address());
    let mut ask = |target: &str, tenant: &str| {
        let mut request = Request::new("POST", target)
            .header("content-type", "application/grpc+proto")
            .header("te", "trailers");
        if !tenant.is_empty() {
            request = request.token(&proxy.token(tenant));
        }
        let mut stream = client.open(&request, false);
        stream.send(testkit::grpc_message(b"hello"), true);
        stream.answer().unwrap()
    };
    for (target, tenant, status, message) in [
        ("/board", "globex", "12", "NOT_FOUND: Not Found"),
        ("/unknown", "", "12", "NOT_FOUND: Not Found"),
        ("/board", "", "16", "TOKEN_MISSING: a token is required"),
    ] {
        let refused = ask(target, tenant);
        assert_eq!((refused.status, refused.body.len()), (200, 0), "{target}");
        assert_eq!(
            refused.header("content-type"),
            Some("application/grpc"),
            "{target}"
        );
        assert_eq!(refused.header("grpc-status"), Some(status), "{target}");
        assert_eq!(refused.header("grpc-message"), Some(message), "{target}");
        assert_eq!(
            (refused.header("content-length"), &refused.trailers),
            (None, &None),
            "{target}"
        );
    }
    // The head itself ends the stream: after an empty DATA frame clients would miss the trailers.
    let mut frames = Frames::connect(proxy.address());
    frames.headers(
        1,
        &[
            (":method", "POST"),
            (":scheme", "http"),
            (":authority", "test"),
            (":path", "/unknown"),
            ("content-type", "application/grpc"),
        ],
        true,
    );
    let answer =
        std::iter::from_fn(|| frames.read()).find(|frame| frame.kind == kind::HEADERS && frame.stream == 1);
    assert!(answer.is_some_and(|frame| frame.flags & END_STREAM != 0));
    assert_eq!(upstream.count(), 0);
}

#[test]
fn incomplete_preface_is_closed_at_the_head_timeout() {
    let upstream = Upstream::named("api");
    let proxy = gated(&upstream)
        .listening("limits: { head_timeout: 100ms }")
        .start();
    let mut client = proxy.connect();
    client.send("PRI * HT");
    assert!(client.rest().is_empty() || !client.rest().starts_with(b"HTTP/1.1 200"));
    assert_eq!(upstream.count(), 0);
}

#[test]
fn an_invalid_preface_is_answered_with_goaway() {
    let settings = testkit::frames::frame(kind::SETTINGS, 0, 0, &[]);
    let goaway = testkit::frames::frame(kind::GOAWAY, 0, 0, &[0, 0, 0, 0, 0, 0, 0, 1]);
    let refusal = [settings, goaway].concat();
    let upstream = Upstream::named("api");
    let proxy = gated(&upstream)
        .listening("limits: { head_timeout: 500ms }")
        .start();
    for bytes in [
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX",
        "PRI * HTTP/2.0\r\nHost: a\r\n\r\n",
        "PRI * HTTP/2.1\r\n\r\nSM\r\n\r\n",
        // Incomplete at the deadline.
        "PRI * HTTP/2.0\r\n\r\nSM",
    ] {
        let mut client = proxy.connect();
        client.send(bytes);
        assert_eq!(client.rest(), refusal, "{bytes:?}");
    }
    // A first frame other than SETTINGS is invalid too, and so is an acknowledgement.
    for frame in [
        testkit::frames::frame(kind::PING, 0, 0, &[0; 8]),
        testkit::frames::frame(kind::SETTINGS, 1, 0, &[]),
        testkit::frames::frame(kind::SETTINGS, 0, 1, &[]),
        vec![],
    ] {
        let mut client = proxy.connect();
        client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.send(&frame);
        assert_eq!(client.rest(), refusal, "{frame:?}");
    }
    // What is no preface is HTTP/1.
    for bytes in ["INVALID CONNECTION PREFACE\r\n\r\n", "PRI * HTTP/1.1\r\n\r\n"] {
        let mut client = proxy.connect();
        client.send(bytes);
        assert_eq!(client.response().status, 400, "{bytes:?}");
    }
    // A client that agreed on HTTP/2 by ALPN gets no answer in HTTP/1.
    let authority = Authority::new();
    let encrypted = Proxy::builder()
        .upstream("api", &upstream)
        .listening("tls: { certificates: [ { cert: a.pem, key: a.key } ] }")
        .pair("a", &authority.server(&["test"]))
        .start();
    let mut client = encrypted.connect_tls(&authority.trusted_by("test", &["h2"], None));
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(client.rest(), refusal);
    assert_eq!(upstream.count(), 0);
}

#[test]
fn floods_of_resets_and_open_heads_end_their_connection() {
    let (upstream, proxy) = plain();
    let mut good = H2Client::connect(proxy.address());
    assert_eq!(good.ask(&Request::get("/open/x")).status, 200);
    // Rapid reset: requests that are cancelled at once (CVE-2023-44487).
    let mut frames = Frames::connect(proxy.address());
    let mut bytes = Vec::new();
    for stream in (1..20_000_u32).step_by(2) {
        bytes.extend(testkit::frames::frame(
            kind::HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &block(&head(&[])),
        ));
        bytes.extend(testkit::frames::frame(
            kind::RST_STREAM,
            0,
            stream,
            &8_u32.to_be_bytes(),
        ));
    }
    let _ = frames.try_send_bytes(&bytes);
    assert!(frames.is_closed());
    // A header block without an end (CVE-2024-27316).
    let mut frames = Frames::connect(proxy.address());
    frames.send(kind::HEADERS, END_STREAM, 1, &block(&head(&[])));
    let more = testkit::frames::frame(kind::CONTINUATION, 0, 1, &block(&[("x", &"y".repeat(4000))]));
    let _ = frames.try_send_bytes(&more.repeat(1000));
    assert!(frames.is_closed());
    assert_eq!(good.ask(&Request::get("/open/x")).status, 200);
    assert!(
        upstream.count() < 5_000,
        "{} of 10,000 resets came through",
        upstream.count()
    );
}

#[test]
fn truncated_response_resets_its_stream() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        After::Close
    });
    let proxy = gated(&upstream).start();
    let mut client = H2Client::connect(proxy.address());
    let mut stream = client.open(&Request::get("/open/x"), true);
    assert_eq!(stream.head().unwrap().0, 200);
    // Data in flight may be lost with the connection.
    let end = std::iter::from_fn(|| stream.chunk()).find_map(Result::err);
    assert!(end.is_some_and(|error| error.is_reset()));
}
