use std::sync::Arc;

use rules::{Endpoint, Site, Upstream, UpstreamTimeouts};

use super::{LiveUpstream, revive};

fn upstream(name: &str, hosts: &[&str]) -> Upstream {
    let endpoints = hosts
        .iter()
        .map(|host| Endpoint {
            host: (*host).into(),
            port: 1,
        })
        .collect();
    Upstream {
        name: name.into(),
        site: Site::default(),
        endpoints,
        timeouts: UpstreamTimeouts::default(),
        reads: rules::Reads::ALL,
    }
}

fn live(definitions: &[Upstream], former: &[Arc<LiveUpstream>]) -> Box<[Arc<LiveUpstream>]> {
    revive(definitions, former).unwrap()
}

fn asked(live: &LiveUpstream, turn: usize, failures: usize) -> String {
    live.peer(turn, failures).unwrap()._address.to_string()
}

#[test]
fn turns_go_round_and_failures_go_on_to_the_next_endpoint() {
    let live = live(&[upstream("a", &["127.0.0.1", "127.0.0.2", "127.0.0.3"])], &[]);
    let turns: Vec<_> = (0..4)
        .map(|_| live[0].take_turn())
        .map(|turn| asked(&live[0], turn, 0))
        .collect();
    assert_eq!(
        turns,
        ["127.0.0.1:1", "127.0.0.2:1", "127.0.0.3:1", "127.0.0.1:1"]
    );
    assert_eq!(asked(&live[0], 2, 1), "127.0.0.1:1");
    assert_eq!(live[0].attempts(), 3);
}

#[test]
fn an_unchanged_definition_keeps_its_turn_and_a_changed_one_starts_anew() {
    let before = live(
        &[upstream("a", &["127.0.0.1"]), upstream("b", &["127.0.0.1"])],
        &[],
    );
    before[0].take_turn();
    let after = live(
        &[upstream("b", &["127.0.0.2"]), upstream("a", &["127.0.0.1"])],
        &before,
    );
    assert!(Arc::ptr_eq(&after[1], &before[0]));
    assert_eq!(after[1].take_turn(), 1);
    assert!(!Arc::ptr_eq(&after[0], &before[1]));
}

#[test]
fn different_definitions_share_no_pooled_connections() {
    let live = live(
        &[upstream("a", &["127.0.0.1"]), upstream("b", &["127.0.0.1"])],
        &[],
    );
    let keys: Vec<_> = live
        .iter()
        .map(|live| live.peer(0, 0).unwrap().group_key)
        .collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn every_host_that_leads_nowhere_is_named() {
    let definitions = [
        upstream("a", &["127.0.0.1"]),
        upstream("b", &["no such host", "nor this one"]),
    ];
    let unresolved = revive(&definitions, &[]).unwrap_err();
    let named: Vec<_> = unresolved
        .iter()
        .map(|endpoint| (&*endpoint.upstream, &*endpoint.host))
        .collect();
    assert_eq!(named, [("b", "no such host"), ("b", "nor this one")]);
}
