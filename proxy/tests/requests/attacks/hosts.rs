//! The host that arrives at an upstream is the host that routes were matched on: no spelling of a host, or its
//! absence, bypasses the gate of a route that matches on one.

use testkit::{Frames, Proxy, Request, Upstream};

/// Spellings of the gated host, and other hosts.
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

/// Starts a proxy with a gate on a host, whose fallback is `fallback`, and the rest at an upstream whose endpoint has
/// that host's name.
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

/// Returns the host that a server reads from a value of `Host`.
fn name_of(host: &str) -> String {
    let name = host.split(':').next().unwrap_or_default();
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// Returns HTTP/1 heads for the gated path, without their empty line: with every spelling of a host, and none.
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

/// Checks that each request that arrived names one host, and not the gated one. Returns their number.
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
fn request_without_host_never_reaches_a_gated_host() {
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
fn no_host_spelling_bypasses_a_gated_host() {
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
fn no_host_spelling_over_http_2_bypasses_a_gated_host() {
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
