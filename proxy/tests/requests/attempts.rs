//! The attempts at the endpoints of an upstream: which failures are repeated and where, and which of them eject.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use testkit::{H2Answer, H2Upstream, Proxy, Request, Upstream};

/// Starts an upstream with a handler for each connection.
fn serving(handle: impl Fn(std::net::TcpStream) + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handle = Arc::new(handle);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let handle = Arc::clone(&handle);
            std::thread::spawn(move || handle(stream));
        }
    });
    address
}

/// Reads until the end of a head, and returns false at the end of the connection.
fn read_head(stream: &mut std::net::TcpStream) -> bool {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut byte) {
            Ok(1) => head.push(byte[0]),
            _ => return false,
        }
    }
    true
}

fn ejections(proxy: &Proxy) -> f64 {
    proxy.metric("sluice_upstream_ejections_total{upstream=\"api\"}")
}

#[test]
fn a_reset_stream_is_sent_once_and_ejects() {
    let bad = H2Upstream::answering(|_| H2Answer::reset(h2::Reason::INTERNAL_ERROR));
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{}\"], protocol: http2, ejection: {{ failures: 3, for: 1h }} }}",
        bad.address()
    ))
    .start();
    for _ in 0..3 {
        assert_eq!(proxy.ask(&Request::get("/")).status, 502);
    }
    assert_eq!((bad.requests().len(), ejections(&proxy)), (3, 1.0));
}

#[test]
fn a_refused_stream_is_repeated_at_another_endpoint() {
    let refusing = H2Upstream::answering(|_| H2Answer::reset(h2::Reason::REFUSED_STREAM));
    let good = H2Upstream::answering(|_| H2Answer::new(200, "good"));
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{}\", \"{}\"], protocol: http2, retries: 1 }}",
        refusing.address(),
        good.address()
    ))
    .start();
    for _ in 0..6 {
        assert_eq!(proxy.ask(&Request::post("/", "body")).status, 200);
    }
    assert_eq!((refusing.requests().len(), ejections(&proxy)), (3, 0.0));
}

#[test]
fn a_new_connection_follows_a_stale_one() {
    // Both connections are in use at once, so both are kept. Each is closed by its next request.
    let turns = Arc::new((Barrier::new(2), AtomicUsize::new(0)));
    let of_upstream = Arc::clone(&turns);
    let address = serving(move |mut stream| {
        let (both, connections) = &*of_upstream;
        let number = connections.fetch_add(1, Ordering::Relaxed);
        if !read_head(&mut stream) {
            return;
        }
        if number < 2 {
            both.wait();
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
        let _ = read_head(&mut stream);
    });
    let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], retries: 1 }}")).start();
    let mut clients = [proxy.connect(), proxy.connect()];
    for client in &mut clients {
        client.send(Request::get("/").bytes());
    }
    for client in &mut clients {
        assert_eq!(client.response().status, 200);
    }
    assert_eq!(proxy.ask(&Request::get("/")).status, 200);
    assert_eq!(turns.1.load(Ordering::Relaxed), 3);
}

#[test]
fn a_client_that_pauses_its_body_ejects_no_endpoint() {
    // Closes as an upstream does that has waited for long enough.
    let address = serving(|mut stream| {
        let _ = read_head(&mut stream) && stream.read(&mut [0; 3]).is_ok();
    });
    for (body, ejected) in [("abc", 0.0), ("abcdef", 1.0)] {
        let proxy = Proxy::to(&format!(
            "{{ endpoints: [\"{address}\"], ejection: {{ failures: 1, for: 1h }} }}"
        ))
        .start();
        let mut client = proxy.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n{body}"
        ));
        assert_eq!(client.response().status, 502);
        assert_eq!(ejections(&proxy), ejected, "{body}");
    }
}

#[test]
fn the_rest_of_a_refused_body_takes_no_place_of_the_upstream() {
    let address = serving(|mut stream| {
        let _ = read_head(&mut stream);
    });
    let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], max_in_flight: 1 }}")).start();
    let mut first = proxy.connect();
    first.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\nabc");
    assert_eq!(first.response().status, 502);
    // The proxy reads the rest of the first body for up to a second.
    assert_eq!(proxy.ask(&Request::get("/")).status, 502);
}

#[test]
fn a_long_early_answer_outlives_the_body_that_nobody_reads() {
    let address = serving(|mut stream| {
        let _ = read_head(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n");
        for _ in 0..15 {
            std::thread::sleep(Duration::from_millis(100));
            let _ = stream.write_all(b"x");
        }
    });
    let proxy = Proxy::to(&format!("{{ endpoints: [\"{address}\"], write_timeout: 300ms }}"))
        .with("body_limit: 0")
        .start();
    let mut client = proxy.connect();
    let mut sending = client.socket();
    std::thread::spawn(move || {
        let _ = sending.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 33554432\r\n\r\n");
        let _ = sending.write_all(&vec![b'x'; 32 << 20]);
    });
    let answer = client.response();
    assert_eq!((answer.status, answer.text()), (200, "xxxxxxxxxxxxxxx"));
}

#[test]
fn a_client_that_reads_nothing_is_blamed_for_the_total_timeout() {
    let upstream = Upstream::answering(|_, stream| {
        testkit::reply(stream, &testkit::response(200, "OK", &"x".repeat(16 << 20)))
    });
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{}\"], total_timeout: 500ms }}",
        upstream.address()
    ))
    .start();
    let mut client = proxy.connect();
    client.send(Request::get("/").bytes());
    let line = &proxy.log(1)[0];
    assert_eq!(
        (&line["outcome"], &line["error"]),
        (&"client_error".into(), &"CLIENT_GONE".into())
    );
}
