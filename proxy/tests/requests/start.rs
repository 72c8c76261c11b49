//! Errors at the start, by name and before anything is served.

use std::net::TcpListener;

use testkit::{Proxy, Request, Upstream, eventually};

#[test]
fn bind_error_names_the_listener_and_address() {
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
fn unresolved_upstream_does_not_delay_others() {
    let upstream = Upstream::named("up");
    let proxy = Proxy::builder()
        .upstream_at("one", "no-such-host.invalid:80")
        .upstream_at(
            "two",
            &format!(
                "{{ endpoints: [\"{}\", \"nor-this-one.invalid:80\"] }}",
                upstream.address()
            ),
        )
        .route("{ name: one, match: /one, upstream: one }")
        .route("{ name: two, match: /two, upstream: two }")
        .start();
    let mut client = proxy.connect();
    let refused = client.ask(&Request::get("/one"));
    assert_eq!(
        (refused.status, refused.code()),
        (503, "UPSTREAM_UNRESOLVED".to_owned())
    );
    // The connection is still open.
    assert_eq!(client.ask(&Request::get("/two")).text(), "up");
    let failed = "sluice_upstream_resolutions_total{upstream=\"one\",result=\"failed\"}";
    eventually("another look-up", || (proxy.metric(failed) >= 2.0).then_some(()));
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
        let answer = testkit::Client::connect(bound.address).ask(&Request::get("/"));
        assert_eq!(answer.text(), "api");
    }
}

#[test]
fn minimal_proxy_starts_from_a_few_lines() {
    let upstream = Upstream::named("api");
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .with("unmatched: { upstream: api }")
        .start();
    assert_eq!(proxy.get("/", "").text(), "api");
}
