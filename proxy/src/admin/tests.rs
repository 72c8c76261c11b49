//! The admin side over real sockets.

use std::io::{Read, Write};
use std::net::SocketAddr;

use axum::body::Bytes;
use axum::routing::post;
use tokens::{Algorithm, ClaimPath, Issuer, IssuerDefinition};

use super::*;
use crate::fetch_timing::{FetchTiming, RefreshSettings};
use crate::key_store::KeyStore;

const LONG: Duration = Duration::from_secs(30);

struct Running {
    address: SocketAddr,
    state: AdminState,
    server: AdminServer,
    keys: Arc<KeyStore>,
    // What keys would be fetched on.
    _runtime: tokio::runtime::Runtime,
}

fn start(more: Router) -> Running {
    start_with(more, CLIENT_TIMEOUTS)
}

fn start_with(more: Router, timeouts: ClientTimeouts) -> Running {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let metrics = Arc::new(Metrics::new());
    let keys = KeyStore::new(runtime.handle().clone(), FetchTiming::default(), &metrics);
    let state = AdminState {
        metrics,
        readiness: Readiness::new(Arc::clone(&keys)),
        hosts: Some(Arc::new(AdminHosts::new(["sluice.internal".into()]))),
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let router = admin_router(state.clone()).merge(more);
    let metrics = Arc::clone(&state.metrics);
    let service = AdminService {
        name: "admin",
        router,
        metrics,
        encryption: None,
        timeouts,
        max_connections: MAX_ADMIN_CONNECTIONS,
    };
    let server = AdminServer::serve(listener, service, watch::channel(true).1).unwrap();
    Running {
        address,
        state,
        server,
        keys,
        _runtime: runtime,
    }
}

fn connect(address: SocketAddr) -> std::net::TcpStream {
    let stream = std::net::TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// Sends a request and reads until the connection is closed.
fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn ask(running: &Running, target: &str) -> (u16, String, String) {
    let request = format!("GET {target} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let answer = exchange(running.address, &request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head.to_ascii_lowercase(), body.to_owned())
}

fn check(running: &Running, target: &str, status: u16, body: &str) {
    let (found_status, head, found) = ask(running, target);
    assert_eq!((found_status, found.as_str()), (status, body));
    assert!(head.contains("cache-control: no-store"), "{head}");
}

#[test]
fn pages_are_not_shown_to_a_foreign_host() {
    let running = start(Router::new());
    let status = |target: &str, hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        let request = format!("GET {target} HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n");
        let answer = exchange(running.address, &request);
        answer.split(' ').nth(1).unwrap().parse::<u16>().unwrap()
    };
    for target in ["/livez", "/readyz", "/readyz?verbose", "/metrics"] {
        // Kubernetes and Prometheus use the address of the pod. Old health checkers send no host.
        for host in [
            &["10.1.2.3:9090"][..],
            &["[::1]"],
            &["localhost:9090"],
            &["sluice.internal"],
            &[],
        ] {
            assert_ne!(status(target, host), 403, "{target} {host:?}");
        }
        for host in [
            &["evil.example"][..],
            &["localhost", "evil.example"],
            &["127.0.0.1.evil.example"],
        ] {
            assert_eq!(status(target, host), 403, "{target} {host:?}");
        }
    }
    assert_eq!(status("http://evil.example/metrics", &["localhost"]), 403);
}

#[test]
fn livez_succeeds_while_draining() {
    let running = start(Router::new());
    check(&running, "/livez", 200, "ok\n");
    running.state.readiness.set_draining(std::time::Instant::now());
    check(&running, "/livez", 200, "ok\n");
}

#[test]
fn unready_readyz_lists_its_reasons() {
    let running = start(Router::new());
    check(
        &running,
        "/readyz",
        503,
        "not ready\n[-] snapshot: no snapshot is loaded yet\n",
    );
    running.state.readiness.set_snapshot("3f9c", SystemTime::now());
    check(&running, "/readyz", 200, "ready\n");
    running.state.readiness.set_draining(std::time::Instant::now());
    check(
        &running,
        "/readyz",
        503,
        "not ready\n[-] serving: draining: the process ends in at most 0 s\n",
    );
}

#[test]
fn verbose_readyz_lists_every_check() {
    let running = start(Router::new());
    let readiness = &running.state.readiness;
    readiness.set_snapshot("3f9c", SystemTime::now());
    readiness.set_reload_error(
        "error: no flag has the key `a`\n --> sluice.yaml:3:1\n",
        SystemTime::now(),
    );
    check(&running, "/readyz", 200, "ready\n");
    let expected = "ready\n\
        [+] serving: not draining\n\
        [+] snapshot: revision 3f9c, published 0 s ago\n\
        [!] the last reload was rejected 0 s ago, the previous snapshot stays in use:\n\
        error: no flag has the key `a`\n --> sluice.yaml:3:1\n";
    for target in ["/readyz?verbose", "/readyz?verbose=1", "/readyz?x=1&verbose=true"] {
        check(&running, target, 200, expected);
    }
    check(&running, "/readyz?verbose=0&terse", 200, "ready\n");
}

#[test]
fn verbose_readyz_lists_notes() {
    let running = start(Router::new());
    let readiness = &running.state.readiness;
    readiness.set_snapshot("3f9c", SystemTime::now());
    readiness.set_note("break-glass", Some("`a` is killed".into()));
    check(&running, "/readyz", 200, "ready\n");
    let (_, _, verbose) = ask(&running, "/readyz?verbose");
    assert!(verbose.contains("[!] break-glass: `a` is killed\n"), "{verbose}");
    readiness.set_note("break-glass", None);
    let (_, _, verbose) = ask(&running, "/readyz?verbose");
    assert!(!verbose.contains("break-glass"), "{verbose}");
}

#[test]
fn secrets_are_masked_on_the_page_of_readiness() {
    let running = start(Router::new());
    let readiness = &running.state.readiness;
    readiness.set_reload_error(
        "sluice.yaml:3: `https://ops:hunter2@host` is no URL",
        SystemTime::now(),
    );
    readiness.set_note("operators", Some("refused: Bearer s3cret".into()));
    let (_, _, verbose) = ask(&running, "/readyz?verbose");
    assert!(
        verbose.contains("`https://***********@host` is no URL\n"),
        "{verbose}"
    );
    assert!(
        verbose.contains("[!] operators: refused: Bearer ******\n"),
        "{verbose}"
    );
    running.server.stop();
}

#[test]
fn verbose_readyz_lists_failed_optional_checks() {
    let running = start(Router::new());
    running.state.readiness.set_snapshot("3f9c", SystemTime::now());
    check(&running, "/readyz", 200, "ready\n");
    let tenant = ClaimPath::parse("tenant").unwrap();
    let added = IssuerDefinition::new("https://new", "api", &[Algorithm::EdDsa], tenant);
    let added = Issuer::new(added).unwrap();
    // The runtime is never run, so these keys are never fetched.
    let _keys = running
        .keys
        .remote(
            &added,
            "http://127.0.0.1:1/jwks",
            RefreshSettings {
                interval: LONG,
                keep_keys: None,
            },
        )
        .unwrap();
    check(&running, "/readyz", 200, "ready\n");
    assert!(
        ask(&running, "/readyz?verbose")
            .2
            .ends_with("[-] keys https://new: never fetched\n")
    );
}

#[test]
fn metrics_use_the_prometheus_text_format() {
    let running = start(Router::new());
    running.state.metrics.requests.panics.inc();
    let (status, head, body) = ask(&running, "/metrics");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"), "{head}");
    assert!(body.contains("\nsluice_panics_total 1\n"), "{body}");
}

#[test]
fn additional_router_is_served_beside_the_probes() {
    let running = start(Router::new().route("/api/echo", post(|body: Bytes| async move { body })));
    let request =
        "POST /api/echo HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 2\r\n\r\nhi";
    assert!(exchange(running.address, request).ends_with("\r\n\r\nhi"));
    assert_eq!(ask(&running, "/nothing").0, 404);
    check(&running, "/livez", 200, "ok\n");
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let running = start(Router::new());
    let mut stream = connect(running.address);
    stream
        .write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nx-long: ")
        .unwrap();
    // It may be refused, and the connection closed, before all of it is sent.
    let _ = stream.write_all("x".repeat(8 * MAX_HEAD_BYTES).as_bytes());
    let mut status = [0; 13];
    stream.read_exact(&mut status).unwrap();
    assert_eq!(&status, b"HTTP/1.1 431 ");
}

const SHORT: ClientTimeouts = ClientTimeouts {
    head: Duration::from_millis(100),
    write: Duration::from_millis(100),
};

/// Responds with more than a connection buffers while the client does not read.
fn large() -> Router {
    let large = Bytes::from(vec![b'x'; 32 * 1024 * 1024]);
    Router::new().route("/large", get(move || std::future::ready(large.clone())))
}

fn closed(running: &Running, reason: &str) -> u64 {
    let line = format!("sluice_admin_connections_closed_total{{reason=\"{reason}\"}} ");
    let (_, _, metrics) = ask(running, "/metrics");
    let count = metrics.lines().find_map(|found| found.strip_prefix(&line));
    count.map_or(0, |count| count.parse().unwrap())
}

#[test]
fn unread_responses_do_not_block_other_clients() {
    let running = start(large());
    let mut unread: Vec<_> = (0..140).map(|_| connect(running.address)).collect();
    for stream in &mut unread {
        // Who was displaced meanwhile is closed.
        let _ = stream.write_all(
            "GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n"
                .repeat(9)
                .as_bytes(),
        );
    }
    let started = Instant::now();
    check(&running, "/livez", 200, "ok\n");
    assert!(started.elapsed() < CLIENT_TIMEOUTS.write / 2);
    assert!(closed(&running, "displaced") > 100);
}

#[test]
fn client_that_reads_no_response_is_disconnected() {
    let running = start_with(large(), SHORT);
    let mut unread = connect(running.address);
    unread
        .write_all(b"GET /large HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    testkit::eventually("the end of a connection that is not read", || {
        (closed(&running, "stalled") == 1).then_some(())
    });
}

#[test]
fn a_connection_without_a_request_is_closed() {
    let running = start_with(Router::new(), SHORT);
    let mut silent = connect(running.address);
    assert_eq!(silent.read(&mut [0; 1_024]).unwrap(), 0);
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert!(exchange(running.address, request).ends_with("ok\n"));
}

#[test]
fn longest_idle_connection_is_evicted_when_slots_are_full() {
    let running = start(Router::new());
    let request = "GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut idle: Vec<_> = (0..MAX_ADMIN_CONNECTIONS_PER_CLIENT)
        .map(|_| connect(running.address))
        .collect();
    for stream in idle.iter_mut().rev() {
        stream.write_all(request.as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 1_024]).unwrap() > 0);
    }
    check(&running, "/livez", 200, "ok\n");
    assert_eq!(idle.pop().unwrap().read(&mut [0; 1_024]).unwrap(), 0);
    for stream in &mut idle {
        stream.write_all(request.as_bytes()).unwrap();
        assert!(stream.read(&mut [0; 1_024]).unwrap() > 0);
    }
}

#[test]
fn shutdown_closes_idle_connections_and_frees_the_port() {
    let running = start(Router::new());
    let mut idle = connect(running.address);
    idle.write_all(b"GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    assert!(idle.read(&mut [0; 1_024]).unwrap() > 0);
    let started = Instant::now();
    running.server.stop();
    assert!(started.elapsed() < STOP_TIMEOUT);
    assert_eq!(idle.read(&mut [0; 1_024]).unwrap(), 0);
    assert!(std::net::TcpStream::connect(running.address).is_err());
}

#[test]
fn shutdown_completes_responses_in_progress() {
    let (entered, wait) = std::sync::mpsc::channel();
    let slow = Router::new().route(
        "/slow",
        get(move || {
            entered.send(()).unwrap();
            async {
                tokio::time::sleep(Duration::from_millis(50)).await;
                "done"
            }
        }),
    );
    let running = start(slow);
    let address = running.address;
    let asked = thread::spawn(move || exchange(address, "GET /slow HTTP/1.1\r\nhost: localhost\r\n\r\n"));
    wait.recv_timeout(LONG).unwrap();
    running.server.stop();
    assert!(asked.join().unwrap().ends_with("\r\n\r\ndone"));
}

#[test]
fn endless_response_does_not_prevent_shutdown() {
    let hanging = Router::new().route("/never", get(std::future::pending::<()>));
    let running = start(hanging);
    let mut stream = connect(running.address);
    stream
        .write_all(b"GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .unwrap();
    check(&running, "/livez", 200, "ok\n");
    let started = Instant::now();
    running.server.stop();
    assert!(started.elapsed() < STOP_TIMEOUT * 2);
}

#[test]
fn the_root_says_what_the_listener_is() {
    let running = start(Router::new());
    let (status, head, body) = ask(&running, "/");
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain"), "{head}");
    assert!(
        body.starts_with("Sluice: admin listener\n") && body.contains("/readyz?verbose"),
        "{body}"
    );
    let request = "GET / HTTP/1.1\r\nhost: localhost\r\naccept: text/html;q=0.1, application/json\r\nconnection: close\r\n\r\n";
    let answer = exchange(running.address, request);
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        head.to_ascii_lowercase()
            .contains("content-type: application/json"),
        "{head}"
    );
    let index: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(index["api"], "/api/v1");
}
