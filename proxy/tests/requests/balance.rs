//! Balancing of endpoints (edge.md section 7): in turn, by load, by tenant, by weight, and without endpoints that
//! failed or are at their limit.

use std::collections::HashMap;
use std::net::TcpListener;
use std::sync::Mutex;
use std::sync::mpsc::channel;

use testkit::{After, Proxy, ProxyBuilder, Request, Upstream, eventually, reply, response};

use crate::upstream::nowhere;

fn to(yaml: &str) -> ProxyBuilder {
    Proxy::builder()
        .upstream_at("api", yaml)
        .route("{ name: api, match: /**, upstream: api, auth: optional }")
}

fn three() -> [Upstream; 3] {
    [Upstream::named("a"), Upstream::named("b"), Upstream::named("c")]
}

fn endpoints(upstreams: &[Upstream]) -> String {
    let addresses: Vec<_> = upstreams
        .iter()
        .map(|upstream| format!("\"{}\"", upstream.address()))
        .collect();
    addresses.join(", ")
}

#[test]
fn weighted_endpoints_get_more_turns_interleaved() {
    let upstreams = three();
    let [a, b, c] = upstreams.each_ref().map(Upstream::address);
    let proxy = to(&format!(
        "{{ endpoints: [{{ address: \"{a}\", weight: 4 }}, \"{b}\", {{ address: \"{c}\", weight: 1 }}] }}"
    ))
    .start();
    let mut client = proxy.connect();
    let asked: String = (0..12)
        .map(|_| client.ask(&Request::get("/")).text().to_owned())
        .collect();
    for (name, times) in [('a', 8), ('b', 2), ('c', 2)] {
        assert_eq!(asked.chars().filter(|c| *c == name).count(), times, "{asked}");
    }
    assert!(!asked.contains("aaaaa"), "{asked}");
}

#[test]
fn an_endpoint_that_is_busy_gets_fewer_requests() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let slow = Upstream::answering(move |_, stream| {
        let _ = wait.lock().unwrap().recv();
        reply(stream, &response(200, "OK", "slow"))
    });
    let quick = Upstream::named("quick");
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\", \"{}\"], balance: least_request }}",
        slow.address(),
        quick.address()
    ))
    .start();
    // Until the slow endpoint holds a request, either endpoint may be chosen.
    let mut held = proxy.connect();
    let mut others = 0;
    while slow.count() == 0 {
        held = proxy.connect();
        held.send(Request::get("/").bytes());
        others += 1;
        assert!(others < 200, "the slow endpoint was never drawn");
        eventually("the request to arrive somewhere", || {
            (slow.count() + quick.count() >= others).then_some(())
        });
    }
    for _ in 0..20 {
        // A response may arrive before its request is no longer counted.
        eventually("the last request to be over", || {
            let in_flight = proxy.metric("sluice_upstream_in_flight{upstream=\"api\"}");
            (in_flight <= 1.0).then_some(())
        });
        assert_eq!(proxy.ask(&Request::get("/")).text(), "quick");
    }
    go.send(()).unwrap();
    assert_eq!(held.response().text(), "slow");
}

#[test]
fn a_tenant_keeps_its_endpoint_unless_that_one_is_lost() {
    let mut upstreams = Vec::from(three());
    let proxy = to(&format!(
        "{{ endpoints: [{}], balance: sticky }}",
        endpoints(&upstreams)
    ))
    .start();
    let tenants: Vec<String> = (0..60).map(|n| format!("tenant-{n}")).collect();
    let ask = || -> HashMap<&str, String> {
        let asked = tenants
            .iter()
            .map(|tenant| (tenant.as_str(), proxy.get("/", tenant).text().to_owned()));
        asked.collect()
    };
    let first = ask();
    assert_eq!(first, ask());
    for name in ["a", "b", "c"] {
        let share = first.values().filter(|asked| *asked == name).count();
        // By the ports of this run: 20 and a deviation of 3.7, so that one run in a million fails.
        assert!((3..=39).contains(&share), "{name} has {share} of 60");
    }
    drop(upstreams.remove(2));
    let then = ask();
    for tenant in &tenants {
        let (before, after) = (&first[tenant.as_str()], &then[tenant.as_str()]);
        assert!(
            before == after || before == "c",
            "{tenant}: {before}, then {after}"
        );
    }
    // Without a tenant the client's address decides, which is the same for all of these.
    let anonymous: std::collections::HashSet<_> =
        (0..6).map(|_| proxy.get("/", "").text().to_owned()).collect();
    assert_eq!(anonymous.len(), 1);
}

#[test]
fn failing_endpoint_is_ejected_and_readmitted() {
    let address = nowhere();
    let good = Upstream::named("good");
    let proxy = to(&format!(
        "{{ endpoints: [\"{address}\", \"{}\"], ejection: {{ failures: 2, for: 300ms }} }}",
        good.address()
    ))
    .start();
    let mut client = proxy.connect();
    for _ in 0..8 {
        assert_eq!(client.ask(&Request::get("/")).text(), "good");
    }
    let unreachable = "sluice_upstream_attempts_total{upstream=\"api\",result=\"unreachable\"}";
    assert_eq!(proxy.metric(unreachable), 2.0);
    assert_eq!(
        proxy.metric("sluice_upstream_ejections_total{upstream=\"api\"}"),
        1.0
    );
    assert_eq!(
        proxy.metric("sluice_upstream_retries_total{upstream=\"api\"}"),
        2.0
    );
    let ejected = "sluice_upstream_endpoints{upstream=\"api\",state=\"ejected\"}";
    assert_eq!(proxy.metric(ejected), 1.0);
    // A reload that leaves the endpoint unchanged keeps it ejected.
    proxy.reload("sluice.yaml", "failures: 2", "failures: 1");
    assert_eq!(proxy.metric(ejected), 1.0);
    let back = Upstream::on(TcpListener::bind(&address).unwrap(), |_, stream| {
        reply(stream, &response(200, "OK", "back"))
    });
    eventually("the endpoint to come back", || {
        (proxy.get("/", "").text() == "back").then_some(())
    });
    assert_eq!(back.broken(), Vec::<String>::new());
}

#[test]
fn all_endpoints_are_used_when_all_are_ejected() {
    let upstream = Upstream::answering(|_, stream| {
        let _ = stream;
        After::Close
    });
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\"], ejection: {{ failures: 1, for: 1h }} }}",
        upstream.address()
    ))
    .start();
    for _ in 0..3 {
        assert_eq!(proxy.get("/", "").status, 502);
    }
    assert_eq!(upstream.count(), 3);
    assert_eq!(
        proxy.metric("sluice_upstream_ejections_total{upstream=\"api\"}"),
        1.0
    );
}

#[test]
fn requests_over_the_upstream_limit_get_503_at_once() {
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = wait.lock().unwrap().recv();
        reply(stream, &response(200, "OK", "done"))
    });
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\"], max_in_flight: 2 }}",
        upstream.address()
    ))
    .start();
    let mut held = [proxy.connect(), proxy.connect()];
    for client in &mut held {
        client.send(Request::get("/").bytes());
    }
    upstream.await_count(2);
    let mut client = proxy.connect();
    for _ in 0..2 {
        let refused = client.ask(&Request::get("/"));
        assert_eq!(
            (refused.status, refused.code(), refused.header("retry-after")),
            (503, "UPSTREAM_OVERLOADED".to_owned(), Some("1"))
        );
    }
    // The count continues when the definition changes.
    proxy.reload("sluice.yaml", "max_in_flight: 2", "max_in_flight: 1");
    assert_eq!(client.ask(&Request::get("/")).status, 503);
    assert_eq!(
        proxy.metric("sluice_upstream_overloads_total{upstream=\"api\"}"),
        3.0
    );
    assert_eq!(proxy.metric("sluice_upstream_in_flight{upstream=\"api\"}"), 2.0);
    for _ in 0..3 {
        go.send(()).unwrap();
    }
    for client in &mut held {
        assert_eq!(client.response().text(), "done");
    }
    eventually("room", || {
        (client.ask(&Request::get("/")).status == 200).then_some(())
    });
    assert_eq!(upstream.count(), 3);
}

#[test]
fn retries_end_at_their_configured_limit() {
    let addresses = [nowhere(), nowhere(), nowhere()];
    let upstream = Upstream::named("up");
    let [a, b, c] = &addresses;
    let proxy = to(&format!(
        "{{ endpoints: [\"{a}\", \"{b}\", \"{c}\", \"{}\"], retries: 1, ejection: off }}",
        upstream.address()
    ))
    .start();
    assert_eq!(proxy.get("/", "").code(), "UPSTREAM_UNREACHABLE");
    // Read now: a line is written after its answer, so that those of two connections may change places.
    let first = &proxy.log(1)[0];
    assert_eq!(proxy.get("/", "").code(), "UPSTREAM_UNREACHABLE");
    // The third turn fails once, the fourth never.
    assert_eq!(proxy.get("/", "").text(), "up");
    assert_eq!(proxy.get("/", "").text(), "up");
    assert_eq!((&first["retries"], &first["status"]), (&1.into(), &502.into()));
    assert_eq!(first["endpoint"], b.as_str());
    assert!(
        first["cause"].as_str().unwrap().contains("ConnectRefused"),
        "{first}"
    );
}

#[test]
fn exchange_ends_at_its_deadline() {
    let upstream = Upstream::answering(|request, stream| {
        use std::io::Write as _;
        if request.target() == "/silent" {
            return After::Keep;
        }
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        // Without the limit this would take ten seconds.
        for _ in 0..500 {
            if stream.write_all(b"1\r\nx\r\n").is_err() {
                return After::Close;
            }
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        After::Close
    });
    let proxy = to(&format!(
        "{{ endpoints: [\"{}\"], total_timeout: 300ms }}",
        upstream.address()
    ))
    .start();
    let started = std::time::Instant::now();
    let silent = proxy.get("/silent", "");
    assert_eq!(
        (silent.status, silent.code()),
        (504, "UPSTREAM_TIMEOUT".to_owned())
    );
    let mut client = proxy.connect();
    client.send(Request::get("/dripping").bytes());
    assert_eq!(client.head().0, 200);
    assert!(!client.rest().ends_with(b"0\r\n\r\n"));
    assert!(started.elapsed() < std::time::Duration::from_secs(5));
    let outcomes: Vec<_> = proxy.log(2).iter().map(|line| line["error"].clone()).collect();
    assert_eq!(outcomes, ["UPSTREAM_TIMEOUT", "UPSTREAM_TIMEOUT"]);
}
