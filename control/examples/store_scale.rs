//! Measures the embedded store with 10,000 flags and 100,000 tenants: filling, opening, loading, one commit, a backup. Prints figures and ends; writes below a temporary directory, or below its first argument.
//!
//! `cargo run --release -p control --example store_scale`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use control::{
    AuditFilter, ChangeSource, Commit, Entry, Event, Key, Patch, Revision, Role, SqliteStore, Store, Write,
};
use rules::Timestamp;
use serde_json::{Value, json};

const FLAGS: u64 = 10_000;
const TENANTS: u64 = 100_000;
const COMMITS: u64 = 1000;
const ENTRIES: u64 = 100_000;
const BATCH: usize = 1000;

fn main() {
    let root = std::env::args().nth(1);
    let place = match &root {
        Some(root) => tempfile::tempdir_in(root).unwrap(),
        None => tempfile::tempdir().unwrap(),
    };
    let data = place.path().join("data");
    let store = SqliteStore::open(&data).unwrap();
    println!("{FLAGS} flags, {TENANTS} tenants");
    timed("written in one commit", || fill(&store));
    drop(store);
    round(&data, "as it is");
    let store = SqliteStore::open(&data).unwrap();
    timed(&format!("{ENTRIES} more entries of the log"), || lengthen(&store));
    drop(store);
    round(&data, "with the longer log");
    let store = SqliteStore::open(&data).unwrap();
    questions(&store);
    timed("a backup", || {
        store.backup(&place.path().join("backup.db")).unwrap()
    });
    println!("  backup of {} kB", kilobytes(&place.path().join("backup.db")));
}

/// Measures a start and changes.
fn round(data: &Path, how: &str) {
    println!("{how}: file of {} kB", kilobytes(&data.join("sluice.db")));
    let store = timed("  open, with its checks", || SqliteStore::open(data).unwrap());
    let loaded = timed("  load", || store.load().unwrap());
    println!(
        "  {} records at revision {}",
        loaded.records.len(),
        loaded.revision.0
    );
    commits(&store, loaded.revision);
    println!("  memory at most {} kB", peak_memory());
}

fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let begun = Instant::now();
    let done = work();
    println!("{what}: {:.1} ms", milliseconds(begun.elapsed()));
    done
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

fn kilobytes(file: &Path) -> u64 {
    std::fs::metadata(file).unwrap().len() / 1024
}

/// Returns the memory as Linux reports it.
fn peak_memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.map_or("?", |line| line.trim().trim_end_matches(" kB"))
        .to_owned()
}

fn put(key: Key, value: Value) -> Write {
    Write {
        key,
        value: Some((&value).into()),
    }
}

fn definition(at: u64) -> Value {
    json!({
        "type": "boolean", "owner": "team-checkout", "description": format!("the flag of feature {at}"),
        "variants": { "on": true, "off": false }, "requires": [],
        "rules": [{ "if": { "segment": "pilots" }, "then": "on" }], "revertible": true,
    })
}

fn state(at: u64) -> Value {
    json!({
        "lifecycle": if at.is_multiple_of(3) { "ga" } else { "beta" }, "since": "2026-11-01T09:00:00.000Z",
        "tiers": { "free": "off", "pro": "on" }, "killed": false,
    })
}

fn tenant(at: u64) -> Value {
    json!({
        "tier": "pro", "channel": "stable", "attributes": { "region": "eu", "seats": at % 500 },
        "overrides": { format!("flag-{}", at % FLAGS): "on" },
    })
}

fn patch(killed: bool) -> Patch {
    let operation = json!({ "op": "replace", "path": "/killed", "value": killed });
    serde_json::from_value(json!([operation])).unwrap()
}

fn entry(number: u64) -> Entry {
    let at = Timestamp(1_795_252_440_000 + i64::try_from(number).unwrap());
    let event = if number.is_multiple_of(2) {
        Event::FlagKilled
    } else {
        Event::TenantChanged
    };
    let actor = format!("operator-{}", number % 20);
    let request_id = format!("0198c2f0-0000-7000-8000-{number:012}");
    Entry {
        role: Some(Role::Operator),
        flag: Some(format!("flag-{}", number % FLAGS)),
        org: number
            .is_multiple_of(2)
            .then(|| format!("org-{}", number % TENANTS)),
        reason: Some("the incident of this morning".to_owned()),
        patch: patch(true),
        inverse: patch(false),
        ..Entry::new(at, event, ChangeSource::Api, actor, request_id)
    }
}

fn fill(store: &SqliteStore) {
    let flags = (0..FLAGS).flat_map(|at| {
        let name = format!("flag-{at}");
        [
            put(Key::Definition(name.clone()), definition(at)),
            put(Key::State(name), state(at)),
        ]
    });
    let tenants = (0..TENANTS).map(|at| put(Key::Tenant(format!("org-{at}")), tenant(at)));
    let writes = flags.chain(tenants).collect();
    let audit = vec![entry(0)];
    store
        .commit(Some(Revision(0)), &Commit { writes, audit })
        .unwrap();
}

fn lengthen(store: &SqliteStore) {
    let entries: Vec<Entry> = (0..ENTRIES).map(entry).collect();
    for audit in entries.chunks(BATCH) {
        let commit = Commit {
            writes: Vec::new(),
            audit: audit.to_vec(),
        };
        store.commit(None, &commit).unwrap();
    }
}

fn commits(store: &SqliteStore, mut revision: Revision) {
    let mut times = Vec::new();
    for number in 0..COMMITS {
        let at = number * 7919 % FLAGS;
        let commit = Commit {
            writes: vec![put(Key::State(format!("flag-{at}")), state(number))],
            audit: vec![entry(number)],
        };
        let begun = Instant::now();
        revision = store.commit(Some(revision), &commit).unwrap();
        times.push(begun.elapsed());
    }
    times.sort_unstable();
    let at =
        |thousandths: usize| milliseconds(times[(times.len() * thousandths / 1000).min(times.len() - 1)]);
    println!(
        "  one commit of {COMMITS}: p50 {:.2} ms, p99 {:.2} ms, max {:.2} ms",
        at(500),
        at(990),
        at(1000)
    );
}

fn questions(store: &SqliteStore) {
    let none = AuditFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let day = Some(Timestamp(1_795_252_440_000 + 50_000));
    for (what, filter) in [
        ("all", none()),
        (
            "a flag",
            AuditFilter {
                flag: text("flag-17"),
                ..none()
            },
        ),
        (
            "an actor",
            AuditFilter {
                actor: text("operator-7"),
                ..none()
            },
        ),
        (
            "nobody",
            AuditFilter {
                actor: text("nobody"),
                ..none()
            },
        ),
        (
            "an actor and a flag",
            AuditFilter {
                flag: text("flag-17"),
                actor: text("operator-7"),
                ..none()
            },
        ),
        (
            "two events",
            AuditFilter {
                events: vec![Event::FlagKilled, Event::OptedIn],
                ..none()
            },
        ),
        (
            "a rare event",
            AuditFilter {
                events: vec![Event::OptedIn],
                ..none()
            },
        ),
        ("before a time", AuditFilter { until: day, ..none() }),
        ("after a time", AuditFilter { from: day, ..none() }),
    ] {
        timed(&format!("  the newest 100 of {what}"), || {
            store.audit(&filter, None, 100).unwrap()
        });
    }
}
