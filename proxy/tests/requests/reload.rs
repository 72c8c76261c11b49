//! Reloads: a new snapshot replaces the old one between two requests and never within one (edge.md section 9).

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use testkit::{After, Proxy, ProxyBuilder, Request, Upstream, reply, response};

fn gated(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
}

#[test]
fn two_hundred_reloads_fail_no_request_and_mix_no_snapshots() {
    // The gate reads `left`, the upstream receives `right`, and each document has both on or both off.
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: left, match: /left, auth: none, gate: left, upstream: api }")
        .flags("flags: { left: { kind: ops, default: on }, right: { kind: ops, default: on } }")
        .with("headers: { flags: { name: X-Flags, include: [right] }, anonymous: decide }")
        .start();
    let done = AtomicBool::new(false);
    let (open, closed) = thread::scope(|scope| {
        let clients: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut client = proxy.connect();
                    let (mut open, mut closed) = (0_usize, 0_usize);
                    while !done.load(Ordering::SeqCst) {
                        match client.ask(&Request::get("/left")).status {
                            200 => open += 1,
                            404 => closed += 1,
                            other => panic!("a request failed with {other}"),
                        }
                    }
                    (open, closed)
                })
            })
            .collect();
        for _ in 0..100 {
            proxy.reload("flags.yaml", "default: on", "default: off");
            proxy.reload("flags.yaml", "default: off", "default: on");
        }
        done.store(true, Ordering::SeqCst);
        let counts = clients.into_iter().map(|client| client.join().unwrap());
        counts.fold((0, 0), |(open, closed), (o, c)| (open + o, closed + c))
    });
    assert!(open > 0 && closed > 0, "{open} open, {closed} closed");
    let requests = upstream.requests();
    assert_eq!(requests.len(), open);
    assert!(
        requests
            .iter()
            .all(|request| request.header("x-flags") == Some("right"))
    );
}

#[test]
fn request_in_progress_keeps_its_snapshot() {
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = wait.lock().unwrap().recv();
        reply(stream, &response(200, "OK", "slow"))
    });
    let proxy = gated(&upstream).start();
    let mut client = proxy.connect();
    client.send(Request::get("/board").token(&proxy.token("acme")).bytes());
    upstream.await_count(1);
    proxy.reload(
        "sluice.yaml",
        "name: board, match: /board, gate: board",
        "name: other, match: /other",
    );
    go.send(()).unwrap();
    assert_eq!(client.response().text(), "slow");
    assert_eq!(proxy.log(1)[0]["route"], "board");
    assert_eq!(proxy.get("/board", "acme").status, 404);
}

#[test]
fn routes_upstreams_issuers_and_headers_change_on_reload() {
    let (one, two) = (Upstream::named("one"), Upstream::named("two"));
    let proxy = gated(&one).with("headers: { tenant: X-Tenant-Id }").start();
    assert_eq!(proxy.get("/board", "acme").text(), "one");
    proxy.reload(
        "sluice.yaml",
        &one.address().to_string(),
        &two.address().to_string(),
    );
    assert_eq!(proxy.get("/board", "acme").text(), "two");
    proxy.reload("sluice.yaml", "X-Tenant-Id", "X-Org");
    proxy.get("/board", "acme");
    assert_eq!(
        (two.last().header("x-org"), two.last().header("x-tenant-id")),
        (Some("acme"), None)
    );
    proxy.reload("sluice.yaml", "audiences: [api]", "audiences: [other]");
    assert_eq!(proxy.get("/board", "acme").code(), "TOKEN_WRONG_AUDIENCE");
}

#[test]
fn reload_reports_fields_that_need_a_restart() {
    let upstream = Upstream::named("api");
    let proxy = gated(&upstream).start();
    let published = proxy.reload("sluice.yaml", "threads: 2", "threads: 3");
    assert_eq!(published.needs_restart, ["threads"]);
    assert_eq!(
        proxy.reload("flags.yaml", "core:", "center:").needs_restart,
        ["threads"]
    );
    assert_eq!(proxy.get("/board", "acme").status, 200);
}

#[test]
fn unresolved_upstream_gets_503_and_rejects_no_reload() {
    let upstream = Upstream::named("api");
    let proxy = gated(&upstream).start();
    let address = upstream.address();
    proxy.reload(
        "sluice.yaml",
        &format!("\"{address}\""),
        "no-such-host.invalid:80",
    );
    let refused = proxy.get("/board", "acme");
    assert_eq!(
        (refused.status, refused.code()),
        (503, "UPSTREAM_UNRESOLVED".to_owned())
    );
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(proxy.metric("sluice_reloads_total{result=\"applied\"}"), 2.0);
    proxy.reload(
        "sluice.yaml",
        "no-such-host.invalid:80",
        &format!("localhost:{}", address.port()),
    );
    assert_eq!(proxy.get("/board", "acme").text(), "api");
}

#[test]
fn unresponsive_upstream_does_not_delay_a_reload() {
    let upstream = Upstream::answering(|_, _| After::Keep);
    let proxy = gated(&upstream).start();
    let mut client = proxy.connect();
    client.send(Request::get("/board").token(&proxy.token("acme")).bytes());
    upstream.await_count(1);
    proxy.reload("flags.yaml", "board: on", "board: off");
    assert_eq!(proxy.get("/board", "acme").status, 404);
}
