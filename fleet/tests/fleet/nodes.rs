//! Several nodes on one etcd, and what happens to etcd meanwhile.

use std::thread;
use std::time::{Duration, Instant};

use control::{ChangeSource, Commit, Entry, Event, Key, Loaded, Revision, Store as _, StoreError, Write};
use fleet::{EtcdStore, FollowState};
use rules::Timestamp;
use serde_json::json;
use testkit::{EtcdServer, eventually};

use crate::node::{Node, Nodes as _};

fn entry(request_id: &str) -> Entry {
    let at = Timestamp(1_800_000_000_000);
    Entry::new(
        at,
        Event::TenantChanged,
        ChangeSource::Api,
        "ada".into(),
        request_id.into(),
    )
}

fn change(tenant: &str, value: usize) -> Commit {
    changes([tenant.to_owned()].into_iter(), value)
}

fn changes(tenants: impl Iterator<Item = String>, value: usize) -> Commit {
    let write = |tenant: String| Write {
        key: Key::Tenant(tenant),
        value: Some((&json!({ "value": value })).into()),
    };
    Commit {
        writes: tenants.map(write).collect(),
        audit: vec![entry("r")],
    }
}

/// Commits until it is the first one at its revision, as the control plane does.
fn commit(store: &EtcdStore, commit: &Commit) -> Result<Revision, StoreError> {
    loop {
        let current = store.load()?.revision;
        match store.commit(Some(current), commit) {
            Err(StoreError::Conflict { .. }) => {}
            other => return other,
        }
    }
}

fn is_at(node: &Node, revision: Revision) -> Option<Loaded> {
    let loaded = node.store.load().unwrap();
    (loaded.revision == revision).then_some(loaded)
}

#[test]
fn every_node_has_the_commits_of_each() {
    let Some(server) = EtcdServer::start() else { return };
    let (one, two) = (server.node(), server.node());
    let revision = commit(&one.store, &change("acme", 1)).unwrap();
    eventually("the commit at the other node", || is_at(&two, revision));
    let revision = commit(&two.store, &change("acme", 2)).unwrap();
    let seen = eventually("the commit at the first node", || is_at(&one, revision));
    assert_eq!(seen, two.store.load().unwrap());
    assert_eq!(one.store.audit_head().unwrap(), two.store.audit_head().unwrap());
    // A new node begins with the same state and log.
    let three = server.node();
    assert_eq!(three.store.load().unwrap(), seen);
    assert_eq!(
        three.store.audit_after(0, 10).unwrap(),
        one.store.audit_after(0, 10).unwrap()
    );
}

#[test]
fn writers_on_three_nodes_lose_nothing() {
    const COMMITS: usize = 40;
    let Some(server) = EtcdServer::start() else { return };
    let nodes = [server.node(), server.node(), server.node()];
    thread::scope(|scope| {
        for (number, node) in nodes.iter().enumerate() {
            for writer in 0..2 {
                scope.spawn(move || {
                    for at in 0..COMMITS {
                        let tenant = format!("t-{number}-{writer}-{at}");
                        commit(&node.store, &change(&tenant, at)).unwrap();
                        node.store
                            .commit(
                                None,
                                &Commit {
                                    writes: Vec::new(),
                                    audit: vec![entry("alone")],
                                },
                            )
                            .unwrap();
                    }
                });
            }
        }
    });
    let total = u64::try_from(6 * COMMITS).unwrap();
    let states = nodes.each_ref().map(|node| {
        eventually("all commits", || is_at(node, Revision(total)));
        eventually("all entries", || {
            let head = node.store.audit_head().unwrap();
            (head.0 == 2 * total).then_some((node.store.load().unwrap(), head))
        })
    });
    assert_eq!(states[0].0.records.len(), 6 * COMMITS);
    assert!(states.iter().all(|state| *state == states[0]));
}

#[test]
fn a_large_commit_is_whole_on_every_node() {
    let Some(server) = EtcdServer::start() else { return };
    let (one, two) = (server.node(), server.node());
    let tenants = (0..5_000).map(|at| format!("tenant-{at:05}"));
    let revision = commit(&one.store, &changes(tenants, 1)).unwrap();
    // A small commit after it, while it is moved from its chunks: its records are newer.
    let mut small = change("tenant-00007", 2);
    small.writes.push(Write {
        key: Key::Tenant("tenant-00008".into()),
        value: None,
    });
    let newer = commit(&two.store, &small);
    let newer = newer.unwrap();
    assert_eq!(newer.0, revision.0 + 1);
    for node in [&one, &two, &server.node()] {
        let loaded = eventually("both commits", || is_at(node, newer));
        assert_eq!(loaded.records.len(), 4_999);
    }
    eventually("the end of the move", || {
        server.keys("/sluice/test/staged/").is_empty().then_some(())
    });
    assert_eq!(server.keys("/sluice/test/pending/"), Vec::<String>::new());
    let late = server.node();
    assert_eq!(late.store.load().unwrap(), one.store.load().unwrap());
    assert_eq!(late.store.audit_head().unwrap(), one.store.audit_head().unwrap());
}

#[test]
fn a_node_starts_from_its_mirror_without_etcd() {
    let Some(mut server) = EtcdServer::start() else {
        return;
    };
    let node = server.node();
    let revision = commit(&node.store, &change("acme", 1)).unwrap();
    server.kill();
    eventually("the end of the connection", || {
        matches!(node.store.status().state, FollowState::Unreachable(_)).then_some(())
    });
    let Node { store, directory } = node;
    drop(store);
    let begun = Instant::now();
    let store = EtcdStore::open(server.settings(directory.path())).unwrap();
    assert!(begun.elapsed() < Duration::from_secs(4));
    assert_eq!(store.load().unwrap().revision, revision);
    assert_eq!(store.audit_after(0, 10).unwrap().entries.len(), 1);
    let refused = store.commit(Some(revision), &change("acme", 2)).unwrap_err();
    assert!(matches!(refused, StoreError::Unreachable { .. }), "{refused}");
    server.run();
    eventually("a commit after the return of etcd", || {
        store.commit(Some(revision), &change("acme", 2)).ok()
    });
}

#[test]
fn a_hanging_etcd_loses_and_repeats_nothing() {
    let Some(server) = EtcdServer::start() else { return };
    let (one, two) = (server.node(), server.node());
    let before = commit(&one.store, &change("acme", 1)).unwrap();
    server.signal("STOP");
    let begun = Instant::now();
    let refused = one.store.commit(Some(before), &change("acme", 2)).unwrap_err();
    assert!(
        matches!(refused, StoreError::Unreachable { .. } | StoreError::Unknown(_)),
        "{refused}"
    );
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    assert_eq!(one.store.load().unwrap().revision, before, "reads go on");
    server.signal("CONT");
    let revision = eventually("a commit after the pause", || {
        commit(&two.store, &change("globex", 3)).ok()
    });
    let seen = eventually("the commit at the first node", || is_at(&one, revision));
    assert_eq!(seen, two.store.load().unwrap());
    assert_eq!(one.store.audit_head().unwrap(), two.store.audit_head().unwrap());
}

#[test]
fn a_wiped_etcd_is_not_applied() {
    let Some(mut server) = EtcdServer::start() else {
        return;
    };
    let node = server.node();
    let revision = commit(&node.store, &change("acme", 1)).unwrap();
    let before = node.store.load().unwrap();
    server.kill();
    server.wipe();
    server.run();
    let reason = eventually("the rejection", || match node.store.status().state {
        FollowState::Rejected(reason) => Some(reason),
        _ => None,
    });
    assert!(reason.contains("etcd is empty"), "{reason}");
    assert_eq!(node.store.load().unwrap(), before);
    let refused = node.store.commit(Some(revision), &change("acme", 2)).unwrap_err();
    assert!(matches!(refused, StoreError::Rejected(_)), "{refused}");

    // Another store at the same place, of a new node.
    let other = server.node();
    commit(&other.store, &change("evil", 1)).unwrap();
    let reason = eventually("another reason", || match node.store.status().state {
        FollowState::Rejected(reason) if reason.contains("another store") => Some(reason),
        _ => None,
    });
    assert!(reason.contains("epoch"), "{reason}");
    assert_eq!(node.store.load().unwrap(), before);
}

#[test]
fn a_node_offline_past_a_compaction_catches_up() {
    let Some(server) = EtcdServer::start() else { return };
    let (one, two) = (server.node(), server.node());
    commit(&one.store, &change("acme", 1)).unwrap();
    let Node { store, directory } = two;
    drop(store);
    for value in 2..30 {
        commit(&one.store, &change(&format!("t{value}"), value)).unwrap();
    }
    let mut removal = change("acme", 0);
    removal.writes[0].value = None;
    let newest = commit(&one.store, &removal).unwrap();
    server.compact();
    let store = EtcdStore::open(server.settings(directory.path())).unwrap();
    let two = Node { store, directory };
    let loaded = eventually("all commits", || is_at(&two, newest));
    assert_eq!(loaded, one.store.load().unwrap());
    assert_eq!(
        two.store.changes_since(Revision(0)).unwrap(),
        one.store.changes_since(Revision(0)).unwrap()
    );
    assert_eq!(two.store.audit_head().unwrap(), one.store.audit_head().unwrap());
}
