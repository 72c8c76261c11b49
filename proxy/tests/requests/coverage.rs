//! Reports about the traffic: the requests that gates in shadow mode would have refused, and the coverage of gates and
//! flags.

use proxy::{Coverage, ShadowGate};
use testkit::{Proxy, ProxyBuilder, Upstream, eventually};

const FLAGS: &str = "
tiers: [free]
flags:
  board: { lifecycle: ga }
  list: { lifecycle: ga, requires: [core] }
  core: { lifecycle: ga }
  alone: { lifecycle: ga }
tenants: { acme: { tier: free }, globex: { tier: free, overrides: { board: on } } }
";

fn builder(upstream: &Upstream) -> ProxyBuilder {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, mode: shadow, upstream: api }")
        .route("{ name: list, match: /list, gate: list, upstream: api }")
        .route("{ name: plain, match: /plain, upstream: api }")
        .route("{ name: unused, match: /unused, upstream: api }")
        .flags(FLAGS)
}

fn shadow(proxy: &Proxy, refused: u64) -> ShadowGate {
    let observations = proxy.running().observations();
    eventually("the requests to be counted", || {
        let gate = observations.shadow_gates().pop()?;
        (gate.refused == refused).then_some(gate)
    })
}

fn names(routes: &[proxy::CountedRoute]) -> Vec<(&str, u64)> {
    routes
        .iter()
        .map(|route| (&*route.route, route.requests))
        .collect()
}

fn idle(coverage: &Coverage) -> Vec<(&str, usize)> {
    let flags = coverage.idle_flags.iter();
    flags.map(|idle| (&*idle.flag, idle.routes.len())).collect()
}

#[test]
fn a_shadow_gate_counts_who_would_be_refused() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    for tenant in ["acme", "globex", "acme", "acme"] {
        assert_eq!(proxy.get("/board", tenant).status, 200);
    }
    let gate = shadow(&proxy, 3);
    assert_eq!(
        (&*gate.route, gate.gate.as_str(), gate.requests, gate.undivided),
        ("board", "board", 4, 0)
    );
    let [cause] = &*gate.causes else {
        panic!("{gate:?}")
    };
    assert_eq!(
        (cause.flag.as_deref(), cause.cause, cause.requests),
        (Some("board"), "default", 3)
    );
    let [acme] = &*gate.tenants else {
        panic!("{gate:?}")
    };
    assert_eq!((&*acme.name, acme.count, acme.error), ("acme", 3, 0));
    let (first, last) = gate.seen.unwrap();
    assert!(gate.since <= first && first <= last, "{gate:?}");
}

#[test]
fn a_shadow_gate_counts_requests_whose_upstream_failed() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .upstream_at("gone", "127.0.0.1:9")
        .route("{ name: gone, match: /gone, gate: board, mode: shadow, upstream: gone }")
        .start();
    assert_eq!(proxy.get("/gone", "acme").status, 502);
    assert_eq!(proxy.get("/gone", "globex").status, 502);
    let gate = shadow(&proxy, 1);
    assert_eq!((&*gate.route, &*gate.tenants[0].name), ("gone", "acme"));
}

#[test]
fn a_caller_without_a_token_counts_by_its_code() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    assert_eq!(proxy.get("/board", "").status, 200);
    let gate = shadow(&proxy, 1);
    assert_eq!(
        (gate.causes[0].flag.as_deref(), gate.causes[0].cause),
        (None, "TOKEN_MISSING")
    );
    assert_eq!(&*gate.tenants[0].name, "");
}

#[test]
fn the_counts_of_a_shadow_gate_survive_a_reload() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    proxy.get("/board", "acme");
    let before = shadow(&proxy, 1);
    proxy.reload("sluice.yaml", "match: /plain,", "match: /other,");
    proxy.get("/board", "acme");
    let after = shadow(&proxy, 2);
    assert_eq!(before.since, after.since);
}

#[test]
fn coverage_names_routes_gates_and_flags_without_traffic() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).start();
    let observations = proxy.running().observations();
    let fresh = observations.coverage();
    assert_eq!(names(&fresh.ungated), []);
    assert_eq!(names(&fresh.idle_gates), [("board", 0), ("list", 0)]);
    assert_eq!(
        idle(&fresh),
        [("alone", 0), ("board", 1), ("core", 1), ("list", 1)]
    );
    proxy.get("/plain", "");
    proxy.get("/list", "");
    proxy.get("/list", "acme");
    proxy.get("/nothing", "");
    let used = eventually("the requests to be counted", || {
        let coverage = observations.coverage();
        let counted = (coverage.unmatched.requests, coverage.idle_gates.len()) == (1, 1);
        counted.then_some(coverage)
    });
    assert_eq!(names(&used.ungated), [("plain", 1)]);
    assert_eq!(names(&used.idle_gates), [("board", 0)]);
    assert_eq!(idle(&used), [("alone", 0), ("board", 1)]);
    proxy.reload("sluice.yaml", "match: /unused,", "match: /other,");
    assert_eq!(observations.coverage(), used);
}

#[test]
fn a_request_refused_for_its_token_hits_no_gate() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream).admin().start();
    assert_eq!(proxy.get("/list", "").status, 401);
    proxy.await_metric(
        "sluice_requests_total{route=\"list\",outcome=\"unauthenticated\",status=\"4xx\"}",
        1.0,
    );
    let coverage = proxy.running().observations().coverage();
    assert_eq!(names(&coverage.idle_gates), [("board", 0), ("list", 1)]);
}

#[test]
fn a_flag_in_a_header_is_evaluated_by_any_request() {
    let upstream = Upstream::named("api");
    let proxy = builder(&upstream)
        .with("headers: { flags: { name: X-Flags, include: [alone] } }")
        .start();
    let observations = proxy.running().observations();
    let alone = |coverage: &Coverage| {
        coverage
            .idle_flags
            .iter()
            .any(|idle| &*idle.flag == "alone" && idle.is_in_header)
    };
    assert!(alone(&observations.coverage()));
    proxy.get("/plain", "");
    eventually("the request to be counted", || {
        (!alone(&observations.coverage())).then_some(())
    });
}
