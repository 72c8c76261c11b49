//! Measures the time to compile a change in a catalog of 10,000 flags and 100,000 tenants, for each kind of change:
//! `cargo run --release -p config --example change_catalog`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    missing_docs
)]

use std::time::{Duration, Instant};

use config::{Catalog, JsonEdit};
use rules::Eligibility;
use serde_json::{Value, json};

const FLAGS: usize = 10_000;
const TENANTS: usize = 100_000;
/// A change of a flag, which alternates with the number of the round.
type Change = fn(&mut Value, usize);

/// The number of measured changes of each kind.
const ROUNDS: usize = 1_000;
/// The number of measured changes that compile the whole document.
const WHOLE_ROUNDS: usize = 5;

fn main() {
    let parts = parts();
    let start = Instant::now();
    let mut catalog = Catalog::of_json(Eligibility::Enforced, &parts).unwrap();
    println!("start: {:?}", start.elapsed());

    let flag_changes: [(&str, Change); 5] = [
        ("enabled", |flag, round| flag["enabled"] = json!(round % 2 == 0)),
        ("lifecycle", |flag, round| {
            flag["lifecycle"] = json!(["beta", "ga"][round % 2])
        }),
        ("tiers", |flag, round| {
            flag["tiers"] = json!({ "tier2": round % 2 == 0 })
        }),
        ("rollout", |flag, round| {
            flag["rollout"] = json!({ "percentage": round % 100 })
        }),
        ("default", |flag, round| {
            flag["default"] = json!(["on", "off"][round % 2])
        }),
    ];
    for (name, change) in flag_changes {
        measure(name, ROUNDS, &mut catalog, |round| {
            let number = round * 7 % FLAGS;
            let mut value = flag(number);
            change(&mut value, round);
            JsonEdit::Flag(key(number), Some(value))
        });
    }
    measure("one tenant's record", ROUNDS, &mut catalog, |round| {
        let mut value = tenant(round * 97 % TENANTS);
        value["channel"] = json!(["stable", "latest"][round % 2]);
        JsonEdit::Tenant(id(round * 97 % TENANTS), Some(value))
    });
    measure("a new tenant", ROUNDS, &mut catalog, |round| {
        JsonEdit::Tenant(format!("new-{round}"), Some(tenant(round)))
    });
    measure("a new attribute", WHOLE_ROUNDS, &mut catalog, |round| {
        let mut value = flag(round);
        value["rollout"]["audience"] = json!({ "attribute": format!("unread{round}"), "exists": true });
        JsonEdit::Flag(key(round), Some(value))
    });
    measure("a segment", WHOLE_ROUNDS, &mut catalog, |round| {
        JsonEdit::Segment(
            "dach".into(),
            Some(json!({ "attribute": "country", "in": ["DE", format!("X{round}")] })),
        )
    });
    measure("a flag goes", ROUNDS, &mut catalog, |round| {
        JsonEdit::Flag(key(loose(round)), None)
    });
    measure("a flag comes", ROUNDS, &mut catalog, |round| {
        JsonEdit::Flag(key(loose(round)), Some(flag(loose(round))))
    });
    measure("its variants", ROUNDS, &mut catalog, |round| {
        let number = FLAGS / 2 + round % (FLAGS / 2);
        let mut value = flag(number);
        value["variants"] = json!({ "off": null, "on": round, "other": 0 });
        JsonEdit::Flag(key(number), Some(value))
    });
    let start = Instant::now();
    let refused = catalog.draft_json(&[JsonEdit::Flag(key(9), Some(json!({ "requires": ["no.such"] })))]);
    println!("{:24} {:?}", "refused", start.elapsed());
    println!("{}", refused.unwrap_err());
}

fn measure(name: &str, rounds: usize, catalog: &mut Catalog, edit: impl Fn(usize) -> JsonEdit) {
    let mut times: Vec<Duration> = (0..rounds)
        .map(|round| {
            let edit = edit(round);
            let start = Instant::now();
            match catalog.draft_json(&[edit]) {
                Ok(draft) => catalog.apply(draft),
                Err(report) => println!("{name}: {}", report.headline()),
            }
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len() - 1))
            .unwrap()
    };
    println!("{name:24} p50 {:?}, p99 {:?}, most {:?}", at(50), at(99), at(100));
}

fn key(number: usize) -> String {
    format!("area{}.feature{number}", number % 20)
}

/// The numbers of flags that no other flag requires, and no tenant names.
fn loose(round: usize) -> usize {
    round / 9 * 10 + round % 9
}

fn id(number: usize) -> String {
    format!("tenant-{number:06}")
}

fn flag(number: usize) -> Value {
    let mut flag = json!({
        "description": format!("Feature number {number}"),
        "owner": format!("team-{}", number % 20),
        "lifecycle": "beta",
        "tiers": { "tier3": "on" },
        "rules": [{
            "name": "large in dach",
            "when": { "all": [{ "segment": "dach" }, { "attribute": "seats", "gte": 50 }] },
            "serve": "on",
        }, {
            "when": { "attribute": "email", "matches": format!("@team{}\\.example$", number % 50) },
            "serve": "on",
        }],
        "rollout": { "percentage": number % 100, "by": "tenant" },
    });
    if number > 0 && number.is_multiple_of(10) {
        flag["requires"] = json!([key(number - 1)]);
    }
    flag
}

fn tenant(number: usize) -> Value {
    json!({
        "tier": format!("tier{}", number % 3 + 1),
        "channel": "latest",
        "beta": [key(number % (FLAGS / 2) + FLAGS / 2)],
        "overrides": { key(number % (FLAGS / 2) + FLAGS / 2): "off" },
        "attributes": { "country": "DE", "seats": number % 500 },
    })
}

fn parts() -> Vec<JsonEdit> {
    let head = json!({ "tiers": ["tier1", "tier2", "tier3"], "unknown_tenant": { "tier": "tier1" } });
    let dach = json!({ "attribute": "country", "in": ["DE", "AT", "CH"] });
    let mut parts = vec![JsonEdit::Head(head), JsonEdit::Segment("dach".into(), Some(dach))];
    parts.extend((0..FLAGS).map(|number| JsonEdit::Flag(key(number), Some(flag(number)))));
    parts.extend((0..TENANTS).map(|number| JsonEdit::Tenant(id(number), Some(tenant(number)))));
    parts
}
