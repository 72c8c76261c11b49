//! The exchange with an upstream at its edges: kept connections, half-closed clients, silent tunnels, responses without a
//! body, trailers and interim responses.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::time::{Duration, Instant};

use testkit::{
    After, Client, Frames, H2Answer, H2Client, H2Upstream, Proxy, Request, StreamEnd, Upstream, eventually,
};

/// Starts an upstream with one connection, which answers whatever arrived with `answer` once nothing more arrives.
fn raw(answer: &'static str) -> (String, std::sync::mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (send, received) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        // As many turns as a test takes.
        for _ in 0..100 {
            let (mut seen, mut bytes) = (Vec::new(), [0; 1024]);
            while let Ok(length @ 1..) = stream.read(&mut bytes) {
                seen.extend_from_slice(&bytes[..length]);
            }
            if !seen.is_empty() {
                let _ = stream.write_all(answer.as_bytes());
                let _ = send.send(seen);
            }
        }
    });
    (address, received)
}

#[test]
fn a_504_or_502_keeps_a_connection_whose_body_was_read() {
    let silent = Upstream::answering(|_, _| After::Keep);
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{}\"], read_timeout: 200ms }}",
        silent.address()
    ))
    .start();
    let mut client = proxy.connect();
    for body in ["", "body"] {
        let late = client.ask(&Request::post("/", body));
        assert_eq!((late.status, late.code()), (504, "UPSTREAM_TIMEOUT".to_owned()));
        assert_ne!(late.header("connection"), Some("close"));
    }
    // The upstream closes without reading the body, of which a part is still on its way.
    let hasty = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = hasty.local_addr().unwrap();
    std::thread::spawn(move || hasty.incoming().take(8).for_each(drop));
    let proxy = Proxy::to(&format!("\"{address}\"")).start();
    for (length, is_kept) in [(32 * 1024, true), (1024 * 1024, false)] {
        let mut client = proxy.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"
        ));
        client.send(vec![b'x'; length / 2]);
        let failed = client.response();
        assert_eq!(failed.status, 502, "{length}");
        let _ = client.try_send(vec![b'x'; length / 2]);
        if is_kept {
            assert_eq!(client.ask(&Request::get("/")).status, 502, "{length}");
        } else {
            assert!(client.is_closed(), "{length}");
        }
    }
}

#[test]
fn a_quote_in_a_query_is_refused_with_a_document_and_logged() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("h2c: true")
        .start();
    let mut client = proxy.connect();
    client.send("GET /a?b=\"c\" HTTP/1.1\r\nHost: a\r\n\r\n");
    let refused = client.response();
    assert_eq!((refused.status, refused.code()), (400, "HEAD_INVALID".to_owned()));
    let mut frames = Frames::connect(proxy.address());
    let head = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "/a?b=\"c\""),
    ];
    frames.headers(1, &head, true);
    // Over HTTP/2 such a target is a stream error (RFC 9113 section 8.1.1).
    assert!(matches!(frames.end_of(1), StreamEnd::Reset(_)));
    drop(frames);
    proxy.await_metric("sluice_http2_requests_refused_total", 1.0);
    assert_eq!(proxy.log(1)[0]["error"], "HEAD_INVALID");
    assert_eq!(
        proxy.metric("sluice_rejections_total{reason=\"HEAD_INVALID\"}"),
        1.0
    );
    assert_eq!(upstream.count(), 0);
}

#[test]
fn a_half_closed_client_gets_its_answer_unless_configured() {
    let slow = Upstream::answering(|_, stream| {
        std::thread::sleep(Duration::from_millis(300));
        testkit::reply(stream, &testkit::response(200, "OK", "late"))
    });
    let half_closed = |proxy: &Proxy| {
        let mut client = proxy.connect();
        client.send(Request::get("/").bytes());
        client.socket().shutdown(Shutdown::Write).unwrap();
        String::from_utf8(client.rest()).unwrap()
    };
    let proxy = Proxy::to(&format!("\"{}\"", slow.address())).start();
    let answer = half_closed(&proxy);
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("late"),
        "{answer}"
    );
    assert_eq!(proxy.log(1)[0]["outcome"], "forwarded");
    let proxy = Proxy::to(&format!("\"{}\"", slow.address()))
        .listening("abort_on_close: true")
        .start();
    assert_eq!(half_closed(&proxy), "");
    assert_eq!(proxy.log(1)[0]["outcome"], "client_error");
}

fn websocket(client: &mut Client) {
    client.send(
        Request::get("/")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket")
            .bytes(),
    );
    assert_eq!(client.response().status, 101);
}

#[test]
fn a_silent_tunnel_has_its_own_timeout() {
    let echo = crate::upstream::echo();
    let upstream = |tunnel: &str| {
        format!(
            "{{ endpoints: [\"{}\"], read_timeout: 100ms, write_timeout: 100ms, total_timeout: 300ms{tunnel} }}",
            echo.address()
        )
    };
    let proxy = Proxy::to(&upstream("")).start();
    let mut client = proxy.connect();
    websocket(&mut client);
    std::thread::sleep(Duration::from_millis(600));
    client.send("ping");
    assert_eq!(client.bytes(8), b"pingping");
    let proxy = Proxy::to(&upstream(", tunnel_timeout: 400ms")).start();
    let mut client = proxy.connect();
    websocket(&mut client);
    let started = Instant::now();
    for _ in 0..3 {
        std::thread::sleep(Duration::from_millis(200));
        client.send("x");
        assert_eq!(client.bytes(2), b"xx");
    }
    assert!(client.is_closed());
    let took = started.elapsed();
    assert!((900..3_000).contains(&took.as_millis()), "{took:?}");
}

#[test]
fn a_tunnel_ends_one_direction_at_a_time() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        );
        let mut seen = Vec::new();
        let _ = stream.read_to_end(&mut seen);
        let _ = stream.write_all(format!("{} bytes", seen.len()).as_bytes());
        After::Close
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    websocket(&mut client);
    client.send("twelve bytes");
    client.socket().shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.rest(), b"12 bytes");
}

#[test]
fn fields_of_a_204_or_304_frame_no_body() {
    for (answer, status) in [
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", 204),
        (
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            204,
        ),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", 304),
        (
            "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
            304,
        ),
    ] {
        let upstream = Upstream::answering(move |_, stream| testkit::reply(stream, answer));
        let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
        let mut client = proxy.connect();
        for _ in 0..3 {
            client.send(Request::get("/").bytes());
            let (seen, head) = client.head();
            assert_eq!(seen, status, "{answer:?}");
            assert_eq!(head.header("transfer-encoding"), None, "{answer:?}");
            if status == 204 {
                assert_eq!(head.header("content-length"), None, "{answer:?}");
            }
        }
        assert_eq!(upstream.connections(), 1, "{answer:?}");
    }
}

#[test]
fn equal_content_lengths_of_a_response_become_one() {
    for lengths in ["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5, 5"] {
        let upstream = Upstream::answering(move |_, stream| {
            testkit::reply(stream, &format!("HTTP/1.1 200 OK\r\n{lengths}\r\n\r\nhello"))
        });
        let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
        let answer = proxy.ask(&Request::get("/"));
        assert_eq!((answer.status, answer.text()), (200, "hello"), "{lengths}");
        assert_eq!(answer.head.values("content-length"), ["5"], "{lengths}");
    }
}

#[test]
fn a_final_coding_other_than_chunked_is_a_502_at_once() {
    for coding in ["gzip", "chunked, gzip", "identity", "gzip, chunked"] {
        let upstream = Upstream::answering(move |_, stream| {
            let head =
                format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
            testkit::reply(stream, &head)
        });
        let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
        let started = Instant::now();
        let refused = proxy.ask(&Request::get("/"));
        assert_eq!(
            (refused.status, refused.code()),
            (502, "UPSTREAM_INVALID".to_owned()),
            "{coding}"
        );
        assert!(started.elapsed() < Duration::from_secs(5), "{coding}");
        assert_eq!(proxy.ask(&Request::get("/")).status, 502);
        assert_eq!(upstream.connections(), 2, "the connection is closed: {coding}");
    }
}

#[test]
fn a_silent_http_2_body_has_a_deadline() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("h2c: true, limits: { body_timeout: 300ms }")
        .start();
    let mut client = H2Client::connect(proxy.address());
    let mut stream = client.open(&Request::new("POST", "/").header("Content-Length", "40"), false);
    let started = Instant::now();
    let late = stream.send("abc", false).answer().unwrap();
    assert_eq!((late.status, late.code()), (408, "BODY_TIMEOUT".to_owned()));
    assert!(started.elapsed() < Duration::from_secs(5));
    assert_eq!(client.ask(&Request::get("/")).status, 200);
}

#[test]
fn trailers_are_forwarded_both_ways() {
    // HTTP/1 on both sides.
    let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\nContent-Length: 9\r\n\r\n";
    let (address, received) = raw(answer);
    let proxy = Proxy::to(&format!("\"{address}\""))
        .listening("h2c: true")
        .start();
    let mut client = proxy.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\
         X-Check: 2\r\nX-Tenant-Id: evil\r\nHost: b\r\n\r\n",
    );
    let text = String::from_utf8(client.rest()).unwrap();
    assert!(text.ends_with("\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n"), "{text}");
    let seen = String::from_utf8(received.recv().unwrap()).unwrap();
    // Names that only the proxy may set, and those that only a head may have, are removed.
    assert!(seen.ends_with("\r\n2\r\nab\r\n0\r\nX-Check: 2\r\n\r\n"), "{seen}");
    // From HTTP/2 to HTTP/1.
    let mut client = H2Client::connect(proxy.address());
    let mut stream = client.open(&Request::new("POST", "/"), false);
    stream.send("ab", false).trailers(&[("x-check", "3")]);
    let answer = stream.answer().unwrap();
    assert_eq!((answer.text(), answer.trailer("x-sum")), ("ok", Some("1")));
    assert_eq!(answer.trailer("content-length"), None);
    let seen = String::from_utf8(received.recv().unwrap()).unwrap();
    assert!(seen.ends_with("\r\n0\r\nx-check: 3\r\n\r\n"), "{seen}");
    // HTTP/2 on both sides.
    let upstream = H2Upstream::answering(|_| H2Answer::grpc(&[b"one"], "0"));
    let address = upstream.address();
    let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], protocol: http2 }}"))
        .listening("h2c: true")
        .start();
    let mut client = H2Client::connect(proxy.address());
    let post = || Request::new("POST", "/");
    for (request, body) in [
        (post(), "ab"),
        (post().header("content-length", "2"), "ab"),
        // The trailers follow the head at once.
        (post(), ""),
    ] {
        let mut stream = client.open(&request, false);
        if !body.is_empty() {
            stream.send(body, false);
        }
        stream.trailers(&[("x-check", "4"), ("x-tenant-id", "evil"), ("x-more", "5")]);
        let answer = stream.answer().unwrap();
        assert_eq!(answer.trailer("grpc-status"), Some("0"));
        let seen = upstream.requests().pop().unwrap();
        assert_eq!(seen.body, body.as_bytes());
        let trailers = seen.trailers.unwrap();
        assert_eq!(trailers.len(), 2, "{trailers:?}");
        assert_eq!(trailers.get("x-check").unwrap(), "4");
        assert_eq!(trailers.get("x-more").unwrap(), "5");
    }
    // From HTTP/1 to HTTP/2.
    let mut client = proxy.connect();
    client.send(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\
         X-Check: 6\r\nX-User-Id: evil\r\n\r\n",
    );
    let text = String::from_utf8_lossy(&client.rest()).into_owned();
    assert!(text.ends_with("\r\n0\r\ngrpc-status: 0\r\n\r\n"), "{text}");
    let trailers = upstream.requests().pop().unwrap().trailers.unwrap();
    assert_eq!(trailers.len(), 1, "{trailers:?}");
    assert_eq!(trailers.get("x-check").unwrap(), "6");
}

#[test]
fn interim_responses_reach_http_1_and_2_clients() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        testkit::reply(stream, &testkit::response(200, "OK", "done"))
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("h2c: true")
        .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    let hints = client.any_response_to("GET");
    assert_eq!((hints.status, hints.header("link")), (103, Some("</a>")));
    assert_eq!(client.response().text(), "done");
    // A client of HTTP/1.0 knows no interim responses (RFC 9110 section 15.2).
    client.send("GET / HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_eq!(client.any_response_to("GET").status, 200);
    let mut frames = Frames::connect(proxy.address());
    let head = [
        (":method", "GET"),
        (":scheme", "http"),
        (":authority", "a"),
        (":path", "/"),
    ];
    frames.headers(1, &head, true);
    let mut heads = 0;
    eventually("the end of the stream", || {
        let frame = frames.read().unwrap();
        heads += usize::from(frame.kind == 1);
        (frame.stream == 1 && frame.kind == 0 && frame.flags & 1 != 0).then_some(())
    });
    assert_eq!(heads, 2, "an interim response and the final one");
}

#[test]
fn a_half_closed_client_gets_all_its_pipelined_answers() {
    let upstream = Upstream::answering(|_, stream| {
        std::thread::sleep(Duration::from_millis(100));
        testkit::reply(stream, &testkit::response(200, "OK", "done"))
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes().repeat(3));
    client.socket().shutdown(Shutdown::Write).unwrap();
    let answers = String::from_utf8(client.rest()).unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 ").count(), 3, "{answers}");
}

#[test]
fn http_2_data_after_a_204_or_304_is_no_body_over_http_1() {
    for status in [204, 304] {
        let upstream = H2Upstream::answering(move |_| H2Answer::new(status, "HTTP/1.1 200 OK\r\n\r\n"));
        let proxy = Proxy::to(&format!(
            "{{ endpoints: [\"{}\"], protocol: http2 }}",
            upstream.address()
        ))
        .start();
        let mut client = proxy.connect();
        for _ in 0..2 {
            client.send(Request::get("/").bytes());
            let (seen, head) = client.head();
            assert_eq!(seen, status);
            assert_eq!(head.header("transfer-encoding"), None);
        }
        client.send("GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        let (seen, _) = client.head();
        assert_eq!((seen, client.rest()), (status, Vec::new()));
    }
}

#[test]
fn an_interim_response_states_no_length() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\nLink: </a>\r\n\r\n");
        testkit::reply(stream, &testkit::response(200, "OK", "done"))
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    let (status, head) = client.head();
    assert_eq!((status, head.header("content-length")), (103, None));
    assert_eq!(head.header("link"), Some("</a>"));
    assert_eq!(client.response().text(), "done");
}

#[test]
fn an_early_answer_to_a_client_that_awaits_100_closes() {
    let answer = "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno";
    let nowhere = crate::upstream::nowhere();
    // A nominated field is removed before the upstream gets the request.
    for nominated in ["", "Connection: expect\r\n"] {
        let (refusing, _received) = raw(answer);
        for (address, status) in [(&refusing, 403), (&nowhere, 502)] {
            let proxy = Proxy::to(&format!("\"{address}\"")).start();
            let mut client = proxy.connect();
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n{nominated}Content-Length: 60\r\n\r\n"
            ));
            let early = client.response();
            assert_eq!(
                (early.status, early.header("connection")),
                (status, Some("close")),
                "{nominated}"
            );
            // The client sends no body, but its next request. It must not be taken for the body.
            let _ = client.try_send(Request::get("/").bytes());
            assert!(client.is_closed());
        }
    }
}

#[test]
fn an_early_answer_announces_the_close_of_a_long_body() {
    for (length, keeps) in [(60 * 1024, true), (100 * 1024, false)] {
        let (address, _received) = raw("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        let proxy = Proxy::to(&format!("\"{address}\"")).start();
        let mut client = proxy.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\nabc"
        ));
        let early = client.response();
        let announced = early.header("connection") == Some("close");
        assert_eq!((early.status, announced), (403, !keeps));
    }
}

#[test]
fn response_bytes_are_those_that_were_written() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        let chunk = format!("1000\r\n{}\r\n", "x".repeat(0x1000));
        // More than all buffers hold.
        for _ in 0..8 * 1024 {
            if stream.write_all(chunk.as_bytes()).is_err() {
                break;
            }
        }
        After::Close
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("limits: { write_timeout: 1s }")
        .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    let line = &proxy.log(1)[0];
    assert_eq!(line["error"], "CLIENT_GONE");
    let logged = line["response_bytes"].as_u64().unwrap();
    let received = client.rest().len() as u64;
    assert!(logged > 0 && logged <= received, "{logged} of {received}");
}

#[test]
fn a_tunnel_delivers_what_a_lost_side_had_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
            );
            // Bytes that were not read turn the close into a reset.
            let _ = stream.peek(&mut [0; 1]);
            let _ = stream.write_all(&[b'x'; 1000]);
        }
    });
    let proxy = Proxy::to(&format!("\"{address}\"")).start();
    for turn in 0..40 {
        let mut client = proxy.connect();
        websocket(&mut client);
        for _ in 0..20 {
            let _ = client.try_send([b'y'; 1000]);
        }
        assert_eq!(client.rest().len(), 1000, "turn {turn}");
    }
}
