//! Flags that change on their own: in force at once, with nothing else prepared again, and counted meanwhile.

use std::sync::Arc;

use config::{LoadedConfig, LoadedFlags};
use rules::{Eligibility, Snapshot};
use testkit::{Proxy, Request, Upstream, eventually, reply, response};

const FLAGS: &str = "
flags:
  board: { kind: ops, default: on }
  other: { kind: ops, default: on }
  theme: { kind: ops, variants: { off: 0, blue: 1 }, default: blue }
";

fn proxy(upstream: &Upstream) -> Proxy {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, auth: none, gate: { all: [board, { not: other }] }, upstream: api }")
        .route("{ name: theme, match: /theme, auth: none, gate: { any: [theme, other] }, upstream: api }")
        .with("headers: { revision: X-Revision }")
        .flags(FLAGS)
        .admin()
        .start()
}

/// Loads the documents of a proxy.
fn load(proxy: &Proxy) -> LoadedConfig {
    let loaded = config::load(&proxy.folder().join("sluice.yaml"), &|_| None);
    let loaded = loaded.unwrap_or_else(|report| panic!("{report}"));
    proxy.running().publisher().publish(&loaded).unwrap();
    loaded
}

/// Compiles the flags with a change in their text.
fn flags(proxy: &Proxy, from: &str, to: &str) -> LoadedFlags {
    assert!(FLAGS.contains(from));
    let path = proxy.folder().join("changed.yaml");
    std::fs::write(&path, format!("version: 1{}", FLAGS.replace(from, to))).unwrap();
    config::load_flags(&path, Eligibility::Enforced).unwrap_or_else(|report| panic!("{report}"))
}

fn with_flags(loaded: &LoadedConfig, flags: LoadedFlags, revision: u64) -> Arc<Snapshot> {
    loaded.with_flags(&Arc::new(flags.flags), &Arc::new(flags.tenants), revision)
}

#[test]
fn published_flags_apply_to_the_next_request() {
    let upstream = Upstream::named("api");
    let proxy = proxy(&upstream);
    let loaded = load(&proxy);
    let publisher = proxy.running().publisher();
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/board")).status, 404);
    let applied = proxy.metric("sluice_reloads_total{result=\"applied\"}");
    let off = flags(
        &proxy,
        "other: { kind: ops, default: on }",
        "other: { kind: ops, default: off }",
    );
    publisher.publish_flags(with_flags(&loaded, off, 41)).unwrap();
    assert_eq!(client.ask(&Request::get("/board")).status, 200);
    let reported = upstream.only();
    assert!(
        reported.header("x-revision").unwrap().starts_with("41-"),
        "{reported:?}"
    );
    assert_eq!(
        proxy.metric("sluice_reloads_total{result=\"applied\"}"),
        applied,
        "it is no reload"
    );
    assert!(
        proxy.admin("/readyz?verbose").text().contains("41-"),
        "the revision served is shown"
    );
    publisher.publish_flags(Arc::clone(&loaded.snapshot)).unwrap();
    assert_eq!(client.ask(&Request::get("/board")).status, 404);
}

#[test]
fn flags_compiled_with_another_document_are_refused() {
    let upstream = Upstream::named("api");
    let proxy = proxy(&upstream);
    let former = load(&proxy);
    let loaded = load(&proxy);
    let publisher = proxy.running().publisher();
    let stale = with_flags(
        &former,
        flags(
            &proxy,
            "other: { kind: ops, default: on }",
            "other: { kind: ops }",
        ),
        2,
    );
    assert_eq!(publisher.publish_flags(stale), Err(proxy::OtherDocument));
    assert_eq!(proxy.get("/board", "").status, 404);
    let snapshot = with_flags(
        &loaded,
        flags(&proxy, "default: on }\n  other", "default: on }\n  other"),
        3,
    );
    publisher.publish_flags(snapshot).unwrap();
}

#[test]
fn flag_observations_survive_every_reload() {
    let upstream = Upstream::answering(|request, stream| {
        let status = if request.target().contains("fail") {
            503
        } else {
            200
        };
        reply(stream, &response(status, "Said", "so"))
    });
    let proxy = proxy(&upstream);
    let loaded = load(&proxy);
    let observations = proxy.running().observations();
    let seen = |key: &str| {
        let flag = observations
            .flags()
            .into_iter()
            .find(|flag| &*flag.key == key)
            .unwrap();
        (flag.decisions, flag.errors)
    };
    let mut client = proxy.connect();
    for target in ["/theme", "/theme?fail", "/theme?fail", "/board?fail"] {
        client.ask(&Request::get(target));
    }
    // Errors are counted after the response. The requests for `board`, which is on too, were not forwarded.
    eventually("errors to be counted", || (seen("theme").1 == 2).then_some(()));
    assert_eq!((seen("theme"), seen("other").1, seen("board").1), ((3, 2), 2, 0));
    let changed = flags(&proxy, "blue: 1 }", "blue: 1, red: 2 }");
    proxy
        .running()
        .publisher()
        .publish_flags(with_flags(&loaded, changed, 2))
        .unwrap();
    assert_eq!(seen("theme"), (3, 2));
    let killed = flags(&proxy, "default: blue", "enabled: false");
    proxy
        .running()
        .publisher()
        .publish_flags(with_flags(&loaded, killed, 3))
        .unwrap();
    client.ask(&Request::get("/theme?fail"));
    eventually("errors to be counted", || (seen("other").1 == 3).then_some(()));
    assert_eq!(seen("theme"), (3, 2), "it was off when the error came");
    assert_eq!(
        observations.gated().iter().map(|key| &**key).collect::<Vec<_>>(),
        ["board", "other", "theme"]
    );
}

#[test]
fn errors_count_for_flags_as_they_were_decided() {
    let upstream = Upstream::answering(|_, stream| reply(stream, &response(503, "Said", "so")));
    // The client is not trusted, so the flag is decided without its header. The upstream gets `http` from the proxy.
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: all, match: /**, auth: none, gate: board, upstream: api }")
        .flags(
            "flags: { board: { kind: ops, default: on, rules: \
             [ { when: { attribute: scheme, in: [http, https] }, serve: off } ] } }",
        )
        .with("identity: { attributes: { scheme: { header: X-Forwarded-Proto } } }")
        .start();
    let observations = proxy.running().observations();
    let forged = Request::get("/").header("X-Forwarded-Proto", "https");
    assert_eq!(proxy.ask(&forged).status, 503);
    eventually("the error to be counted", || {
        (observations.flags().first()?.errors == 1).then_some(())
    });
}

#[test]
fn served_requests_of_flags_before_ga_are_counted() {
    let upstream = Upstream::answering(|request, stream| {
        let status = match request.target().contains("fail") {
            true => 503,
            false => 200,
        };
        reply(stream, &response(status, "Said", "so"))
    });
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: pilot, match: /pilot, gate: pilot, upstream: api }")
        .route("{ name: wide, match: /wide, gate: wide, upstream: api }")
        .flags(
            "
policy: { beta_opt_in: true }
flags:
  pilot: { lifecycle: beta }
  wide: { lifecycle: ga, default: on }
tenants:
  acme: { opt_in: [pilot, wide] }
  globex: { opt_in: [pilot] }
  workshop: { internal: true, overrides: { pilot: on } }
  initech: {}
",
        )
        .start();
    let observations = proxy.running().observations();
    let served = |key: &str| {
        let flags = observations.flags();
        let flag = flags.into_iter().find(|flag| &*flag.key == key).unwrap();
        (flag.served, flag.errors)
    };
    for (target, tenant, status) in [
        ("/pilot", "acme", 200),
        ("/pilot", "acme", 200),
        ("/pilot?fail", "globex", 503),
        ("/pilot", "workshop", 200),
        ("/pilot", "initech", 404),
        ("/wide", "acme", 200),
        ("/wide?fail", "acme", 503),
    ] {
        assert_eq!(proxy.get(target, tenant).status, status, "{target} {tenant}");
    }
    // Requests are counted after the response.
    eventually("requests to be counted", || {
        (served("pilot") == (3, 1) && served("wide").1 == 1).then_some(())
    });
    assert_eq!(served("wide"), (0, 1), "no condition reads those of a flag at ga");
    // Globex was served errors only, and workshop did not ask for the flag.
    let tenants = || {
        let pairs = observations.take_served_tenants().into_iter();
        pairs
            .map(|(flag, tenant)| format!("{flag} {tenant}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(tenants(), ["pilot acme"]);
    assert!(tenants().is_empty());
    proxy.get("/pilot", "globex");
    eventually("the tenant to be noted", || {
        (tenants() == ["pilot globex"]).then_some(())
    });
}
