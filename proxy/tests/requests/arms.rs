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
    let durations = "sluice_flag_request_duration_seconds_count{flag=\"board\",arm=\"excluded\"}";
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

#[test]
fn requests_that_two_plans_treat_are_counted_for_both() {
    let upstream = Upstream::named("api");
    let flags = |stages: [&str; 2]| {
        let exposure = |percentage: &str| {
            format!("lifecycle: ga, exposure: {{ stages: [{{ name: one, percentage: {percentage} }}] }}")
        };
        format!(
            "flags: {{ board: {{ {} }}, theme: {{ {} }}, core: {{ kind: ops, default: on }} }}\ntenants: {{ acme: {{}} }}",
            exposure(stages[0]),
            exposure(stages[1])
        )
    };
    let proxy = Proxy::builder()
        .upstream("api", &upstream)
        .route("{ name: list, match: /list, observe: [board, theme, core], upstream: api }")
        .route("{ name: board, match: /board, observe: [board], upstream: api }")
        .flags(
            "flags: { board: { lifecycle: ga }, theme: { lifecycle: ga }, core: { kind: ops, default: on } }",
        )
        .start();
    proxy.publish_flags(&flags(["100", "100"]));
    let observed = proxy.running().observations();
    let taken = |expected: u32| {
        let mut overlaps = Vec::new();
        let mut requests = 0;
        eventually("the requests to be counted", || {
            for (flag, slot) in observed.take_slots() {
                let counted: u32 = slot.units.iter().map(|unit| unit.requests).sum();
                requests += counted * u32::from(&*flag == "board");
                let both = slot.overlaps.into_iter();
                overlaps
                    .extend(both.map(|both| (flag.clone(), both.flag, both.requests, both.treated_by_both)));
            }
            (requests == expected).then_some(())
        });
        let sum = |one: &str, other: &str| {
            let of_pair = overlaps
                .iter()
                .filter(|both| (&*both.0, &*both.1) == (one, other));
            of_pair.fold((0, 0), |sum, both| (sum.0 + both.2, sum.1 + both.3))
        };
        // A flag without a plan is not confounded.
        assert_eq!(sum("board", "core"), (0, 0));
        [sum("board", "theme"), sum("theme", "board")]
    };
    for target in ["/list", "/list", "/board"] {
        proxy.get(target, "acme");
    }
    assert_eq!(taken(3), [(2, 2), (2, 2)]);
    // Control of one, and treatment of the other.
    proxy.publish_flags(&flags(["100", "0"]));
    proxy.get("/list", "acme");
    assert_eq!(taken(1), [(1, 0), (1, 0)]);
}
