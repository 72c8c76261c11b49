//! Active health checks (edge.md section 7): an endpoint that fails them gets no requests until it passes them.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use testkit::{Proxy, Request, Upstream, eventually, never, reply, response};

/// Starts an upstream that responds to `/healthz` with a settable status, and to anything else with its name.
fn checked(name: &'static str) -> (Upstream, Arc<AtomicU16>) {
    let status = Arc::new(AtomicU16::new(200));
    let answers = Arc::clone(&status);
    let upstream = Upstream::answering(move |request, stream| {
        if request.target() == "/healthz" {
            reply(stream, &response(answers.load(Ordering::SeqCst), "-", ""))
        } else {
            reply(stream, &response(200, "OK", name))
        }
    });
    (upstream, status)
}

fn endpoints(proxy: &Proxy, state: &str) -> f64 {
    proxy.metric(&format!(
        "sluice_upstream_endpoints{{upstream=\"api\",state=\"{state}\"}}"
    ))
}

fn await_unhealthy(proxy: &Proxy, count: f64) {
    eventually("checks to find out", || {
        (endpoints(proxy, "unhealthy") == count).then_some(())
    });
}

#[test]
fn an_unhealthy_endpoint_gets_no_requests_until_it_recovers() {
    let [(a, a_status), (b, _)] = [checked("a"), checked("b")];
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{}\", \"{}\"], health: {{ path: /healthz, host: check.me, interval: 20ms }} }}",
        a.address(),
        b.address()
    ))
    .start();
    let asked = |times: usize| -> String {
        let mut client = proxy.connect();
        (0..times)
            .map(|_| client.ask(&Request::get("/")).text().to_owned())
            .collect()
    };
    eventually("checks", || (a.count() > 3 && b.count() > 3).then_some(()));
    assert_eq!(endpoints(&proxy, "fit"), 2.0);
    assert!(asked(4).contains('a'));
    a_status.store(500, Ordering::SeqCst);
    await_unhealthy(&proxy, 1.0);
    assert_eq!(asked(6), "bbbbbb");
    // A reload that leaves the upstream's endpoints unchanged keeps their health.
    proxy.reload("sluice.yaml", "interval: 20ms", "interval: 21ms");
    assert_eq!(endpoints(&proxy, "unhealthy"), 1.0);
    assert_eq!(asked(3), "bbb");
    a_status.store(204, Ordering::SeqCst);
    await_unhealthy(&proxy, 0.0);
    assert!(asked(4).contains('a'));
    let check = a.requests()[0].clone();
    assert_eq!(
        (check.method(), check.header("host"), check.header("user-agent")),
        ("GET", Some("check.me"), Some("sluice-health"))
    );
    // Without checks every endpoint counts as healthy.
    a_status.store(500, Ordering::SeqCst);
    await_unhealthy(&proxy, 1.0);
    proxy.reload(
        "sluice.yaml",
        ", health: { path: /healthz, host: check.me, interval: 21ms }",
        "",
    );
    assert_eq!(endpoints(&proxy, "unhealthy"), 0.0);
    let count = a.count();
    never("another check", || a.count() > count + 1);
}

#[test]
fn without_a_healthy_endpoint_none_healthy_decides() {
    let (upstream, status) = checked("a");
    status.store(503, Ordering::SeqCst);
    let yaml = format!(
        "{{ endpoints: [\"{}\"], health: {{ path: /healthz, interval: 20ms }} }}",
        upstream.address()
    );
    let proxy = Proxy::to(&yaml).start();
    await_unhealthy(&proxy, 1.0);
    assert_eq!(proxy.get("/", "").text(), "a");
    proxy.reload(
        "sluice.yaml",
        "interval: 20ms",
        "interval: 20ms, none_healthy: refuse",
    );
    let refused = proxy.get("/", "");
    assert_eq!(
        (refused.status, refused.code(), refused.header("retry-after")),
        (503, "UPSTREAM_UNAVAILABLE".to_owned(), Some("1"))
    );
    status.store(200, Ordering::SeqCst);
    await_unhealthy(&proxy, 0.0);
    assert_eq!(proxy.get("/", "").text(), "a");
}

#[test]
fn health_check_without_path_needs_only_a_connection() {
    let upstream = Upstream::named("up");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{address}\", \"{}\"], health: {{ interval: 20ms }} }}",
        upstream.address()
    ))
    .start();
    await_unhealthy(&proxy, 1.0);
    for _ in 0..4 {
        assert_eq!(proxy.get("/", "").text(), "up");
    }
    let _back = Upstream::on(TcpListener::bind(address).unwrap(), |_, stream| {
        reply(stream, &response(200, "OK", "back"))
    });
    await_unhealthy(&proxy, 0.0);
}

#[test]
fn health_check_fails_at_its_timeout() {
    let upstream = Upstream::answering(|_, _| testkit::After::Keep);
    let proxy = Proxy::to(&format!(
        "{{ endpoints: [\"{}\"], health: {{ path: /healthz, interval: 60ms, timeout: 50ms }} }}",
        upstream.address()
    ))
    .start();
    await_unhealthy(&proxy, 1.0);
    let failed = "sluice_upstream_health_checks_total{upstream=\"api\",result=\"failed\"}";
    assert!(proxy.metric(failed) >= 1.0);
}
