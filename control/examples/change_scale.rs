//! Measures a control plane with 10,000 flags and 100,000 tenants, store included: the start, and one change of each
//! kind from the request to the published snapshot. Prints figures and ends; writes below a temporary directory.
//!
//! `cargo run --release -p control --example change_scale`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use config::FlagsDocument;
use control::{Actor, Change, ChangeSource, Control, LifecyclePolicy, NewFlags, Request, Role, SqliteStore};
use rules::Timestamp;
use serde_json::{Map, Value, json};
use testkit::open_control;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLAGS: usize = 10_000;
const TENANTS: usize = 100_000;
const CHANGES: usize = 1_000;
/// A document without a flag removes it. Writing that document here takes long.
const DOCUMENTS: usize = 100;
const TIERS: [&str; 2] = ["small", "large"];

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let control = open(&data);
    let begun = Instant::now();
    let mut first = request(document(), 0);
    first.force = true;
    control.apply(&first).unwrap();
    println!(
        "{FLAGS} flags, {TENANTS} tenants; applied at once in {:.1?}",
        begun.elapsed()
    );
    drop(control);
    let begun = Instant::now();
    let control = open(&data);
    println!("start (open, check, load, compile): {:.1?}", begun.elapsed());
    println!("memory {} kB, at most {} kB", status("VmRSS:"), status("VmHWM:"));
    for (name, count, change) in kinds() {
        let mut taken: Vec<Duration> = (0..count)
            .map(|at| {
                let mut request = request(change(at), at);
                // The first of these documents also reverts a thousand other variants.
                request.force = count == DOCUMENTS;
                let begun = Instant::now();
                let applied = control.apply(&request).unwrap();
                assert!(applied.changed, "{name} {at}");
                begun.elapsed()
            })
            .collect();
        taken.sort();
        let (p50, p99) = (taken[count / 2], taken[count * 99 / 100]);
        println!(
            "{name:<22} p50 {p50:>8.1?}   p99 {p99:>8.1?}   worst {:>8.1?}",
            taken[count - 1]
        );
    }
    println!("memory {} kB, at most {} kB", status("VmRSS:"), status("VmHWM:"));
}

fn open(data: &std::path::Path) -> Control {
    let store = Arc::new(SqliteStore::open(data).unwrap());
    // So that the affected tenants are counted to the end.
    let policy = LifecyclePolicy {
        max_blast_radius: Some(TENANTS - 1),
        ..LifecyclePolicy::default()
    };
    open_control(store, policy, &Arc::default())
}

/// A kind of change: its name, the number of changes, and the change with a number.
type Kind = (&'static str, usize, fn(usize) -> Change);

fn kinds() -> [Kind; 8] {
    [
        ("kill a flag", CHANGES, |at| Change::Kill { flag: flag(at) }),
        ("restore a flag", CHANGES, |at| Change::Restore { flag: flag(at) }),
        ("tier defaults", CHANGES, |at| {
            let mut tiers = Map::new();
            tiers.insert("large".into(), true.into());
            Change::SetTiers {
                flag: flag(at),
                tiers,
            }
        }),
        ("override a tenant", CHANGES, |at| Change::SetOverride {
            org: tenant(at),
            flag: flag(at + 1),
            variant: Some(false.into()),
        }),
        ("write a tenant", CHANGES, |at| Change::PutTenant {
            org: tenant(at),
            record: json!({ "tier": "large", "attributes": { "country": "AT" } }),
        }),
        ("a flag's variants", CHANGES, |at| {
            let mut flag = definition(FLAGS - 1 - at);
            flag["variants"] = json!({ "off": null, "on": at, "other": 0 });
            apply(json!({ "flags": { self::flag(FLAGS - 1 - at): flag } }), false)
        }),
        ("remove a flag (10,000)", DOCUMENTS, |at| {
            apply(json!({ "tiers": TIERS, "flags": flags(at + 1..FLAGS) }), true)
        }),
        ("add a flag", DOCUMENTS, |at| {
            apply(json!({ "flags": flags(at..at + 1) }), false)
        }),
    ]
}

fn flag(at: usize) -> String {
    format!("domain.flag{:05}", at % FLAGS)
}

fn tenant(at: usize) -> String {
    format!("tenant-{:06}", at % TENANTS)
}

fn definition(at: usize) -> Value {
    let lifecycle = if at.is_multiple_of(3) { "beta" } else { "ga" };
    let rule = json!({ "when": { "attribute": "country", "in": ["DE", "AT", "CH"] }, "serve": "on" });
    json!({
        "description": format!("flag {at}"), "owner": "team", "lifecycle": lifecycle, "rules": [rule],
        "rollout": { "percentage": at % 100 },
    })
}

fn flags(range: std::ops::Range<usize>) -> Map<String, Value> {
    range.map(|at| (flag(at), definition(at))).collect()
}

fn document() -> Change {
    let tenants = (0..TENANTS).map(|at| {
        // No rule matches some of them, so that no change reaches all.
        let country = if at % 100 == 0 { "FR" } else { "DE" };
        let record = json!({
            "tier": if at % 2 == 0 { "small" } else { "large" }, "attributes": { "country": country, "seats": at % 90 },
            "beta": [flag(at * 3)], "channel": "latest",
        });
        (tenant(at), record)
    });
    let tenants = tenants.collect::<Map<_, _>>();
    apply(
        json!({ "tiers": TIERS, "flags": flags(0..FLAGS), "tenants": tenants }),
        false,
    )
}

fn apply(mut document: Value, prune: bool) -> Change {
    document["version"] = 1.into();
    Change::ApplyDocument {
        document: FlagsDocument::parse("document", document.to_string().as_bytes()).unwrap(),
        prune,
        new_flags: NewFlags::AsWritten,
    }
}

fn request(change: Change, at: usize) -> Request {
    Request {
        change,
        actor: Actor {
            name: "measure".into(),
            display_name: None,
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
        },
        source: ChangeSource::Api,
        reason: None,
        incident: None,
        request_id: format!("m-{at}"),
        expected: None,
        force: false,
        at: Timestamp(1_795_219_200_000),
    }
}

/// Returns the memory as Linux reports it, in kB.
fn status(field: &str) -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    line.map_or("?", |line| line.trim().trim_end_matches(" kB"))
        .to_owned()
}
