//! Connections of clients and upstreams over several requests: what one request leaves behind for the next.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use testkit::frames::{END_HEADERS, END_STREAM, block, frame, kind};
use testkit::{After, Frames, H2Answer, H2Client, H2Upstream, Proxy, Request, Upstream};

/// The head of a request over HTTP/2.
const HEAD: [(&str, &str); 4] = [
    (":method", "GET"),
    (":scheme", "http"),
    (":authority", "a"),
    (":path", "/"),
];

#[test]
fn a_refused_head_is_answered_also_after_another_request() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("limits: { head_timeout: 400ms }")
        .start();
    let large = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n",
        "x".repeat(128 * 1024)
    );
    let refused = [
        ("GET / HTTP/1.1\nHost: a\n\n", 400, "HEAD_INVALID"),
        ("GET / HTTP/1.1\r\n\r\n", 400, "HOST_INVALID"),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
            "FRAMING_INVALID",
        ),
        (&large, 431, "HEAD_TOO_LARGE"),
        ("GET / HTTP/1.1\r\nHos", 408, "HEAD_TIMEOUT"),
    ];
    for (number, (bytes, status, code)) in refused.into_iter().enumerate() {
        let mut client = proxy.connect();
        assert_eq!(client.ask(&Request::get("/")).status, 200);
        let _ = client.try_send(bytes);
        let answer = client.response();
        assert_eq!((answer.status, answer.code()), (status, code.to_owned()));
        let log = proxy.log(2 * number + 2);
        let line = &log[2 * number + 1];
        assert_eq!((&line["status"], &line["error"]), (&status.into(), &code.into()));
    }
}

#[test]
fn a_refused_head_of_a_head_request_gets_no_body() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
    let mut client = proxy.connect();
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\nBad name: x\r\n\r\n");
    let (status, head) = client.head();
    assert_eq!((status, head.header("connection")), (400, Some("close")));
    assert!(client.rest().is_empty());
    assert_eq!(proxy.log(1)[0]["method"], "HEAD");
}

/// The lines of `Connection` in one head, and true if the connection is kept.
const CONNECTION_LINES: [(&str, bool); 7] = [
    ("Connection: x-a\r\n", true),
    ("Connection: x-a\r\nConnection: close\r\n", false),
    ("Connection: close\r\nConnection: keep-alive\r\n", false),
    ("Connection: keep-alive\r\nConnection: close\r\n", false),
    ("Connection:\r\nConnection: x-a, Close ,x-b\r\n", false),
    (
        "Connection: x-a\r\nX: y\r\nconnection: x-b\r\nCONNECTION: CLOSE\r\n",
        false,
    ),
    ("Connection: x-a\r\nConnection: keep-alive\r\n", true),
];

#[test]
fn every_connection_line_of_a_request_counts() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
    for (lines, keeps) in CONNECTION_LINES {
        let mut client = proxy.connect();
        client.send(format!(
            "GET / HTTP/1.1\r\nHost: a\r\nX-A: 1\r\nX-B: 1\r\n{lines}\r\n"
        ));
        let answer = client.response();
        let is_closing = answer.header("connection") == Some("close");
        assert_eq!((answer.status, is_closing), (200, !keeps), "{lines:?}");
        assert_eq!(client.is_closed(), !keeps, "{lines:?}");
        let seen = upstream.last();
        let is_listed = |name: &str| lines.contains(name);
        assert_eq!(seen.header("x-a").is_none(), is_listed("x-a"), "{lines:?}");
        assert_eq!(seen.header("x-b").is_none(), is_listed("x-b"), "{lines:?}");
    }
    for (lines, keeps) in [
        ("Connection: x-a\r\nConnection: keep-alive\r\n", true),
        ("Connection: x-a\r\n", false),
    ] {
        let mut client = proxy.connect();
        client.send(format!("GET / HTTP/1.0\r\nHost: a\r\n{lines}\r\n"));
        assert_eq!(client.response().status, 200);
        assert_eq!(client.is_closed(), !keeps, "HTTP/1.0 {lines:?}");
    }
}

#[test]
fn every_connection_line_of_a_response_counts() {
    for (lines, keeps) in CONNECTION_LINES {
        let upstream = Upstream::answering(move |_, stream| {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-A: 1\r\nX-B: 1\r\n{lines}\r\n");
            testkit::reply(stream, &head)
        });
        let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
        let mut client = proxy.connect();
        for _ in 0..2 {
            let answer = client.ask(&Request::get("/"));
            assert_eq!(
                (answer.status, answer.header("connection")),
                (200, None),
                "{lines:?}"
            );
            assert_eq!(answer.header("x-a").is_none(), lines.contains("x-a"), "{lines:?}");
            assert_eq!(answer.header("x-b").is_none(), lines.contains("x-b"), "{lines:?}");
        }
        // Closed by this proxy, although the upstream would keep it.
        assert_eq!(upstream.connections(), if keeps { 1 } else { 2 }, "{lines:?}");
    }
}

#[test]
fn the_unread_rest_of_a_body_decides_about_its_connection() {
    const LENGTH: usize = 200 * 1024;
    for (rest, keeps) in [(1024, true), (100 * 1024, false)] {
        // Closes after most of the body.
        let upstream = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = upstream.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in upstream.incoming().take(2) {
                let _ = stream
                    .unwrap()
                    .take((LENGTH - rest) as u64)
                    .read_to_end(&mut Vec::new());
            }
        });
        let proxy = Proxy::to(&format!("\"{address}\"")).start();
        let mut client = proxy.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n"
        ));
        client.send(vec![b'x'; LENGTH - rest]);
        let failed = client.response();
        assert_eq!(
            (failed.status, failed.header("connection") != Some("close")),
            (502, keeps)
        );
    }
}

#[test]
fn a_request_is_not_repeated_once_its_response_has_begun() {
    for begun in ["HTTP/1.1 103 Early Hints\r\n\r\n", "HTTP/1.1 2"] {
        let upstream = Upstream::answering(move |request, stream| {
            if request.target() == "/warm" {
                return testkit::reply(stream, &testkit::response(200, "OK", "warm"));
            }
            let _ = stream.write_all(begun.as_bytes());
            After::Close
        });
        let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
        let mut client = proxy.connect();
        assert_eq!(client.ask(&Request::get("/warm")).status, 200);
        client.send(Request::new("DELETE", "/item").bytes());
        assert_eq!(client.response().status, 502);
        assert_eq!((upstream.count(), upstream.connections()), (2, 1), "{begun:?}");
    }
}

#[test]
fn responses_have_one_date() {
    let upstream = Upstream::answering(|request, stream| {
        let date = if request.target() == "/dated" {
            "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
        } else {
            ""
        };
        let head = format!("HTTP/1.1 200 OK\r\n{date}Content-Length: 0\r\n\r\n");
        testkit::reply(stream, &head)
    });
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: api, match: \"/{page}\", upstream: api }")
        .start();
    let date = |target| {
        let response = proxy.ask(&Request::get(target));
        (response.status, response.header("date").map(str::to_owned))
    };
    assert_eq!(
        date("/dated"),
        (200, Some("Sun, 06 Nov 1994 08:49:37 GMT".to_owned()))
    );
    for (target, status) in [("/plain", 200), ("/no/route", 404)] {
        let (seen, date) = date(target);
        assert_eq!(seen, status);
        assert!(date.is_some_and(|date| date.ends_with(" GMT")), "{target}");
    }
}

#[test]
fn a_switch_to_another_protocol_is_a_502() {
    for fields in ["Upgrade: h2c\r\nConnection: Upgrade\r\n", ""] {
        let upstream = Upstream::answering(move |_, stream| {
            let head = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\n");
            testkit::reply(stream, &head)
        });
        let proxy = Proxy::to(&format!("\"{}\"", upstream.address())).start();
        let mut client = proxy.connect();
        let request = Request::get("/")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket");
        let answer = client.ask(&request);
        assert_eq!(
            (answer.status, answer.code()),
            (502, "UPSTREAM_INVALID".to_owned())
        );
    }
}

#[test]
fn a_client_that_waits_for_its_window_has_all_of_its_time() {
    let upstream = Upstream::answering(|_, stream| {
        // Longer than the client's time for a write.
        std::thread::sleep(Duration::from_millis(1_500));
        testkit::reply(stream, &testkit::response(200, "OK", &"x".repeat(100_000)))
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("h2c: true, limits: { write_timeout: 1s }")
        .start();
    let mut frames = Frames::connect(proxy.address());
    // SETTINGS_INITIAL_WINDOW_SIZE is 0.
    frames.send(kind::SETTINGS, 0, 0, &[0, 4, 0, 0, 0, 0]);
    frames.headers(1, &HEAD, true);
    let (mut data, mut has_ended) = (0, false);
    while !has_ended {
        let frame = frames.read().expect("the whole response");
        assert_ne!(frame.kind, kind::RST_STREAM, "after {data} bytes");
        if frame.kind == kind::HEADERS {
            std::thread::sleep(Duration::from_millis(300));
            for stream in [0, 1] {
                frames.send(kind::WINDOW_UPDATE, 0, stream, &100_000_u32.to_be_bytes());
            }
        }
        if frame.kind == kind::DATA {
            data += frame.payload.len();
            has_ended = frame.flags & END_STREAM != 0;
        }
    }
    assert_eq!(data, 100_000);
}

#[test]
fn an_idle_http_2_connection_is_written_out_before_its_end() {
    const STREAMS: u32 = 100;
    let upstream = Upstream::answering(|_, stream| {
        testkit::reply(stream, &testkit::response(200, "OK", &"x".repeat(60_000)))
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("h2c: true, limits: { idle_timeout: 300ms }")
        .start();
    let mut frames = Frames::connect(proxy.address());
    frames.send(kind::WINDOW_UPDATE, 0, 0, &(1_u32 << 30).to_be_bytes());
    for number in 0..STREAMS {
        frames.headers(2 * number + 1, &HEAD, true);
    }
    upstream.await_count(STREAMS as usize);
    // The client reads nothing for longer than a connection may be idle.
    std::thread::sleep(Duration::from_millis(1_500));
    let (mut complete, mut is_announced) = (0, false);
    while let Some(frame) = frames.read() {
        match frame.kind {
            kind::DATA => complete += u32::from(frame.flags & END_STREAM != 0),
            kind::GOAWAY => is_announced = true,
            _ => {}
        }
    }
    assert_eq!((complete, is_announced), (STREAMS, true));
}

#[test]
fn a_refused_stream_is_repeated_with_its_body() {
    let count = AtomicUsize::new(0);
    let upstream = H2Upstream::answering(move |request| match count.fetch_add(1, Ordering::SeqCst) {
        0 => H2Answer::reset(h2::Reason::REFUSED_STREAM),
        _ => H2Answer::new(200, &String::from_utf8_lossy(&request.body)),
    });
    let address = upstream.address();
    let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], protocol: http2 }}"))
        .listening("h2c: true")
        .start();
    let answer = H2Client::connect(proxy.address()).ask(&Request::post("/", "the body"));
    assert_eq!((answer.status, answer.text()), (200, "the body"));
}

/// Serves an HTTP/2 connection: answers each request with the frame that `answer` returns for its stream.
fn serve_frames(mut stream: TcpStream, answer: impl Fn(u32) -> Vec<u8>) -> std::io::Result<()> {
    stream.write_all(&frame(kind::SETTINGS, 0, 0, &[]))?;
    stream.read_exact(&mut [0; 24])?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head)?;
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        stream.read_exact(&mut vec![0; length as usize])?;
        let id = u32::from_be_bytes([head[5], head[6], head[7], head[8]]);
        match head[3] {
            kind::SETTINGS if head[4] == 0 => stream.write_all(&frame(kind::SETTINGS, 1, 0, &[]))?,
            kind::HEADERS => stream.write_all(&answer(id))?,
            _ => {}
        }
    }
}

/// Returns a response without a body.
fn ok(id: u32) -> Vec<u8> {
    let head = block(&[(":status", "200")]);
    frame(kind::HEADERS, END_STREAM | END_HEADERS, id, &head)
}

#[test]
fn a_request_beyond_the_last_stream_of_a_goaway_is_repeated() {
    const ENHANCE_YOUR_CALM: u8 = 11;
    for (last, status) in [(0, 200), (1, 502)] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for (place, stream) in listener.incoming().take(2).enumerate() {
                std::thread::spawn(move || {
                    serve_frames(stream.unwrap(), |id| match place {
                        0 => {
                            let mut frames =
                                frame(kind::GOAWAY, 0, 0, &[0, 0, 0, last, 0, 0, 0, ENHANCE_YOUR_CALM]);
                            if last == 1 {
                                frames.extend(frame(kind::RST_STREAM, 0, id, &[0, 0, 0, ENHANCE_YOUR_CALM]));
                            }
                            frames
                        }
                        _ => ok(id),
                    })
                });
            }
        });
        let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], protocol: http2 }}")).start();
        assert_eq!(
            proxy.ask(&Request::post("/", "the body")).status,
            status,
            "{last}"
        );
    }
}

#[test]
fn a_burst_opens_one_connection_to_an_http_2_upstream() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, Ordering::SeqCst);
            std::thread::spawn(|| serve_frames(stream.unwrap(), ok));
        }
    });
    let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], protocol: http2 }}"))
        .listening("h2c: true")
        .start();
    let mut client = H2Client::connect(proxy.address());
    let mut streams: Vec<_> = (0..60).map(|_| client.open(&Request::get("/"), true)).collect();
    for stream in &mut streams {
        assert_eq!(stream.answer().unwrap().status, 200);
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[test]
fn time_for_an_answer_begins_after_the_wait_for_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            // Its SETTINGS come later than an answer may.
            std::thread::sleep(Duration::from_millis(700));
            std::thread::spawn(|| serve_frames(stream.unwrap(), ok));
        }
    });
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{address}\"], protocol: http2, read_timeout: 500ms }}"
    ))
    .listening("h2c: true")
    .start();
    let mut client = H2Client::connect(proxy.address());
    let mut streams: Vec<_> = (0..5).map(|_| client.open(&Request::get("/"), true)).collect();
    for stream in &mut streams {
        assert_eq!(stream.answer().unwrap().status, 200);
    }
}

#[test]
fn a_client_that_reads_nothing_is_not_the_upstreams_failure() {
    let upstream = Upstream::answering(|_, stream| {
        testkit::reply(stream, &testkit::response(200, "OK", &"x".repeat(16 << 20)))
    });
    let proxy = Proxy::to(&format!("\"{}\"", upstream.address()))
        .listening("limits: { write_timeout: 1s }")
        .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    let line = &proxy.log(1)[0];
    assert_eq!(
        (&line["outcome"], &line["error"]),
        (&"client_error".into(), &"CLIENT_GONE".into())
    );
}
