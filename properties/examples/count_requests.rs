//! Measures the time of counting a request by the arm of its flags, and what deciding it takes beside. Prints figures and
//! ends: `cargo run --release -p properties --example count_requests`.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use config::{Catalog, Files, JsonEdit};
use proxy::ScriptedArms;
use rules::{Eligibility, RequestDecision, RouteId, Snapshot, Subject, Timestamp};
use serde_json::json;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const TENANTS: usize = 200;
const REQUESTS: usize = 4_000_000;
/// Slots end after this number of requests: those of 5 s at 20,000 requests/s.
const SLOT: usize = 100_000;
const ROUNDS: usize = 5;
const NOW: Timestamp = Timestamp(1_795_219_200_000);

fn main() {
    println!(
        "{REQUESTS} requests of {TENANTS} tenants, half of them treatment; median of {ROUNDS} rounds, with the fastest"
    );
    for flags in [1, 2, 8] {
        let arms = ScriptedArms::new(snapshot(flags));
        for threads in [1, 2] {
            let mut times: Vec<f64> = (0..ROUNDS).map(|_| round(&arms, threads)).collect();
            times.sort_by(f64::total_cmp);
            let per_flag = |time: f64| time / f64::from(u32::try_from(flags).unwrap());
            let (fastest, median) = (*times.first().unwrap(), *times.get(ROUNDS / 2).unwrap());
            println!(
                "flags {flags}, threads {threads}: {median:.0} ns a request ({fastest:.0}), {:.0} ns for each flag ({:.0})",
                per_flag(median),
                per_flag(fastest)
            );
        }
    }
}

/// Counts all requests on each thread, and returns the nanoseconds of one request.
fn round(arms: &ScriptedArms, threads: usize) -> f64 {
    thread::scope(|scope| {
        let counting: Vec<_> = (0..threads).map(|_| scope.spawn(|| count(arms))).collect();
        let times = counting.into_iter().map(|counting| counting.join().unwrap());
        times.max_by(f64::total_cmp).unwrap()
    })
}

fn count(arms: &ScriptedArms) -> f64 {
    let tenants: Vec<String> = (0..TENANTS).map(|number| format!("tenant-{number}")).collect();
    let subjects: Vec<Subject<'_>> = tenants
        .iter()
        .map(|tenant| Subject {
            tenant: Some(tenant),
            record: None,
            user: None,
            groups: &[],
            attributes: &[],
            open_breakers: &[],
        })
        .collect();
    let decided: Vec<RequestDecision<'_>> = subjects
        .iter()
        .map(|subject| arms.decide(RouteId::from_index(0).unwrap(), subject, NOW))
        .collect();
    // Ids are those of the edge: 32 hexadecimal digits.
    let ids: Vec<String> = (0..4_096_u128)
        .map(|number| {
            format!(
                "{:032x}",
                (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835)
            )
        })
        .collect();
    let mut counting = Duration::ZERO;
    let mut number = 0;
    while number < REQUESTS {
        let started = Instant::now();
        for request in number..number + SLOT {
            let (at, id) = (request % TENANTS, &ids.get(request % ids.len()).unwrap());
            let (subject, decided) = (subjects.get(at).unwrap(), decided.get(at).unwrap());
            let latency = Duration::from_micros(1_000 + u64::try_from(request % 7_919).unwrap() * 10);
            arms.count(
                black_box(decided),
                black_box(subject),
                NOW,
                (id.as_str(), started, latency),
            );
        }
        counting += started.elapsed();
        number += SLOT;
        black_box(arms.end_slots());
    }
    counting.as_secs_f64() * 1e9 / f64::from(u32::try_from(REQUESTS).unwrap())
}

/// Returns a snapshot whose only route has a gate, and counts for `flags` flags with a plan.
fn snapshot(flags: usize) -> Arc<Snapshot> {
    let planned = |number: usize| {
        let stage = json!({ "name": "half", "percentage": 50 });
        let flag = json!({ "lifecycle": "ga", "exposure": { "stages": [stage] } });
        JsonEdit::Flag(format!("flag{number}"), Some(flag))
    };
    let edits: Vec<_> = (0..flags).map(planned).collect();
    let catalog = Catalog::of_json(Eligibility::Enforced, &edits).unwrap();
    let compiled = catalog.compiled();
    let observed: Vec<String> = (1..flags).map(|number| format!("flag{number}")).collect();
    let gateway = format!(
        "
version: 1
listeners: [ {{ name: public, address: \"127.0.0.1:0\" }} ]
admin: off
access_log: {{ output: off }}
flags: {{ store: {{ sqlite: data }} }}
upstreams: {{ api: 127.0.0.1:9 }}
routes: [ {{ name: all, match: /, gate: flag0, observe: [{}], upstream: api }} ]
",
        observed.join(", ")
    );
    let files = Files::Memory([(PathBuf::from("sluice.yaml"), gateway.into())].into());
    let loaded = config::load_managed(files, Path::new("sluice.yaml"), &|_| None, compiled, 0).unwrap();
    Arc::clone(&loaded.snapshot)
}
