//! A panic fails one request, and neither its neighbours nor the process.

use std::sync::Arc;

use proxy::ProbeStage;
use testkit::{Proxy, Request, Upstream, eventually};

/// Starts a proxy that panics at this stage of a request for `/defect`.
fn defective(upstream: &Upstream, at: ProbeStage) -> Proxy {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: api, match: /**, upstream: api }")
        .probe(Arc::new(move |stage, head| {
            assert!(
                stage != at || head.path() != "/defect",
                "a defect that a test put here"
            );
        }))
        .start()
}

#[test]
fn panic_is_answered_and_fails_one_request() {
    for stage in [
        ProbeStage::Received,
        ProbeStage::Forwarding,
        ProbeStage::Responding,
    ] {
        let upstream = Upstream::named("api");
        let proxy = defective(&upstream, stage);
        let mut other = proxy.connect();
        assert_eq!(other.ask(&Request::get("/fine")).status, 200);
        for count in 1..=3 {
            let mut client = proxy.connect();
            let answer = client.ask(&Request::post("/defect", "body"));
            assert_eq!(
                (answer.status, answer.code()),
                (500, "INTERNAL".to_owned()),
                "{stage:?}"
            );
            assert!(client.is_closed(), "{stage:?}");
            assert_eq!(proxy.metric("sluice_panics_total"), f64::from(count), "{stage:?}");
        }
        assert_eq!(other.ask(&Request::get("/fine")).status, 200, "{stage:?}");
        let panicked = proxy
            .log(5)
            .iter()
            .filter(|line| line["outcome"] == "panicked")
            .count();
        assert_eq!(panicked, 3, "{stage:?}");
    }
}

#[test]
fn panic_while_logging_loses_only_its_line() {
    let upstream = Upstream::named("api");
    let proxy = defective(&upstream, ProbeStage::Logging);
    let mut client = proxy.connect();
    assert_eq!(client.ask(&Request::get("/defect")).status, 200);
    assert_eq!(client.ask(&Request::get("/fine")).status, 200);
    assert_eq!(proxy.log(1)[0]["path"], "/fine");
    eventually("the panic to be counted", || {
        (proxy.metric("sluice_panics_total") == 1.0).then_some(())
    });
}
