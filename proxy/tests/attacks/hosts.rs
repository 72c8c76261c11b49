//! The host that arrives at an upstream is the host that routes were matched on: no way to name a host, or to name
//! none, gets round the gate of a route that asks for one.

use testkit::{Frames, Proxy, Request, Upstream};

/// Ways to write the host of the gate, and others.
const HOSTS: [&str; 17] = [
    "localhost",
    "LOCALHOST",
    "LocalHost.",
    "localhost:1",
    "localhost:",
    "localhost.:80",
    "localhost..",
    "localhost:x",
    "local%68ost",
    "user@localhost",
    "localhost,a.test",
    " localhost ",
    "",
    "a.test",
    "A.test:80",
    "127.0.0.1",
    "[::1]",
];

/// A gate on a host, whose closed gate leads to `fallback`, and everything else at an upstream whose endpoint has the
/// name of that host.
fn proxy(app: &Upstream, fallback: &Upstream) -> Proxy {
    let port = app.address().port();
    Proxy::builder()
        .upstream("fallback", fallback)
        .upstream_at("app", &format!("\"localhost:{port}\""))
        .route(
            "{ name: admin, match: { host: localhost, path: /admin/** }, gate: board, upstream: app, \
             otherwise: { upstream: fallback } }",
        )
        .route("{ name: test, match: { host: \"*.test\", path: /** }, upstream: app }")
        .with("unmatched: { upstream: app }")
        .listening("h2c: true")
        .start()
}

/// The name that a server takes the value of `Host` for.
fn name_of(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default();
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Heads of HTTP/1 for the gated path, without their empty line: with every way to name a host, and none.
fn heads() -> Vec<String> {
    let mut heads = Vec::new();
    for version in ["1.0", "1.1"] {
        for more in [
            "",
            "\r\nConnection: Host",
            "\r\nConnection: Upgrade\r\nUpgrade: websocket",
        ] {
            let mut add = |target: &str, host: &str| {
                heads.push(format!("GET {target} HTTP/{version}{host}{more}"));
            };
            for path in ["/admin/users/1", "//admin/x/../users/1"] {
                add(path, "");
                for host in HOSTS {
                    let line = format!("\r\nHost: {host}");
                    add(path, &line);
                    add(&format!("http://{host}{path}"), "");
                    add(&format!("http://{host}{path}"), &line);
                    add(&format!("http://a.test{path}"), &line);
                    add(&format!("http://{host}{path}"), "\r\nHost: a.test");
                    add(path, &format!("{line}\r\nHost: a.test"));
                }
            }
        }
    }
    heads
}

/// Checks that everything which arrived names one host, and not the gated one; returns how much that is.
#[track_caller]
fn check_arrived(app: &Upstream) -> usize {
    let requests = app.requests();
    for recorded in &requests {
        let hosts = recorded.head.values("Host");
        assert!(
            hosts.len() == 1 && !hosts[0].is_empty() && name_of(hosts[0]) != "localhost",
            "{:?} arrived at {hosts:?}",
            recorded.head.start
        );
    }
    requests.len()
}

#[test]
fn a_request_without_a_host_does_not_arrive_under_the_host_of_a_gate() {
    let (app, fallback) = (Upstream::named("app"), Upstream::named("fallback"));
    let proxy = proxy(&app, &fallback);
    let mut client = proxy.connect();
    client.send("GET /admin/users/1 HTTP/1.0\r\n\r\n");
    let refused = client.response();
    assert_eq!((refused.status, refused.code()), (400, "HOST_INVALID".to_owned()));
    assert!(client.is_closed());
    assert_eq!(app.count() + fallback.count(), 0);
    let asked = proxy.ask(&Request::get("/admin/users/1").host("localhost"));
    assert_eq!(asked.status, 401, "the gate is there");
}

#[test]
fn no_way_to_name_a_host_gets_round_the_gate_of_one() {
    let (app, fallback) = (Upstream::named("app"), Upstream::named("fallback"));
    let proxy = proxy(&app, &fallback);
    let token = proxy.token("globex");
    for head in heads() {
        let mut client = proxy.connect();
        client.send(format!("{head}\r\nAuthorization: Bearer {token}\r\n\r\n"));
        let _ = client.response();
    }
    assert!(check_arrived(&app) >= 50, "{}", app.count());
    assert!(fallback.count() >= 50, "{}", fallback.count());
}

#[test]
fn no_way_to_name_a_host_over_http_2_gets_round_the_gate_of_one() {
    let (app, fallback) = (Upstream::named("app"), Upstream::named("fallback"));
    let proxy = proxy(&app, &fallback);
    let token = format!("Bearer {}", proxy.token("globex"));
    for host in HOSTS {
        for fields in [
            vec![(":authority", host)],
            vec![("host", host)],
            vec![(":authority", host), ("host", host)],
            vec![(":authority", "a.test"), ("host", host)],
            vec![(":authority", host), ("host", "a.test")],
            vec![],
        ] {
            let mut head = vec![
                (":method", "GET"),
                (":scheme", "http"),
                (":path", "/admin/users/1"),
            ];
            let (pseudo, other): (Vec<_>, Vec<_>) =
                fields.into_iter().partition(|(name, _)| name.starts_with(':'));
            head.extend(pseudo.into_iter().chain(other));
            head.push(("authorization", &token));
            let _ = Frames::connect(proxy.address()).headers(1, &head, true).end_of(1);
        }
    }
    assert!(check_arrived(&app) >= 5, "{}", app.count());
    assert!(fallback.count() >= 5, "{}", fallback.count());
}
