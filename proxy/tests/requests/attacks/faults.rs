//! Upstreams that misbehave at every step of a response: the client gets the right status or a broken response, the
//! log the right cause, and no later request another request's response.

use std::io::{BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use testkit::{Client, MessageHead, Proxy, Request, eventually};

/// Read timeout of the upstreams in these tests.
const READ_TIMEOUT: &str = "300ms";
/// The response to `/good`.
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ngood";

/// The behaviour of an upstream for `/fault`. The connection is not used afterwards.
type Fault = dyn Fn(&mut TcpStream) + Send + Sync;

/// A server on loopback that responds well to `/good` and faultily to `/fault`. Dropping it stops it.
struct Faulty {
    address: SocketAddr,
    seen: Arc<Seen>,
}

#[derive(Default)]
struct Seen {
    stopping: AtomicBool,
    connections: AtomicUsize,
    faults: AtomicUsize,
    /// Bytes that arrived on a connection after it misbehaved.
    reused: AtomicUsize,
}

impl Faulty {
    fn new(fault: impl Fn(&mut TcpStream) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Seen>::default();
        let (noted, fault) = (
            Arc::clone(&seen),
            Arc::<Fault>::from(Box::new(fault) as Box<Fault>),
        );
        thread::spawn(move || {
            for stream in listener.incoming() {
                if noted.stopping.load(Ordering::SeqCst) {
                    return;
                }
                let (noted, fault) = (Arc::clone(&noted), Arc::clone(&fault));
                noted.connections.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream.unwrap(), &noted, &*fault));
            }
        });
        Self { address, seen }
    }

    fn proxy(&self) -> Proxy {
        Proxy::builder()
            .upstream_at(
                "api",
                &format!(
                    "{{ endpoints: [\"{}\"], read_timeout: {READ_TIMEOUT}, ejection: off }}",
                    self.address
                ),
            )
            .route("{ name: api, match: /**, upstream: api }")
            .start()
    }

    fn faults(&self) -> usize {
        self.seen.faults.load(Ordering::SeqCst)
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        self.seen.stopping.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, seen: &Seen, fault: &Fault) {
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    while let Ok(Some(head)) = MessageHead::read(&mut reader) {
        let _ = head.read_body(&mut reader, false);
        if head.start.contains(" /good ") {
            let _ = stream.write_all(GOOD);
            continue;
        }
        seen.faults.fetch_add(1, Ordering::SeqCst);
        fault(&mut stream);
        // A request here means that the proxy reused a connection that misbehaved.
        if let Ok(more) = reader.read(&mut [0; 1024]) {
            seen.reused.fetch_add(more, Ordering::SeqCst);
        }
        return;
    }
}

/// Returns the client's view of `/fault`: the status, and the body as far as it arrived.
fn ask(client: &mut Client, request: &Request) -> (u16, Vec<u8>) {
    client.send(request.bytes());
    loop {
        let (status, head) = client.head();
        if status < 200 {
            continue;
        }
        // Reads the whole body if it has a length and is not cut off, else until the connection closes.
        return match head
            .header("content-length")
            .and_then(|length| length.parse().ok())
        {
            Some(length) if status >= 400 => (status, client.bytes(length)),
            _ => (status, client.rest()),
        };
    }
}

/// Checks that after a fault every client gets its own response.
fn is_sound(proxy: &Proxy, faulty: &Faulty, what: &str) {
    let mut client = proxy.connect();
    for _ in 0..3 {
        assert_eq!(client.ask(&Request::get("/good")).text(), "good", "after {what}");
    }
    assert_eq!(
        faulty.seen.reused.load(Ordering::SeqCst),
        0,
        "bytes on a bad connection after {what}"
    );
}

/// Returns a fault that writes these bytes and closes.
fn writing(bytes: impl Into<Vec<u8>>) -> impl Fn(&mut TcpStream) + Send + Sync + 'static {
    let bytes = bytes.into();
    move |stream| {
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }
}

/// Returns a fault that writes these bytes and stops.
fn stalling(bytes: &'static str) -> impl Fn(&mut TcpStream) + Send + Sync + 'static {
    move |stream| {
        let _ = stream.write_all(bytes.as_bytes());
    }
}

/// Returns faults before a response, or within its head, by name: the connection closes.
fn closing_faults() -> Vec<(&'static str, Box<Fault>)> {
    vec![
        ("closing at once", Box::new(writing(""))),
        ("closing in the status line", Box::new(writing("HTTP/1.1 20"))),
        (
            "closing in the head",
            Box::new(writing("HTTP/1.1 200 OK\r\nContent-Le")),
        ),
    ]
}

/// Returns faults before a response, by name: the connection stays open, and the rest does not arrive.
fn silent_faults() -> Vec<(&'static str, Box<Fault>)> {
    vec![
        ("silence", Box::new(stalling(""))),
        (
            "silence in the head",
            Box::new(stalling("HTTP/1.1 200 OK\r\nContent-Le")),
        ),
        (
            "silence after interim answers",
            Box::new(stalling("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")),
        ),
    ]
}

/// Returns responses that are not valid HTTP, by name.
fn invalid_responses() -> Vec<(&'static str, Box<Fault>)> {
    vec![
        ("no HTTP", Box::new(writing("SSH-2.0-OpenSSH_9.2\r\n\r\n"))),
        (
            "two lengths",
            Box::new(writing(
                "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nevil!",
            )),
        ),
        (
            "a length that is none",
            Box::new(writing("HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\nevil")),
        ),
        (
            "a head without end",
            Box::new(writing(format!(
                "HTTP/1.1 200 OK\r\nX: {}",
                "a".repeat(3 * 1024 * 1024)
            ))),
        ),
        (
            "more fields than fit",
            Box::new(writing(format!(
                "HTTP/1.1 200 OK\r\n{}\r\n",
                "X: a\r\n".repeat(2_000)
            ))),
        ),
        (
            "interim answers without end",
            Box::new(writing("HTTP/1.1 100 Continue\r\n\r\n".repeat(10_000))),
        ),
    ]
}

#[test]
fn a_missing_response_is_a_502_or_504_on_a_kept_connection() {
    for (what, fault) in closing_faults() {
        check_missing(what, fault, 502, "UPSTREAM_FAILED");
    }
    for (what, fault) in silent_faults() {
        check_missing(what, fault, 504, "UPSTREAM_TIMEOUT");
    }
    for (what, fault) in invalid_responses() {
        check_missing(what, fault, 502, "UPSTREAM_INVALID");
    }
}

/// Checks the response to a request whose upstream fails in this way, its log entry, and that client and upstream are
/// usable afterwards.
fn check_missing(what: &str, fault: Box<Fault>, status: u16, code: &str) {
    let faulty = Faulty::new(fault);
    let proxy = faulty.proxy();
    let mut client = proxy.connect();
    let (seen, body) = ask(&mut client, &Request::get("/fault?secret=1"));
    let body = String::from_utf8_lossy(&body).into_owned();
    assert_eq!(seen, status, "{what}: {body}");
    assert!(body.contains(code), "{what}: {body}");
    // A request on a new connection is not retried.
    assert_eq!(faulty.faults(), 1, "{what}");
    let line = &proxy.log(1)[0];
    assert_eq!(
        (&line["error"], &line["status"]),
        (&code.into(), &status.into()),
        "{what}"
    );
    let cause = line["cause"].as_str().unwrap_or_default();
    assert!(!cause.is_empty() && !cause.contains("secret"), "{what}: {line}");
    assert_eq!(client.ask(&Request::get("/good")).text(), "good", "{what}");
    is_sound(&proxy, &faulty, what);
}

#[test]
fn truncated_response_is_never_complete_for_the_client() {
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n";
    let cases: Vec<(&str, Box<Fault>, &str)> = vec![
        (
            "half a body",
            Box::new(writing("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")),
            "UPSTREAM_FAILED",
        ),
        (
            "half of the chunks",
            Box::new(writing(chunked)),
            "UPSTREAM_FAILED",
        ),
        (
            "silence in a body",
            Box::new(stalling("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")),
            "UPSTREAM_TIMEOUT",
        ),
        (
            "silence between chunks",
            Box::new(stalling(
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
            )),
            "UPSTREAM_TIMEOUT",
        ),
        (
            "a chunk without a size",
            Box::new(writing(format!("{chunked}zz\r\nevil\r\n0\r\n\r\n"))),
            "UPSTREAM_INVALID",
        ),
        (
            "a chunk of a size beyond all bounds",
            Box::new(writing(format!(
                "{chunked}fffffffffffffffff\r\nevil\r\n0\r\n\r\n"
            ))),
            "UPSTREAM_INVALID",
        ),
    ];
    for (what, fault, code) in cases {
        let faulty = Faulty::new(fault);
        let proxy = faulty.proxy();
        let mut client = proxy.connect();
        let (status, body) = ask(&mut client, &Request::get("/fault"));
        // If the head is not forwarded yet, the proxy responds itself.
        if status == 200 {
            assert!(
                !body.ends_with(b"0\r\n\r\n") && body.len() < 40,
                "{what}: {body:?}"
            );
        } else {
            assert!(matches!(status, 502 | 504), "{what}: {status}");
        }
        let line = &proxy.log(1)[0];
        assert_eq!(
            (&line["outcome"], &line["error"]),
            (&"upstream_error".into(), &code.into()),
            "{what}: {line}"
        );
        is_sound(&proxy, &faulty, what);
    }
}

#[test]
fn upstream_reset_is_a_502_or_truncates_the_response() {
    // Closing with unread bytes sends a reset: here the request body, which the proxy sends after the head.
    let (began, wait) = channel::<()>();
    let wait: Mutex<Receiver<()>> = Mutex::new(wait);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for reply in [
            "",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        ] {
            let (mut stream, _) = listener.accept().unwrap();
            // Waits for the whole request, so that its body is unread.
            eventually("a request", || {
                let mut bytes = [0; 1024];
                let length = stream.peek(&mut bytes).unwrap();
                bytes[..length].ends_with(b"body").then_some(())
            });
            stream.write_all(reply.as_bytes()).unwrap();
            if reply.contains("half") {
                let _ = wait.lock().unwrap().recv();
            }
        }
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 1024]);
        let _ = stream.write_all(GOOD);
    });
    let proxy = Proxy::builder()
        .upstream_at("api", &format!("\"{address}\""))
        .route("{ name: api, match: /**, upstream: api }")
        .start();
    let mut client = proxy.connect();
    for step in ["before the answer", "in its head"] {
        let (status, body) = ask(&mut client, &Request::post("/fault", "body"));
        assert_eq!(status, 502, "{step}");
        assert!(
            String::from_utf8_lossy(&body).contains("UPSTREAM_FAILED"),
            "{step}"
        );
    }
    client.send(Request::post("/fault", "body").bytes());
    assert_eq!(client.head().0, 200);
    assert_eq!(client.chunk().as_deref(), Some(&b"half"[..]));
    began.send(()).unwrap();
    assert_eq!(client.rest(), b"");
    assert_eq!(proxy.get("/good", "").text(), "good");
    let errors: Vec<_> = proxy.log(4).iter().map(|line| line["error"].clone()).collect();
    let failed = errors.iter().filter(|error| *error == "UPSTREAM_FAILED");
    assert_eq!(failed.count(), 3, "{errors:?}");
}

#[test]
fn bytes_after_a_response_reach_no_other_client() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil";
    let cases = [
        (
            "two answers",
            format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst{evil}"),
            200,
            "first",
        ),
        (
            "an answer after the last chunk",
            format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n0\r\n\r\n{evil}"),
            200,
            "first",
        ),
        (
            "a body after 204",
            format!("HTTP/1.1 204 No Content\r\n\r\n{evil}"),
            204,
            "",
        ),
        (
            "a body after 304",
            format!("HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\n{evil}"),
            304,
            "",
        ),
        (
            "more than the length",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst and more".to_owned(),
            200,
            "first",
        ),
    ];
    for (what, bytes, status, text) in cases {
        let faulty = Faulty::new(move |stream: &mut TcpStream| {
            let _ = stream.write_all(bytes.as_bytes());
        });
        let proxy = faulty.proxy();
        for _ in 0..5 {
            let mut client = proxy.connect();
            let answer = client.ask(&Request::get("/fault"));
            assert_eq!((answer.status, answer.text()), (status, text), "{what}");
            is_sound(&proxy, &faulty, what);
        }
    }
}

#[test]
fn a_body_in_a_response_to_head_reaches_no_other_client() {
    let faulty = Faulty::new(|stream: &mut TcpStream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    });
    let proxy = faulty.proxy();
    for _ in 0..5 {
        let mut client = proxy.connect();
        assert_eq!(client.ask(&Request::new("HEAD", "/fault")).status, 200);
        is_sound(&proxy, &faulty, "a body after HEAD");
    }
}

#[test]
fn a_response_before_any_request_reaches_no_client() {
    let (closed, seen) = channel::<bool>();
    let closed = Mutex::new(closed);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().take(2) {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(GOOD);
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
            // The proxy closes a connection with unexpected bytes.
            let ended = !matches!(stream.read(&mut [0; 1024]), Ok(1..));
            let _ = closed.lock().unwrap().send(ended);
        }
    });
    let proxy = Proxy::builder()
        .upstream_at("api", &format!("\"{address}\""))
        .route("{ name: api, match: /**, upstream: api }")
        .start();
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/good")).text(), "good");
    assert!(seen.recv_timeout(Duration::from_secs(20)).unwrap());
    assert_eq!(client.ask(&Request::get("/good")).text(), "good");
}

#[test]
fn interim_responses_and_large_heads_are_forwarded() {
    let large = "a".repeat(64 * 1024);
    let head = format!("HTTP/1.1 200 OK\r\nX-Large: {large}\r\nContent-Length: 5\r\n\r\nlarge");
    let interim = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n".repeat(3);
    let after = format!("{interim}HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nafter");
    for (bytes, text) in [(head, "large"), (after, "after")] {
        let faulty = Faulty::new(move |stream: &mut TcpStream| {
            let _ = stream.write_all(bytes.as_bytes());
        });
        let proxy = faulty.proxy();
        let mut client = proxy.connect();
        client.send(Request::get("/fault").bytes());
        let answer = client.response();
        assert_eq!((answer.status, answer.text()), (200, text));
        if text == "large" {
            assert_eq!(answer.header("x-large").map(str::len), Some(large.len()));
        }
        // The connection is still usable.
        assert_eq!(proxy.get("/good", "").text(), "good");
    }
}

#[test]
fn connections_closed_on_reuse_fail_no_idempotent_request() {
    // Every second request on a connection is read and not answered.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let posts = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&posts);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
            let counted = Arc::clone(&counted);
            thread::spawn(move || {
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                for answered in [true, false] {
                    let Ok(Some(head)) = MessageHead::read(&mut reader) else {
                        return;
                    };
                    let _ = head.read_body(&mut reader, false);
                    if head.start.starts_with("POST") {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                    if answered {
                        let _ = stream.write_all(GOOD);
                    }
                }
            });
        }
    });
    let proxy = Proxy::builder()
        .upstream_at("api", &format!("\"{address}\""))
        .route("{ name: api, match: /**, upstream: api }")
        .start();
    let mut client = proxy.connect();
    for _ in 0..30 {
        assert_eq!(client.ask(&Request::get("/good")).text(), "good");
    }
    // A request that can't be repeated is sent once.
    let (mut failed, mut done) = (0, 0);
    for _ in 0..20 {
        let answer = client.ask(&Request::post("/good", "pay"));
        match answer.status {
            200 => done += 1,
            502 => failed += 1,
            other => panic!("{other}"),
        }
    }
    assert!(failed > 0 && done > 0, "{failed} failed, {done} done");
    assert_eq!(posts.load(Ordering::SeqCst), 20);
}
