//! Requests of observed flags, counted by arm.

use testkit::{After, Proxy, Upstream, eventually, reply, response};

fn count(proxy: &Proxy, outcome: &str) -> f64 {
    proxy.metric(&format!(
        "sluice_flag_requests_total{{flag=\"board\",arm=\"excluded\",outcome=\"{outcome}\"}}"
    ))
}

fn observing(upstream: &Upstream) -> Proxy {
    Proxy::builder()
        .upstream("api", upstream)
        .route("{ name: board, match: /board, gate: board, upstream: api }")
        .route("{ name: list, match: /list, observe: [board], upstream: api }")
        .route("{ name: plain, match: /plain, upstream: api }")
        .admin()
        .start()
}

#[test]
fn requests_of_gates_and_of_observe_count_for_the_flag() {
    let upstream = Upstream::named("api");
    let proxy = observing(&upstream);
    let mut client = proxy.connect();
    // The gate is closed for globex, and no route without the flag counts.
    for (target, tenant) in [
        ("/board", "acme"),
        ("/list", "acme"),
        ("/list", ""),
        ("/board", "globex"),
    ] {
        client.ask(&proxy.request(target, tenant));
    }
    client.ask(&proxy.request("/plain", "acme"));
    eventually("the requests to be counted", || {
        (count(&proxy, "ok") == 3.0 && count(&proxy, "answered") == 1.0).then_some(())
    });
    let durations = "sluice_flag_request_duration_seconds_count{arm=\"excluded\",flag=\"board\"}";
    assert_eq!(proxy.metric(durations), 3.0);
    assert!(proxy.admin("/metrics").text().contains("le=\"2\""));
}

#[test]
fn errors_of_the_upstream_are_those_of_the_flag() {
    let upstream = Upstream::answering(|request, stream| match request.target() {
        "/list?error" => reply(stream, &response(500, "Failed", "")),
        "/list?broken" => After::Close,
        _ => reply(stream, &response(404, "Missing", "")),
    });
    let proxy = observing(&upstream);
    for target in ["/list?error", "/list?broken", "/list"] {
        proxy.get(target, "acme");
    }
    eventually("the requests to be counted", || {
        (count(&proxy, "error") == 2.0 && count(&proxy, "ok") == 1.0).then_some(())
    });
}
