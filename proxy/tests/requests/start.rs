//! What can't work is said by name before anything is served.

use std::net::TcpListener;

use testkit::{Proxy, Upstream};

#[test]
fn a_listener_that_can_not_bind_is_named_with_its_address() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let upstream = Upstream::named("api");
    let builder = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: all, match: /**, upstream: api }");
    let error = builder
        .listener("second", &address.to_string())
        .try_start()
        .err()
        .unwrap();
    assert!(
        error.starts_with(&format!("listener `second` can't bind {address}: ")),
        "{error}"
    );
}

#[test]
fn every_upstream_that_can_not_be_resolved_is_named() {
    let error = Proxy::builder()
        .upstream_at("one", "no-such-host.invalid:80")
        .upstream_at(
            "two",
            "{ endpoints: [\"127.0.0.1:80\", \"nor-this-one.invalid:80\"] }",
        )
        .route("{ name: one, match: /one, upstream: one }")
        .route("{ name: two, match: /two, upstream: two }")
        .try_start()
        .err()
        .unwrap();
    let lines: Vec<_> = error.lines().collect();
    assert!(
        lines[0].starts_with("upstream `one`: `no-such-host.invalid` can't be resolved: "),
        "{error}"
    );
    assert!(
        lines[1].starts_with("upstream `two`: `nor-this-one.invalid` can't be resolved: "),
        "{error}"
    );
}

#[test]
fn a_proxy_listens_on_all_its_listeners() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: all, match: /**, upstream: api }")
        .listener("second", "127.0.0.1:0")
        .start();
    let names: Vec<_> = proxy
        .running()
        .listeners()
        .iter()
        .map(|bound| &*bound.name)
        .collect();
    assert_eq!(names, ["public", "second"]);
    for bound in proxy.running().listeners() {
        let answer = testkit::Client::connect(bound.address).ask(&testkit::Request::get("/"));
        assert_eq!(answer.text(), "api");
    }
}

#[test]
fn a_small_proxy_is_a_few_lines() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .with("unmatched: { upstream: api }")
        .start();
    assert_eq!(proxy.get("/", "").text(), "api");
}
