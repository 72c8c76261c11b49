//! Requests to upstreams (edge.md section 7, except balance, health and TLS): timeouts and retries.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use testkit::{After, H2Client, Proxy, ProxyBuilder, Request, Upstream, eventually, reply, response};

fn to(yaml: &str) -> ProxyBuilder {
    Proxy::builder()
        .upstream_at("api", yaml)
        .route("{ name: api, match: /**, upstream: api }")
}

/// Returns an address without a listener.
pub(crate) fn nowhere() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[test]
fn round_robin_continues_after_a_reload() {
    let upstreams = [Upstream::named("a"), Upstream::named("b"), Upstream::named("c")];
    let endpoints: Vec<_> = upstreams
        .iter()
        .map(|upstream| format!("\"{}\"", upstream.address()))
        .collect();
    let proxy = to(&format!("{{ endpoints: [{}] }}", endpoints.join(", "))).start();
    let ask = || proxy.ask(&Request::get("/")).text().to_owned();
    assert_eq!([ask(), ask(), ask(), ask()].concat(), "abca");
    proxy.reload("flags.yaml", "default: on", "default: off");
    assert_eq!([ask(), ask(), ask()].concat(), "bca");
}

#[test]
fn an_upstream_that_is_down_is_a_502_and_recovers() {
    let address = nowhere();
    let proxy = to(&format!("\"{address}\"")).start();
    for _ in 0..2 {
        let refused = proxy.ask(&Request::post("/", "body"));
        assert_eq!(
            (refused.status, refused.code()),
            (502, "UPSTREAM_UNREACHABLE".to_owned())
        );
        assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    }
    let upstream = Upstream::on(TcpListener::bind(&address).unwrap(), |_, stream| {
        reply(stream, &response(200, "OK", "up"))
    });
    assert_eq!(proxy.ask(&Request::get("/")).text(), "up");
    assert_eq!(upstream.count(), 1);
}

#[test]
fn unreachable_endpoint_is_skipped() {
    let upstream = Upstream::named("up");
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\", \"{}\"] }}",
        nowhere(),
        upstream.address()
    ))
    .start();
    for _ in 0..4 {
        assert_eq!(proxy.ask(&Request::post("/", "body")).text(), "up");
    }
    assert_eq!(upstream.count(), 4);
}

#[test]
fn silent_upstream_gets_504_without_retry() {
    let upstream = Upstream::answering(|_, _| After::Keep);
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\"], read_timeout: 100ms }}",
        upstream.address()
    ))
    .start();
    let refused = proxy.ask(&Request::get("/"));
    assert_eq!(
        (refused.status, refused.code()),
        (504, "UPSTREAM_TIMEOUT".to_owned())
    );
    // The upstream counts a request when it has read it, which on a loaded machine is after the timeout.
    eventually("the request to be counted", || {
        (upstream.count() > 0).then_some(())
    });
    assert_eq!(upstream.count(), 1);
}

#[test]
fn a_paused_body_is_a_408_and_ejects_no_endpoint() {
    for limit in ["read_timeout: 150ms", "read_timeout: 10s, total_timeout: 150ms"] {
        let upstream = Upstream::named("api");
        let proxy = to(&format!(
            "{{ endpoints: [\"{}\"], ejection: {{ failures: 1, for: 1h }}, {limit} }}",
            upstream.address()
        ))
        .listening("h2c: true")
        .start();
        let mut client = proxy.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nabc");
        let late = client.response();
        assert_eq!(
            (late.status, late.code()),
            (408, "BODY_TIMEOUT".to_owned()),
            "{limit}"
        );
        assert!(client.is_closed(), "{limit}");
        let mut client = H2Client::connect(proxy.address());
        let mut stream = client.open(&Request::new("POST", "/").header("Content-Length", "40"), false);
        let late = stream.send("abc", false).answer().unwrap();
        assert_eq!(
            (late.status, late.code()),
            (408, "BODY_TIMEOUT".to_owned()),
            "{limit}"
        );
        let log = proxy.log(2);
        assert!(
            log.iter().all(|line| line["outcome"] == "client_error"),
            "{limit}"
        );
        let ejections = proxy.metric("sluice_upstream_ejections_total{upstream=\"api\"}");
        assert_eq!(ejections, 0.0, "{limit}");
        assert_eq!((upstream.count(), proxy.ask(&Request::get("/")).status), (0, 200));
    }
}

/// Starts an upstream that responds to every head at once, whatever follows it.
pub(crate) fn hasty(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        // As many connections as a test makes; they stay open until it ends.
        let mut open = Vec::new();
        for mut stream in listener.incoming().take(8).flatten() {
            let mut read = Vec::new();
            while !read.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    break;
                }
                read.extend(byte);
            }
            let _ = stream.write_all(answer.as_bytes());
            open.push(stream);
        }
    });
    address
}

#[test]
fn answered_request_releases_its_upstream() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
    ] {
        let proxy = to(&format!(
            "{{ endpoints: [\"{}\"], max_in_flight: 3 }}",
            hasty(answer)
        ))
        .listening("h2c: true")
        .start();
        let nothing_in_flight = || {
            eventually("the permits to be given back", || {
                (proxy.metric("sluice_upstream_in_flight{upstream=\"api\"}") == 0.0).then_some(())
            });
        };
        let mut client = H2Client::connect(proxy.address());
        let request = Request::new("POST", "/").header("Content-Length", "40");
        let mut held: Vec<_> = (0..3).map(|_| client.open(&request, false)).collect();
        for stream in &mut held {
            assert!(stream.send("abc", false).head().unwrap().0 < 300, "{answer:?}");
        }
        nothing_in_flight();

        let mut client = proxy.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 40\r\n\r\nabc");
        assert!(client.response().status < 300, "{answer:?}");
        let answered = Instant::now();
        nothing_in_flight();
        assert!(client.is_closed(), "{answer:?}");
        // The rest of the body has 2 s. Without an answer it would have the listener's 10 minutes.
        assert!(answered.elapsed() < Duration::from_secs(60), "{answer:?}");
        drop(held);
    }
}

#[test]
fn invalid_or_empty_upstream_response_is_a_502() {
    for (answer, code) in [
        ("nonsense\r\n\r\n", "UPSTREAM_INVALID"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "UPSTREAM_INVALID",
        ),
        ("", "UPSTREAM_FAILED"),
    ] {
        let upstream = Upstream::answering(move |_, stream| {
            let _ = stream.write_all(answer.as_bytes());
            After::Close
        });
        let proxy = to(&format!("\"{}\"", upstream.address())).start();
        let refused = proxy.ask(&Request::get("/"));
        assert_eq!(
            (refused.status, refused.code()),
            (502, code.to_owned()),
            "{answer:?}"
        );
        assert_eq!(upstream.count(), 1, "{answer:?}");
    }
}

#[test]
fn truncated_upstream_response_is_truncated_for_the_client() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        After::Close
    });
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    assert_eq!(client.head().0, 200);
    assert_eq!(client.rest(), b"half");
    assert_eq!(proxy.log(1)[0]["outcome"], "upstream_error");
}

#[test]
fn upstream_connections_are_reused_and_replaced_if_closed() {
    let upstream = Upstream::named("up");
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.ask(&Request::get("/")).status, 200);
    }
    assert_eq!(upstream.connections(), 1);
    upstream.close_connections();
    assert_eq!(client.ask(&Request::get("/")).status, 200);
    assert_eq!(upstream.count(), 4);
}

#[test]
fn pipelined_requests_do_not_hide_a_closed_connection() {
    // A task may do 128 operations in a row. Each of these requests takes one.
    const REFUSED: &str = "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n";
    const UNASKED: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nunasked";
    for is_closed in [true, false] {
        let kept = Arc::new(Mutex::new(None));
        let keep = Arc::clone(&kept);
        let upstream = Upstream::answering(move |_, stream| {
            *keep.lock().unwrap() = Some(stream.try_clone().unwrap());
            reply(stream, &response(200, "OK", "up"))
        });
        let proxy = to(&format!("\"{}\"", upstream.address())).start();
        for count in 120..132 {
            let mut client = proxy.connect();
            assert_eq!(client.ask(&Request::get("/")).text(), "up");
            client.send(REFUSED);
            assert_eq!(client.response().status, 400);
            let mut idle = kept.lock().unwrap().take().unwrap();
            match is_closed {
                true => idle.shutdown(Shutdown::Both).unwrap(),
                false => idle.write_all(UNASKED).unwrap(),
            }
            // The proxy sees the bytes or the end before it reads another request.
            client.send(REFUSED);
            assert_eq!(client.response().status, 400);
            client.send(REFUSED.repeat(count) + "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi");
            for _ in 0..count {
                assert_eq!(client.response().status, 400);
            }
            let answer = client.response();
            assert_eq!((answer.status, answer.text()), (200, "up"), "{count} {is_closed}");
        }
    }
}

#[test]
fn pipelined_requests_do_not_hide_a_body_that_has_arrived() {
    const REFUSED: &str = "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n";
    let proxy = to("\"127.0.0.1:9\"").start();
    for count in 120..132 {
        let mut client = proxy.connect();
        // The body arrives with a read of its own: the first one is full.
        let body = "5\r\nhello\r\n".repeat(300) + "0\r\n\r\n";
        let head = "POST /%00 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
        client.send(REFUSED.repeat(count) + head + &body + REFUSED);
        for _ in 0..count + 2 {
            assert_eq!(client.response().status, 400, "{count}");
        }
    }
}

#[test]
fn request_possibly_processed_is_not_retried() {
    // After the first response the connection is pooled; the second request on it is read and not answered.
    let seen = AtomicUsize::new(0);
    let upstream = Upstream::answering(move |_, stream| match seen.fetch_add(1, Ordering::SeqCst) {
        0 => reply(stream, &response(200, "OK", "first")),
        _ => After::Close,
    });
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/")).text(), "first");
    assert_eq!(client.ask(&Request::post("/", "pay")).status, 502);
    assert_eq!(upstream.count(), 2);
}

#[test]
fn retried_body_counts_once_against_the_limit() {
    let seen = AtomicUsize::new(0);
    let upstream = Upstream::answering(move |_, stream| match seen.fetch_add(1, Ordering::SeqCst) {
        1 => After::Close,
        _ => reply(stream, &response(200, "OK", "done")),
    });
    let proxy = to(&format!("\"{}\"", upstream.address()))
        .with("body_limit: 1KiB")
        .start();
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/")).text(), "done");
    let body = "x".repeat(600);
    client.send(format!(
        "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n258\r\n{body}\r\n0\r\n\r\n"
    ));
    assert_eq!(client.response().text(), "done");
    let bodies: Vec<_> = upstream
        .requests()
        .iter()
        .map(|request| request.body.len())
        .collect();
    assert_eq!(bodies, [0, 600, 600]);
}

#[test]
fn bodies_are_forwarded_unchanged() {
    let upstream = Upstream::answering(|request, stream| {
        let head = format!(
            "HTTP/1.1 201 Created\r\nX-A: b\r\nx-a: c\r\nContent-Length: {}\r\n\r\n",
            request.body.len()
        );
        let _ = stream.write_all(head.as_bytes());
        let _ = stream.write_all(&request.body);
        After::Keep
    });
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let body: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let answer = proxy.ask(&Request::post("/", body.clone()));
    assert_eq!((answer.status, answer.head.values("x-a")), (201, vec!["b", "c"]));
    assert!(answer.body == body && upstream.only().body == body);

    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nT: 1\r\n\r\n");
    assert_eq!(client.response().text(), "hello world");
    assert_eq!(upstream.last().body, b"hello world");
    assert_eq!(client.ask(&Request::get("/")).status, 201);
    assert_eq!(upstream.broken(), Vec::<String>::new());
}

#[test]
fn response_is_streamed_to_the_client() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n");
        let _ = wait.lock().unwrap().recv();
        reply(stream, "3\r\ntwo\r\n0\r\n\r\n")
    });
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    assert_eq!(client.head().0, 200);
    assert_eq!(client.chunk().as_deref(), Some(&b"one"[..]));
    go.send(()).unwrap();
    assert_eq!(client.chunk().as_deref(), Some(&b"two"[..]));
    assert_eq!(client.chunk(), None);
}

#[test]
fn expect_100_continue_is_supported() {
    let upstream = Upstream::named("up");
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert_eq!(client.any_response_to("POST").status, 100);
    client.send("hello");
    assert_eq!(client.response().status, 200);
    assert_eq!(upstream.only().body, b"hello");
}

/// Starts an upstream that switches to a protocol in which it repeats everything twice.
pub(crate) fn echo() -> Upstream {
    Upstream::answering(|_, stream| {
        let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
        let _ = stream.write_all(head.as_bytes());
        let mut bytes = [0; 64];
        while let Ok(length @ 1..) = stream.read(&mut bytes) {
            let _ = stream.write_all(&bytes[..length].repeat(2));
        }
        After::Close
    })
}

#[test]
fn a_websocket_passes_only_an_open_gate() {
    let upstream = echo();
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: live, match: /live, gate: board, upstream: api }")
        .with("body_limit: 16")
        .start();
    let upgrade = |tenant: &str| {
        Request::get("/live")
            .token(&proxy.token(tenant))
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("Sec-WebSocket-Version", "13")
    };
    assert_eq!(proxy.ask(&upgrade("globex")).status, 404);
    assert_eq!(upstream.count(), 0);
    // Many times, because a tunnel may be lost right after it is established.
    for _ in 0..100 {
        let mut client = proxy.connect();
        client.send(upgrade("acme").bytes());
        assert_eq!(client.response().status, 101);
        client.send("a frame");
        assert_eq!(client.bytes(14), b"a framea frame");
        client.send("a frame longer than the limit of a body");
        assert_eq!(
            client.bytes(78),
            b"a frame longer than the limit of a body".repeat(2)
        );
    }
    assert_eq!(
        upstream.last().header("Connection").map(str::to_lowercase),
        Some("upgrade".to_owned())
    );
}

#[test]
fn an_unrequested_switch_of_protocols_is_a_502() {
    let upstream = echo();
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let asked = [
        Request::get("/"),
        Request::get("/")
            .header("Connection", "Upgrade")
            .header("Upgrade", "h2c"),
    ];
    for request in asked {
        let mut client = proxy.connect();
        client.send(request.bytes());
        client.send("a frame");
        let refused = client.response();
        assert_eq!(
            (refused.status, refused.code()),
            (502, "UPSTREAM_INVALID".to_owned()),
            "{request:?}"
        );
        // Bytes sent too early are never a request, whether or not they are HTTP.
        let _ = client.try_send("\r\n");
        let rest = String::from_utf8(client.rest()).unwrap();
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 400 "),
            "{request:?}: {rest}"
        );
    }
}

#[test]
fn a_broken_tunnel_receives_no_bytes_of_the_proxy() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\nlast words");
        After::Keep
    });
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\"], tunnel_timeout: 100ms }}",
        upstream.address()
    ))
    .start();
    let mut client = proxy.connect();
    client.send(
        Request::get("/")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .bytes(),
    );
    assert_eq!(client.response().status, 101);
    assert_eq!(client.rest(), b"last words");
}

#[test]
fn client_disconnect_aborts_the_upstream_request() {
    let upstream = Upstream::answering(|_, _| After::Keep);
    let proxy = to(&format!("\"{}\"", upstream.address()))
        .listening("abort_on_close: true")
        .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    upstream.await_count(1);
    drop(client);
    let log = proxy.log(1);
    assert_eq!(
        (&log[0]["outcome"], &log[0]["status"]),
        (&"client_error".into(), &0.into())
    );
}

#[test]
fn http_1_0_client_gets_no_chunked_response() {
    let answers = [
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcde",
        "HTTP/1.0 200 OK\r\n\r\nabcde",
    ];
    for answer in answers {
        let upstream = Upstream::answering(move |_, stream| {
            let _ = stream.write_all(answer.as_bytes());
            After::Close
        });
        let proxy = to(&format!("\"{}\"", upstream.address())).start();
        for connection in ["close", "keep-alive"] {
            let mut client = proxy.connect();
            client.send(format!(
                "GET / HTTP/1.0\r\nHost: a\r\nConnection: {connection}\r\n\r\n"
            ));
            let (status, head) = client.head();
            assert_eq!(
                (status, head.header("transfer-encoding")),
                (200, None),
                "{answer}"
            );
            assert_eq!(head.header("connection"), Some("close"), "{answer}");
            assert_eq!(client.rest(), b"abcde", "{answer}");
        }
        assert_eq!(proxy.ask(&Request::get("/")).text(), "abcde", "{answer}");
    }
}

#[test]
fn a_failed_upstream_keeps_the_clients_connection() {
    let upstream = Upstream::answering(|_, _| After::Close);
    let proxy = to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    for request in [
        Request::get("/a"),
        Request::post("/b", "body"),
        Request::get("/c"),
    ] {
        let failed = client.ask(&request);
        assert_eq!(
            (failed.status, failed.code()),
            (502, "UPSTREAM_FAILED".to_owned())
        );
        assert_ne!(failed.header("connection"), Some("close"));
    }
    assert_eq!(proxy.log(3).len(), 3);
}
