//! Connections: their limits, their client, and the boundaries of requests.

use std::io::Write as _;
use std::time::{Duration, Instant};

use testkit::{Client, Proxy, ProxyBuilder, Request, Upstream, eventually};

fn open(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: api, match: /**, upstream: api }")
}

#[test]
fn slow_head_has_one_deadline() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream)
        .listening("limits: { head_timeout: 300ms }")
        .start();
    let mut client = proxy.connect();
    let started = Instant::now();
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nX-Long: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
    // A byte every 20 ms, until the response arrives.
    let (late, took) = std::thread::scope(|scope| {
        let mut slow = client.socket();
        scope.spawn(move || {
            for byte in head {
                if slow.write_all(&[*byte]).is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let late = client.response();
        (late, started.elapsed())
    });
    assert_eq!((late.status, late.code()), (408, "HEAD_TIMEOUT".to_owned()));
    assert!(took >= Duration::from_millis(300), "{took:?}");
    assert!(took < Duration::from_millis(1300), "{took:?}");
    assert_eq!(proxy.log(1)[0]["error"], "HEAD_TIMEOUT");
    assert_eq!(
        proxy.metric("sluice_rejections_total{reason=\"HEAD_TIMEOUT\"}"),
        1.0
    );
    assert_eq!(upstream.count(), 0);
}

#[test]
fn silent_connection_is_closed_without_a_response() {
    let upstream = Upstream::named("api");
    let limits = "limits: { head_timeout: 200ms, idle_timeout: 200ms }";
    let proxy = open(&upstream).listening(limits).start();
    assert!(proxy.connect().is_closed());
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/")).status, 200);
    assert!(client.is_closed());
    eventually("the connections to be released", || {
        (proxy.metric("sluice_connections{listener=\"public\"}") == 0.0).then_some(())
    });
}

#[test]
fn proxy_header_preface_and_head_share_one_deadline() {
    let upstream = Upstream::named("api");
    let (start, preface) = ("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n", "PRI * HTTP/2.0\r\n");
    for (words, listening) in [
        // The edge waits for the HTTP/2 preface first, then for a head.
        (["", ""], "h2c: true"),
        (["PRI", ""], "h2c: true"),
        ([start, preface], "proxy_protocol: true, h2c: true"),
    ] {
        let proxy = open(&upstream)
            .listening(&format!("{listening}, limits: {{ head_timeout: 1s }}"))
            .with("trusted_proxies: [127.0.0.0/8]")
            .start();
        let started = Instant::now();
        let mut client = proxy.connect();
        // The second part is sent after more than half of the timeout.
        client.send(words[0]);
        std::thread::sleep(Duration::from_millis(600));
        client.send(words[1]);
        while client.try_send("").is_ok() && !client.is_closed() {}
        let took = started.elapsed();
        assert!(took >= Duration::from_millis(900), "{words:?}: {took:?}");
        assert!(took < Duration::from_millis(1500), "{words:?}: {took:?}");
    }
}

#[test]
fn slow_body_has_one_deadline() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream)
        .listening("limits: { body_timeout: 300ms }")
        .start();
    let mut client = proxy.connect();
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n");
    let late = std::thread::scope(|scope| {
        let mut slow = client.socket();
        scope.spawn(move || {
            for _ in 0..100 {
                if slow.write_all(b"a").is_err() {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        client.response()
    });
    assert_eq!((late.status, late.code()), (408, "BODY_TIMEOUT".to_owned()));
    assert_eq!(proxy.log(1)[0]["error"], "BODY_TIMEOUT");
    assert_eq!(upstream.count(), 0);
}

#[test]
fn request_head_over_its_limits_is_rejected() {
    let upstream = Upstream::named("api");
    let limits = "limits: { head_size: 2KiB, head_fields: 10 }";
    let proxy = open(&upstream).listening(limits).start();
    let long = Request::get("/").header("X-Long", &"a".repeat(3000));
    let many = (0..11).fold(Request::get("/"), |request, n| {
        request.header(&format!("X-{n}"), "a")
    });
    for request in [long, many] {
        let refused = proxy.ask(&request);
        assert_eq!(
            (refused.status, refused.code()),
            (431, "HEAD_TOO_LARGE".to_owned())
        );
    }
    assert_eq!(upstream.count(), 0);
    let just = Request::get("/").header("X-Long", &"a".repeat(1900));
    assert_eq!(proxy.ask(&just).status, 200);
}

#[test]
fn a_malformed_head_is_logged_and_counted() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream).start();
    let mut client = proxy.connect();
    client.send("GET / HTTP/1.1\r\nHost : a\r\n\r\n");
    assert_eq!(client.response().status, 400);
    assert!(client.is_closed());
    let line = proxy.log(1).remove(0);
    assert_eq!(line["error"], "HEAD_INVALID");
    assert_eq!(line["cause"], "a field name is malformed");
    assert_eq!(line["outcome"], "bad_request");
    assert_eq!(line["status"], 400);
    assert_eq!(line["client"], "127.0.0.1");
    assert_eq!(
        proxy.metric("sluice_rejections_total{reason=\"HEAD_INVALID\"}"),
        1.0
    );
}

#[test]
fn badly_framed_body_gets_400_and_is_no_next_request() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream).start();
    for body in [
        "0x5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "5;\x01\r\nhello",
    ] {
        let mut client = proxy.connect();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send(body);
        let refused = client.response();
        assert_eq!(
            (refused.status, refused.code()),
            (400, "BODY_INVALID".to_owned()),
            "{body:?}"
        );
        assert!(client.is_closed(), "{body:?}");
    }
    assert_eq!(upstream.count(), 0);
}

#[test]
fn pipelined_requests_with_bodies_are_answered_in_order() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream).start();
    let mut client = proxy.connect();
    let mut sent = Vec::new();
    for number in 0..20 {
        sent.extend(Request::post(&format!("/{number}"), format!("body {number}")).bytes());
        sent.extend(
            format!("POST /c{number} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n").bytes(),
        );
        sent.extend(b"3\r\nabc\r\n0\r\nX-Trailer: b\r\n\r\n");
    }
    client.send(sent);
    for _ in 0..40 {
        assert_eq!(client.response_to("POST").status, 200);
    }
    let targets: Vec<_> = upstream
        .requests()
        .iter()
        .map(|seen| seen.target().to_owned())
        .collect();
    let expected: Vec<_> = (0..20)
        .flat_map(|number| [format!("/{number}"), format!("/c{number}")])
        .collect();
    assert_eq!(targets, expected);
}

#[test]
fn listener_limits_its_connections() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream).listening("limits: { connections: 3 }").start();
    let mut kept: Vec<Client> = (0..3).map(|_| proxy.connect()).collect();
    for client in &mut kept {
        assert_eq!(client.ask(&Request::get("/")).status, 200);
    }
    assert!(proxy.connect().is_closed());
    proxy.await_metric("sluice_connections_refused_total{reason=\"full\"}", 1.0);
    assert_eq!(kept[0].ask(&Request::get("/")).status, 200);
    kept.pop();
    eventually("room for another", || {
        (proxy.metric("sluice_connections{listener=\"public\"}") == 2.0).then_some(())
    });
    assert_eq!(proxy.get("/", "").status, 200);
}

#[test]
fn client_connections_are_limited_to_its_share() {
    let upstream = Upstream::named("api");
    let limits = "limits: { connections_per_client: 2 }";
    let proxy = open(&upstream).listening(limits).start();
    let mut kept = [proxy.connect(), proxy.connect()];
    for client in &mut kept {
        assert_eq!(client.ask(&Request::get("/")).status, 200);
    }
    assert!(proxy.connect().is_closed());
    proxy.await_metric("sluice_connections_refused_total{reason=\"client_full\"}", 1.0);
    // A trusted proxy carries many clients, so the limit for one client does not apply to it.
    let trusting = open(&upstream)
        .listening(limits)
        .with("trusted_proxies: [127.0.0.1]")
        .start();
    let mut many: Vec<Client> = (0..5).map(|_| trusting.connect()).collect();
    for client in &mut many {
        assert_eq!(client.ask(&Request::get("/")).status, 200);
    }
}

#[test]
fn a_proxy_header_of_a_trusted_proxy_names_the_client() {
    let upstream = Upstream::named("api");
    let proxied = |trusted| {
        open(&upstream)
            .listening("proxy_protocol: true, limits: { head_timeout: 300ms, connections_per_client: 1 }")
            .with(trusted)
            .start()
    };
    let proxy = proxied("trusted_proxies: [127.0.0.1]");
    let binary = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x02\xc0\0\x02\x09\x12\x67\0\x50";
    for (header, client) in [
        (&b"PROXY TCP4 192.0.2.1 192.0.2.9 4711 80\r\n"[..], "192.0.2.1"),
        (binary, "192.0.2.2"),
    ] {
        let mut connection = proxy.connect();
        connection.send(header);
        assert_eq!(connection.ask(&Request::get("/")).status, 200, "{client}");
        assert_eq!(upstream.last().header("X-Forwarded-For"), Some(client));
        let mut second = proxy.connect();
        second.send(header);
        assert!(second.is_closed(), "{client} has had its share");
    }
    let clients: Vec<_> = proxy.log(2).iter().map(|line| line["client"].clone()).collect();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.2"]);
    for bytes in ["GET / HTTP/1.1\r\nHost: a\r\n\r\n", "PROXY TCP4 x\r\n", "PROXY"] {
        let mut connection = proxy.connect();
        connection.send(bytes);
        assert_eq!(connection.rest(), b"", "{bytes:?}");
    }
    proxy.await_metric("sluice_connections_refused_total{reason=\"proxy_header\"}", 3.0);
    let untrusting = proxied("trusted_proxies: [192.0.2.77]");
    let mut connection = untrusting.connect();
    let _ =
        connection.try_send("PROXY TCP4 192.0.2.1 192.0.2.9 4711 80\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(connection.rest(), b"");
    untrusting.await_metric("sluice_connections_refused_total{reason=\"untrusted\"}", 1.0);
    // On a listener without `proxy_protocol` a PROXY header is a malformed request.
    let plain = open(&upstream).start();
    let mut connection = plain.connect();
    connection.send("PROXY TCP4 192.0.2.1 192.0.2.9 4711 80\r\n\r\n");
    assert!(connection.rest().starts_with(b"HTTP/1.1 400 "));
}

#[test]
fn a_proxy_header_without_a_client_trusts_no_header() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream)
        .listening("proxy_protocol: true")
        .with("trusted_proxies: [127.0.0.1]")
        .start();
    let local = b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0";
    let unspecified = b"\r\n\r\n\0\r\nQUIT\n\x21\0\0\0";
    // The proxy connects for itself in the first case. In the others it does not know the client.
    for (header, client) in [
        (&local[..], Some("127.0.0.1")),
        (&unspecified[..], None),
        (b"PROXY UNKNOWN\r\n", None),
        (b"PROXY UNKNOWN 192.0.2.1 192.0.2.9 4711 80\r\n", None),
    ] {
        let mut connection = proxy.connect();
        connection.send(header);
        let request = Request::get("/")
            .header("X-Forwarded-For", "192.0.2.66")
            .header("X-Forwarded-Host", "other.test")
            .header("X-Forwarded-Proto", "https")
            .header("Forwarded", "for=192.0.2.66")
            .header("X-Real-IP", "192.0.2.66");
        assert_eq!(connection.ask(&request).status, 200, "{header:?}");
        let seen = upstream.last();
        assert_eq!(seen.header("X-Forwarded-For"), client, "{header:?}");
        assert_eq!(seen.header("X-Forwarded-Proto"), Some("http"));
        assert_ne!(seen.header("X-Forwarded-Host"), Some("other.test"));
        assert_eq!(seen.header("X-Real-IP"), None);
        assert!(!seen.header("Forwarded").unwrap().contains("192.0.2.66"));
    }
    let clients: Vec<_> = proxy.log(4).iter().map(|line| line["client"].clone()).collect();
    let null = serde_json::Value::Null;
    assert_eq!(clients, ["127.0.0.1".into(), null.clone(), null.clone(), null]);
}

#[test]
fn route_has_its_own_body_limit() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: small, match: /small, body_limit: 4, upstream: api }")
        .route("{ name: any, match: /any, body_limit: 0, upstream: api }")
        .route("{ name: usual, match: /usual, upstream: api }")
        .with("body_limit: 8")
        .start();
    for (path, length, status) in [
        ("/small", 4, 200),
        ("/small", 5, 413),
        ("/usual", 8, 200),
        ("/usual", 9, 413),
        ("/any", 100_000, 200),
    ] {
        let sized = Request::post(path, "a".repeat(length));
        assert_eq!(proxy.ask(&sized).status, status, "{path} {length}");
        let mut chunked = proxy.connect();
        chunked.send(format!(
            "POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        ));
        let _ = chunked.try_send(format!("{length:x}\r\n{}\r\n0\r\n\r\n", "a".repeat(length)));
        assert_eq!(
            chunked.response_to("POST").status,
            status,
            "{path} {length} in chunks"
        );
    }
}

#[test]
fn http_2_head_has_one_deadline() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream)
        .listening("h2c: true, limits: { head_timeout: 1s }")
        .start();
    let begun = [0, 0, 5, 1, 1, 0, 0, 0, 1, 0x82];
    let whole = testkit::frames::frame(1, 0, 1, &[0x82]);
    for bytes in [&begun[..], &whole, &[0, 0]] {
        let mut frames = testkit::Frames::connect(proxy.address());
        // Reading acknowledges the proxy's SETTINGS now, so that no acknowledgement is written between the bytes below.
        frames.read().unwrap();
        let started = Instant::now();
        frames.try_send_bytes(bytes).unwrap();
        assert!(frames.is_closed(), "{bytes:?}");
        let took = started.elapsed();
        assert!((900..4_000).contains(&took.as_millis()), "{took:?} {bytes:?}");
    }
    proxy.await_metric("sluice_connections_broken_off_total{reason=\"slow_head\"}", 3.0);
    // The deadline of the head does not apply to idle connections and slow bodies.
    let mut frames = testkit::Frames::connect(proxy.address());
    std::thread::sleep(Duration::from_millis(1_200));
    let ask = [
        (":method", "POST"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "/"),
    ];
    frames.headers(1, &ask, false);
    frames.try_send_bytes(&[0, 0, 2, 0, 1, 0, 0, 0, 1, b'a']).unwrap();
    std::thread::sleep(Duration::from_millis(1_200));
    frames.try_send_bytes(b"b").unwrap();
    assert_eq!(frames.end_of(1), testkit::StreamEnd::Status(200));
    assert_eq!(upstream.count(), 1);
}

#[test]
fn empty_lines_after_a_request_do_not_begin_a_head() {
    let upstream = Upstream::named("api");
    let proxy = open(&upstream)
        .listening("limits: { head_timeout: 200ms }")
        .start();
    let mut client = proxy.connect();
    let with_lines = |lines: &str| [&Request::post("/", "hi").bytes()[..], lines.as_bytes()].concat();
    // Some clients send CR LF after a body (RFC 9112 section 2.2).
    for lines in ["\r\n", "\r\n\r", "\r\n\r\n\r\n\r\n"] {
        client.send(with_lines(lines));
        assert_eq!(client.response().status, 200, "{lines:?}");
        std::thread::sleep(Duration::from_millis(500));
        if lines.ends_with('\r') {
            client.send("\n");
        }
        assert_eq!(client.ask(&Request::get("/")).status, 200, "{lines:?}");
    }
    // Other bytes begin a head, and have its deadline.
    client.send(with_lines("\r\nGET"));
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().code(), "HEAD_TIMEOUT");
    let mut client = proxy.connect();
    client.send(with_lines(&"\r\n".repeat(5)));
    assert_eq!(client.response().status, 200);
    assert_eq!(client.response().code(), "HEAD_INVALID");
}

#[test]
fn too_many_trailers_are_an_invalid_body() {
    const HEAD: &str = "Host: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n";
    let trailers = |count: usize| format!("{}\r\n", "a:\r\n".repeat(count));
    let upstream = Upstream::named("api");
    let proxy = open(&upstream).start();
    for (count, status) in [(256, 200), (257, 400)] {
        let mut client = proxy.connect();
        client.send(format!("POST / HTTP/1.1\r\n{HEAD}{}", trailers(count)));
        assert_eq!(client.response().status, status, "{count}");
    }
    assert_eq!(proxy.log(2)[1]["error"], "BODY_INVALID");
    for (count, is_complete) in [(256, true), (257, false)] {
        let answer = format!("HTTP/1.1 200 OK\r\n{HEAD}{}", trailers(count));
        let upstream = Upstream::answering(move |_, stream| testkit::reply(stream, &answer));
        let proxy = open(&upstream).start();
        let mut client = proxy.connect();
        client.send(Request::get("/").header("Connection", "close").bytes());
        let answer = String::from_utf8(client.rest()).unwrap();
        let end = format!("0\r\n{}", "a: \r\n".repeat(256));
        assert_eq!(answer.contains(&end), is_complete, "{answer}");
        assert_eq!(answer.contains("\r\n0\r\n"), is_complete, "{answer}");
        let error = if is_complete {
            None
        } else {
            Some("UPSTREAM_INVALID")
        };
        assert_eq!(proxy.log(1)[0]["error"].as_str(), error);
    }
}
