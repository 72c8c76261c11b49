//! The limits of HTTP/2 requests: those of their listener hold (edge.md section 1).

use std::time::{Duration, Instant};

use testkit::frames::{END_HEADERS, END_STREAM, block, frame, kind};
use testkit::{Frames, Proxy, Request, StreamEnd, Upstream};

use crate::upstream::hasty;

const POST: [(&str, &str); 4] = [
    (":method", "POST"),
    (":scheme", "http"),
    (":authority", "test"),
    (":path", "/x"),
];

fn listening(address: &str, limits: &str) -> Proxy {
    Proxy::builder()
        .upstream_at("api", address)
        .route("{ name: all, match: /**, upstream: api }")
        .listening(&format!("h2c: true, limits: {limits}"))
        .start()
}

/// Sends a body byte by byte, for this time or until the connection is closed.
fn drip(frames: &mut Frames, stream: u32, time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time && frames.try_send(0, 0, stream, b"a").is_ok() {
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn head_and_idle_timeouts_apply_to_http_2() {
    let upstream = Upstream::named("api");
    let address = upstream.address().to_string();
    let (large, larger) = ("a".repeat(40_000), "a".repeat(66_000));
    let proxy = listening(&address, "{ head_size: 64KiB, idle_timeout: 300ms }");
    let mut frames = Frames::connect(proxy.address());
    let ask = |frames: &mut Frames, stream, filler: &str| {
        let mut bytes = block(&POST);
        bytes.extend(block(&[("x-filler", filler)]));
        let mut parts = bytes.chunks(16_000).peekable();
        let mut kind = kind::HEADERS;
        while let Some(part) = parts.next() {
            let more = if parts.peek().is_none() { 4 } else { 0 };
            let end = u8::from(kind == kind::HEADERS);
            frames.send(kind, more | end, stream, part);
            kind = kind::CONTINUATION;
        }
        frames.end_of(stream)
    };
    assert_eq!(ask(&mut frames, 1, &large), StreamEnd::Status(200));
    assert_eq!(ask(&mut frames, 3, &larger), StreamEnd::Status(431));
    let idle = Instant::now();
    assert!(frames.is_closed());
    assert!(idle.elapsed() < Duration::from_secs(5), "{:?}", idle.elapsed());
    let narrow = listening(&address, "{ head_size: 8KiB }");
    assert_eq!(
        ask(&mut Frames::connect(narrow.address()), 1, &large),
        StreamEnd::Status(431)
    );
}

#[test]
fn slow_http_2_body_has_one_deadline() {
    let upstream = Upstream::named("api");
    let proxy = listening(&upstream.address().to_string(), "{ body_timeout: 300ms }");
    let mut frames = Frames::connect(proxy.address());
    frames.headers(1, &POST, false);
    drip(&mut frames, 1, Duration::from_millis(800));
    assert_eq!(frames.end_of(1), StreamEnd::Status(408));
    assert_eq!(proxy.log(1)[0]["error"], "BODY_TIMEOUT");
    assert_eq!(upstream.count(), 0);
    // Other streams of the connection continue.
    let get = POST.map(|(name, value)| {
        if name == ":method" {
            (name, "GET")
        } else {
            (name, value)
        }
    });
    assert_eq!(frames.headers(3, &get, true).end_of(3), StreamEnd::Status(200));
}

#[test]
fn grpc_body_has_no_deadline() {
    let upstream = Upstream::named("api");
    let proxy = listening(&upstream.address().to_string(), "{ body_timeout: 200ms }");
    let mut frames = Frames::connect(proxy.address());
    let mut call = POST.to_vec();
    call.push(("content-type", "application/grpc+proto"));
    frames.headers(1, &call, false);
    drip(&mut frames, 1, Duration::from_millis(600));
    assert_eq!(frames.data(1, b"", true).end_of(1), StreamEnd::Status(200));
    // The upstream responded: the proxy's own response would have the same status.
    assert_eq!(upstream.count(), 1);
}

#[test]
fn started_response_ends_at_the_request_deadline() {
    let address = hasty("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
    let proxy = listening(&address, "{ body_timeout: 300ms }");
    let mut frames = Frames::connect(proxy.address());
    frames.headers(1, &POST, false);
    drip(&mut frames, 1, Duration::from_millis(800));
    assert_eq!(frames.end_of(1), StreamEnd::Status(200));
    let end = frames.end_of(1);
    assert!(matches!(end, StreamEnd::Reset(_)), "{end:?}");
    assert_eq!(proxy.log(1)[0]["error"], "BODY_TIMEOUT");
}

#[test]
fn requests_rejected_before_reading_are_counted() {
    let upstream = Upstream::named("api");
    let proxy = listening(&upstream.address().to_string(), "{ head_size: 8KiB }");
    let mut frames = Frames::connect(proxy.address());
    let with = |more| POST.into_iter().chain([more]).collect::<Vec<_>>();
    // A malformed request, one with two hosts, and a valid one with trailers.
    assert!(matches!(
        frames.headers(1, &with(("connection", "close")), true).end_of(1),
        StreamEnd::Reset(_)
    ));
    assert_eq!(
        frames.headers(3, &with(("host", "other")), true).end_of(3),
        StreamEnd::Status(400)
    );
    frames.headers(5, &POST, false).headers(5, &[("x", "y")], true);
    assert_eq!(frames.end_of(5), StreamEnd::Status(200));
    assert_eq!(proxy.ask(&Request::get("/x")).status, 200);
    assert_eq!(proxy.metric("sluice_http2_requests_refused_total"), 0.0);
    drop(frames);
    proxy.await_metric("sluice_http2_requests_refused_total", 1.0);
    assert_eq!(proxy.log(3).len(), 3);
}

#[test]
fn requests_reset_before_they_run_are_logged() {
    let upstream = Upstream::named("api");
    let proxy = listening(&upstream.address().to_string(), "{}");
    let mut frames = Frames::connect(proxy.address());
    // Each request and its reset arrive together.
    let mut bytes = Vec::new();
    for stream in (1..20).step_by(2) {
        bytes.extend(frame(
            kind::HEADERS,
            END_HEADERS | END_STREAM,
            stream,
            &block(&POST),
        ));
        bytes.extend(frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes()));
    }
    frames.try_send_bytes(&bytes).unwrap();
    for line in proxy.log(10) {
        assert_eq!(line["error"], "CLIENT_GONE");
        let known = (&line["outcome"], &line["method"], &line["path"], &line["client"]);
        let expected = ["client_error", "POST", "/x", "127.0.0.1"].map(Into::into);
        assert_eq!(known, (&expected[0], &expected[1], &expected[2], &expected[3]));
    }
    let gone = "sluice_requests_total{route=\"_unmatched\",outcome=\"client_error\",status=\"none\"}";
    proxy.await_metric(gone, 10.0);
    assert_eq!(upstream.count(), 0);
}
