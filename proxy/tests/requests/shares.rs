//! The shares of clients, and shedding when the process runs short (docs/decisions/0026-shares.md).

use testkit::frames::kind;
use testkit::{Client, Frames, Proxy, ProxyBuilder, Request, StreamEnd, Upstream, reply};

/// Builds a proxy with these limits behind a trusted proxy, which is this machine.
fn builder(upstream: &Upstream, limits: &str) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: all, match: /**, upstream: api }")
        .listening("h2c: true")
        .with("trusted_proxies: [127.0.0.1]")
        .with(&format!("limits: {{ {limits} }}"))
}

fn head(method: &'static str, client: &'static str) -> [(&'static str, &'static str); 5] {
    [
        (":method", method),
        (":scheme", "http"),
        (":authority", "test"),
        (":path", "/x"),
        ("x-forwarded-for", client),
    ]
}

const IN_FLIGHT: &str = "sluice_resource_used{resource=\"in_flight\"}";

#[test]
fn a_client_has_one_share_over_all_trusted_proxy_connections() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, "max_in_flight_per_client: 2").start();
    let mut frames = Frames::connect(proxy.address());
    frames.headers(1, &head("POST", "192.0.2.1"), false);
    proxy.await_metric(IN_FLIGHT, 1.0);
    let mut other = Frames::connect(proxy.address());
    other.headers(1, &head("POST", "192.0.2.1"), false);
    proxy.await_metric(IN_FLIGHT, 2.0);
    let refused = proxy.ask(&Request::get("/x").header("X-Forwarded-For", "192.0.2.1"));
    assert_eq!((refused.status, &*refused.code()), (429, "CLIENT_LIMIT"));
    assert_eq!(refused.header("retry-after"), Some("1"));
    frames.headers(3, &head("GET", "192.0.2.1"), true);
    assert_eq!(frames.end_of(3), StreamEnd::Status(429));
    frames.headers(5, &head("GET", "192.0.2.2"), true);
    assert_eq!(frames.end_of(5), StreamEnd::Status(200));
    // A request that ends frees its slot.
    frames.data(1, b"end", true);
    assert_eq!(frames.end_of(1), StreamEnd::Status(200));
    frames.headers(7, &head("GET", "192.0.2.1"), true);
    assert_eq!(frames.end_of(7), StreamEnd::Status(200));
    assert_eq!(
        proxy.metric("sluice_requests_total{route=\"all\",outcome=\"limited\",status=\"4xx\"}"),
        2.0
    );
}

#[test]
fn a_trusted_proxy_that_names_no_client_is_not_limited_as_one() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, "max_in_flight_per_client: 1").start();
    let mut frames = Frames::connect(proxy.address());
    let nobodys = &head("POST", "")[..4];
    for stream in [1, 3, 5] {
        frames.headers(stream, nobodys, false);
    }
    proxy.await_metric(IN_FLIGHT, 3.0);
}

#[test]
fn share_belongs_to_the_client_of_the_proxy_header() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: all, match: /**, upstream: api }")
        .listening("proxy_protocol: true")
        .with("trusted_proxies: [127.0.0.1]")
        .with("limits: { max_in_flight_per_client: 1 }")
        .start();
    let begin = |client: &str, request: &str| {
        let mut connection = proxy.connect();
        connection.send(format!("PROXY TCP4 {client} 192.0.2.9 4711 80\r\n{request}"));
        connection
    };
    let _open = begin(
        "192.0.2.1",
        "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n",
    );
    proxy.await_metric(IN_FLIGHT, 1.0);
    let get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_eq!(begin("192.0.2.1", get).response().status, 429);
    assert_eq!(begin("192.0.2.2", get).response().status, 200);
}

#[test]
fn requests_beyond_the_capacity_are_a_503() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, "max_in_flight: 1").start();
    let mut frames = Frames::connect(proxy.address());
    frames.headers(1, &head("POST", "192.0.2.1"), false);
    proxy.await_metric(IN_FLIGHT, 1.0);
    let refused = proxy.ask(&Request::get("/x").header("X-Forwarded-For", "192.0.2.2"));
    assert_eq!((refused.status, &*refused.code()), (503, "OVERLOADED"));
    assert_eq!(refused.header("retry-after"), Some("1"));
}

#[test]
fn tunnels_over_their_limit_get_503() {
    let upstream = Upstream::answering(|request, stream| {
        if request.header("upgrade").is_some() {
            let head =
                "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
            return reply(stream, head);
        }
        reply(stream, &testkit::response(200, "OK", "api"))
    });
    let proxy = builder(&upstream, "max_tunnels: 1, max_in_flight: 1").start();
    let tunnel = || {
        let request = Request::get("/socket")
            .header("Connection", "Upgrade")
            .header("Upgrade", "websocket");
        let mut connection = proxy.connect();
        connection.send(request.bytes());
        connection
    };
    let mut first = tunnel();
    assert_eq!(first.head().0, 101);
    assert_eq!(tunnel().response().code(), "OVERLOADED");
    // Requests have a limit of their own.
    assert_eq!(proxy.ask(&Request::get("/x")).status, 200);
    drop(first);
    proxy.await_metric("sluice_resource_used{resource=\"tunnels\"}", 0.0);
    assert_eq!(tunnel().head().0, 101);
}

/// Returns the streams that were reset, each once.
fn resets(frames: &mut Frames, count: usize) -> Vec<u32> {
    let read = std::iter::from_fn(|| frames.read());
    let resets = read.filter(|frame| frame.kind == kind::RST_STREAM);
    resets.map(|frame| frame.stream).take(count).collect()
}

#[test]
fn only_the_greediest_client_loses_requests_on_a_connection() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, "max_in_flight: 64").start();
    let mut frames = Frames::connect(proxy.address());
    let mut open = 0;
    let mut begin = |count: u32, client: &'static str| {
        let streams: Vec<u32> = (0..count).map(|number| 1 + 2 * (open + number)).collect();
        open += count;
        for stream in &streams {
            frames.headers(*stream, &head("POST", client), false);
        }
        proxy.await_metric(IN_FLIGHT, f64::from(open));
        streams
    };
    let greedy = begin(32, "192.0.2.1");
    let others: Vec<u32> = ["192.0.2.2", "192.0.2.3", "192.0.2.4"]
        .into_iter()
        .flat_map(|client| begin(8, client))
        .collect();
    frames.headers(501, &head("POST", "192.0.2.5"), false);
    let shed = resets(&mut frames, 5);
    assert!(shed.iter().all(|stream| greedy.contains(stream)), "{shed:?}");
    proxy.await_metric("sluice_shed_total{resource=\"in_flight\"}", 5.0);
    for stream in others {
        frames.data(stream, b"end", true);
        assert_eq!(frames.end_of(stream), StreamEnd::Status(200));
    }
    let log = proxy.log(29);
    let log: Vec<_> = log.iter().filter(|line| line["outcome"] == "shed").collect();
    assert_eq!(log.len(), 5);
    for line in log {
        assert_eq!(
            (&line["client"], &line["error"]),
            (&"192.0.2.1".into(), &"SHED".into())
        );
        assert_eq!((&line["route"], &line["status"]), (&"all".into(), &0.into()));
        assert_eq!(line["method"], "POST");
    }
    assert_eq!(
        proxy.metric("sluice_requests_total{route=\"all\",outcome=\"shed\",status=\"none\"}"),
        5.0
    );
}

#[test]
fn shed_http_1_request_closes_its_connection() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream, "max_in_flight: 64").start();
    let begin = |client: &str| {
        let mut connection = proxy.connect();
        connection.send(format!(
            "POST /x HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {client}\r\nContent-Length: 9\r\n\r\n"
        ));
        connection
    };
    let mut greedy: Vec<Client> = (0..32).map(|_| begin("192.0.2.1")).collect();
    proxy.await_metric(IN_FLIGHT, 32.0);
    let _others: Vec<Client> = (0..25)
        .map(|number| begin(&format!("192.0.2.{}", 2 + number / 8)))
        .collect();
    proxy.await_metric("sluice_shed_total{resource=\"in_flight\"}", 5.0);
    let closed = greedy.iter_mut().filter_map(|connection| {
        connection.try_send("end......").ok()?;
        connection.is_closed().then_some(())
    });
    assert_eq!(closed.count(), 5);
}
