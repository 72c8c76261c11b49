//! Measures previews of changes of one flag with 100,000 tenants. `cargo run --release -p control --example preview`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::time::{Duration, Instant};

use config::{Catalog, FlagsDocument};
use control::{
    Actor, Change, ChangeSource, Facts, GaDefault, LifecyclePolicy, NewFlags, Pilots, Request, Revision,
    Role, State, StateEdit, Urgent, plan, preview,
};
use rules::{Eligibility, Lifecycle, Timestamp};
use serde_json::{Map, Value, json};

const TENANTS: usize = 100_000;
const FLAGS: usize = 1_000;
const ROUNDS: usize = 20;

struct Nothing;

impl Facts for Nothing {
    fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
        Pilots::default()
    }

    fn is_served_since(&self, _: &str, _: Timestamp) -> bool {
        false
    }

    fn errors_within(&self, _: &str, _: i64) -> u64 {
        0
    }
}

fn main() {
    let mut state = State::default();
    let request = request(Change::ApplyDocument {
        document: read(&document()),
        prune: false,
        new_flags: NewFlags::AsWritten,
    });
    let applied = plan(&state, &request, &LifecyclePolicy::default(), &Nothing).unwrap();
    state.absorb(&applied.edits, Revision(1));
    let catalog = Catalog::new(Eligibility::Enforced, state.document.clone()).unwrap();
    for (name, change) in changes() {
        measure(name, &state, &catalog, change);
    }
}

fn measure(name: &str, state: &State, catalog: &Catalog, change: Change) {
    let request = request(change);
    let plan = plan(state, &request, &LifecyclePolicy::default(), &Nothing).unwrap();
    let draft = catalog
        .draft(plan.edits.iter().map(StateEdit::document_edit).collect())
        .unwrap();
    let (before, after) = (catalog.compiled(), draft.compiled());
    let sides = (
        (&*before.flags, &*before.tenants),
        (&*after.flags, &*after.tenants),
    );
    let mut times: Vec<Duration> = Vec::new();
    let mut changed = 0;
    for _ in 0..ROUNDS {
        let begin = Instant::now();
        changed = preview(sides.0, sides.1, &plan.affected, request.at).tenants_changed;
        times.push(begin.elapsed());
    }
    times.sort();
    let (median, worst) = (times.get(ROUNDS / 2).unwrap(), times.last().unwrap());
    println!("{name:<40} {changed:>7} of {TENANTS} change   median {median:>9.1?}   worst {worst:>9.1?}");
}

fn changes() -> [(&'static str, Change); 4] {
    let tiers = Map::from_iter([("t2".to_owned(), Value::from("on"))]);
    [
        (
            "a tier default",
            Change::SetTiers {
                flag: "flag.0".into(),
                tiers,
            },
        ),
        (
            "a promotion to ga",
            Change::SetState {
                flag: "flag.0".into(),
                to: Lifecycle::Ga,
                cascade: false,
                ga_default: GaDefault::On,
                urgent: Some(Urgent {
                    decision_maker: "a".into(),
                    incident: "b".into(),
                    reason: "c".into(),
                }),
            },
        ),
        (
            "a kill of what 8 flags in a row require",
            Change::Kill {
                flag: "chain.0".into(),
            },
        ),
        (
            "one tenant's record, all flags",
            Change::PutTenant {
                org: "tenant-7".into(),
                record: json!({}),
            },
        ),
    ]
}

fn read(written: &Value) -> FlagsDocument {
    FlagsDocument::parse("document", written.to_string().as_bytes()).unwrap()
}

fn document() -> Value {
    let mut flags = Map::new();
    for place in 0..FLAGS {
        let flag = json!({ "lifecycle": "beta", "tiers": { "t3": "on" }, "revertible": true,
            "rules": [{ "when": { "all": [{ "attribute": "country", "in": ["DE", "AT"] },
                { "attribute": "seats", "gte": 50 }] }, "serve": "on" }],
            "rollout": { "percentage": 25 } });
        flags.insert(format!("flag.{place}"), flag);
    }
    flags.insert("chain.0".into(), json!({ "lifecycle": "ga", "default": "on" }));
    for place in 1..9 {
        let flag =
            json!({ "lifecycle": "ga", "default": "on", "requires": [format!("chain.{}", place - 1)] });
        flags.insert(format!("chain.{place}"), flag);
    }
    let mut tenants = Map::new();
    for place in 0..TENANTS {
        let record = json!({ "tier": format!("t{}", place % 3 + 1),
            "channel": if place % 2 == 0 { "latest" } else { "stable" },
            "beta": if place % 4 == 0 { vec!["flag.0"] } else { vec![] },
            "attributes": { "country": if place % 5 == 0 { "DE" } else { "FR" }, "seats": place % 100 } });
        tenants.insert(format!("tenant-{place}"), record);
    }
    json!({ "version": 1, "tiers": ["t1", "t2", "t3"], "flags": flags, "tenants": tenants })
}

fn request(change: Change) -> Request {
    Request {
        change,
        actor: Actor {
            name: "ada".into(),
            display_name: None,
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
        },
        source: ChangeSource::Api,
        reason: None,
        incident: None,
        request_id: "measure".into(),
        expected: None,
        force: false,
        at: Timestamp(1_795_252_440_000),
    }
}
