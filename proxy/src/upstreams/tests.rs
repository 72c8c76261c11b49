use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rules::{Balance, Ejection, Endpoint, HealthCheck, HealthProbe, Upstream, UpstreamProtocol, UpstreamTls};

use super::attempts::UpstreamAttempts;
use super::endpoint::EndpointState;
use super::failure::{Failure, UpstreamError};
use super::live::LiveUpstream;
use super::peer::Template;
use super::resolver::jittered;

fn upstream(name: &str, hosts: &[(&str, u32)]) -> Upstream {
    let endpoints: Vec<_> = hosts
        .iter()
        .map(|(host, weight)| Endpoint {
            host: (*host).into(),
            port: 1,
            weight: *weight,
        })
        .collect();
    Upstream::new(name, endpoints)
}

fn live(definition: &Upstream, former: &[Arc<LiveUpstream>]) -> Arc<LiveUpstream> {
    let namesake = former.iter().find(|live| live.name() == &*definition.name);
    LiveUpstream::new(definition, namesake.map(|live| &**live), former)
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn asked(live: &LiveUpstream, times: usize) -> Vec<String> {
    (0..times)
        .map(|_| {
            let mut attempts = UpstreamAttempts::default();
            attempts
                .choose(live, Instant::now())
                .unwrap()
                .address
                .ip()
                .to_string()
        })
        .collect()
}

#[test]
fn round_robin_spreads_turns_by_weight() {
    let live = live(
        &upstream("a", &[("10.0.0.1", 10), ("10.0.0.2", 5), ("10.0.0.3", 5)]),
        &[],
    );
    let turns = asked(&live, 8);
    assert_eq!(turns, ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1"].repeat(2));
}

#[test]
fn least_request_follows_weights_of_idle_endpoints() {
    let mut definition = upstream("a", &[("10.0.0.1", 3), ("10.0.0.2", 1)]);
    definition.balance = Balance::LeastRequest;
    let turns = asked(&live(&definition, &[]), 4_000);
    let first = turns.iter().filter(|address| *address == "10.0.0.1").count();
    assert!((2_800..3_200).contains(&first), "{first}");
}

#[test]
fn ipv6_addresses_are_a_fallback_for_ipv4() {
    let live = live(&upstream("a", &[("some.host", 1)]), &[]);
    assert!(!live.is_resolved());
    live.set_addresses(0, Ok(vec![ip("10.0.0.1"), ip("10.0.0.2"), ip("::1")]));
    assert!(live.is_resolved());
    assert_eq!(asked(&live, 3), ["10.0.0.1", "10.0.0.2", "10.0.0.1"]);
    let mut attempts = UpstreamAttempts::default();
    let error = UpstreamError::new(Failure::Unreachable, "refused");
    let mut order = Vec::new();
    for more in [true, true, false] {
        let endpoint = attempts.choose(&live, Instant::now()).unwrap();
        order.push(endpoint.address.ip());
        assert_eq!(
            attempts.record_connect_failure(&live, error.clone(), Instant::now()),
            more
        );
    }
    assert_eq!(order.last(), Some(&ip("::1")));
}

#[test]
fn last_good_addresses_stay_when_a_name_can_not_be_resolved() {
    let live = live(&upstream("a", &[("some.host", 1)]), &[]);
    live.set_addresses(0, Ok(vec![ip("10.0.0.1")]));
    live.set_addresses(0, Err(std::io::ErrorKind::NotFound.into()));
    assert_eq!(live.addresses(), ["10.0.0.1:1".parse().unwrap()]);
    live.set_addresses(0, Ok(vec![ip("10.0.0.9")]));
    assert_eq!(live.addresses(), ["10.0.0.9:1".parse().unwrap()]);
}

#[test]
fn addresses_and_counts_survive_an_unrelated_change() {
    let definition = upstream("a", &[("some.host", 1), ("10.0.0.2", 1)]);
    let before = live(&definition, &[]);
    before.set_addresses(0, Ok(vec![ip("10.0.0.1")]));
    let mut attempts = UpstreamAttempts::default();
    attempts.choose(&before, Instant::now()).unwrap();
    let mut changed = upstream("a", &[("10.0.0.2", 7), ("some.host", 2), ("10.0.0.3", 1)]);
    changed.timeouts.read_timeout_ms = 1;
    let after = live(&changed, &[Arc::clone(&before)]);
    assert!(after.is_resolved());
    let in_flight = |live: &LiveUpstream, address: &str| {
        let table = live.table();
        let mut endpoints = table.endpoints().iter();
        let endpoint = endpoints.find(|endpoint| endpoint.address == address.parse().unwrap());
        endpoint.unwrap().state.in_flight()
    };
    assert_eq!(in_flight(&after, "10.0.0.1:1"), 1);
    drop(attempts);
    assert_eq!(in_flight(&after, "10.0.0.1:1"), 0);
    let key = |live: &LiveUpstream, at: usize| live.table().endpoints()[at].peer.group_key;
    assert_eq!(key(&before, 1), key(&after, 0));
}

#[test]
fn upstreams_that_differ_beyond_timeouts_share_no_pool() {
    let key = |change: fn(&mut Upstream)| {
        let mut definition = upstream("a", &[("10.0.0.1", 1)]);
        change(&mut definition);
        live(&definition, &[]).table().endpoints()[0].peer.group_key
    };
    let tls = UpstreamTls {
        sni: "a".into(),
        roots: None,
        client: None,
    };
    let with = |change: fn(&mut UpstreamTls)| {
        let mut tls = tls.clone();
        change(&mut tls);
        let definition = Upstream {
            tls: Some(tls),
            ..upstream("a", &[("10.0.0.1", 1)])
        };
        Template::new(&definition)
            .at("10.0.0.1:1".parse().unwrap(), &definition.endpoints[0])
            .group_key
    };
    let keys = [
        key(|_| {}),
        key(|definition| definition.name = "b".into()),
        key(|definition| definition.protocol = UpstreamProtocol::Http2),
        key(|definition| definition.endpoints[0].host = "10.0.0.2".into()),
        with(|_| {}),
        with(|tls| tls.sni = "b".into()),
    ];
    for (place, key) in keys.iter().enumerate() {
        assert!(!keys[..place].contains(key), "{place}");
    }
    assert_eq!(
        key(|_| {}),
        key(|definition| definition.timeouts.read_timeout_ms = 1)
    );
}

#[test]
fn only_http_2_connections_have_tcp_keepalive() {
    let keepalive = |protocol| {
        let definition = Upstream {
            protocol,
            ..upstream("a", &[("10.0.0.1", 1)])
        };
        let peer = live(&definition, &[]).table().endpoints()[0].peer.clone();
        peer.options.tcp_keepalive.is_some()
    };
    assert!(keepalive(UpstreamProtocol::Http2) && !keepalive(UpstreamProtocol::Http1));
}

#[test]
fn first_health_check_decides_and_later_ones_use_thresholds() {
    let health = HealthCheck::new(HealthProbe::Tcp);
    let state = EndpointState::new(Instant::now());
    let changes = |results: &[bool]| -> Vec<bool> {
        results
            .iter()
            .map(|well| state.record_check(*well, &health))
            .collect()
    };
    assert_eq!(changes(&[false]), [true]);
    assert!(state.is_unhealthy() && !state.is_fit(Instant::now()));
    assert_eq!(changes(&[true, false, true, true]), [false, false, false, true]);
    assert!(!state.is_unhealthy());
    assert_eq!(
        changes(&[false, false, true, false, false, false]),
        [false, false, false, false, false, true]
    );
    state.forget_health();
    assert!(!state.is_unhealthy());
}

#[test]
fn endpoint_is_ejected_by_one_failure_until_a_response() {
    let start = Instant::now();
    let state = EndpointState::new(start);
    let ejection = Ejection {
        failures: 2,
        for_ms: 1_000,
    };
    let at = |ms| start + Duration::from_millis(ms);
    assert!(!state.record_failure(at(1), ejection));
    assert!(state.record_failure(at(2), ejection));
    assert!(
        !state.record_failure(at(3), ejection),
        "once for all that fail meanwhile"
    );
    assert!(state.is_ejected(at(1_001)) && !state.is_ejected(at(1_002)));
    assert!(state.record_failure(at(1_100), ejection));
    state.record_success();
    assert!(!state.record_failure(at(5_000), ejection));
}

#[test]
fn pauses_have_ten_percent_jitter() {
    for _ in 0..1_000 {
        let pause = jittered(Duration::from_secs(10)).as_millis();
        assert!((9_000..=11_000).contains(&pause), "{pause}");
    }
}
