//! Measures the time of a kill, store included, while other changes and sign-ins run: imports of 10,000 tenants, documents of
//! 1,000 flags and 20,000 new tenants, and floods of invalid credentials with 1,000 static tokens. Prints figures and
//! ends; writes below a temporary directory.
//!
//! `cargo run --release -p control --example kill_latency`
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use axum::http::HeaderMap;
use config::FlagsDocument;
use control::operators::{Known, Operators, StaticToken, TokenHash};
use control::{
    Actor, ApplyError, Change, ChangeSource, Control, ImportMode, LifecyclePolicy, NewFlags, Request, Role,
    SqliteStore,
};
use rules::Timestamp;
use serde_json::{Map, Value, json};
use testkit::open_control;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLAGS: usize = 1_000;
const TENANTS: usize = 100_000;
/// The most that an import may have.
const IMPORTED: usize = 10_000;
const TOKENS: usize = 1_000;
const KILLS: usize = 150;
const PAUSE: Duration = Duration::from_millis(50);
const NOW: Timestamp = Timestamp(1_795_219_200_000);

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("data")).unwrap());
    let control = Arc::new(open_control(store, LifecyclePolicy::default(), &Arc::default()));
    control.apply(&request(document(0))).unwrap();
    println!("{FLAGS} flags, {TENANTS} tenants, {KILLS} kills, each restored {PAUSE:?} later");
    measure("alone", &control, |_| thread::sleep(PAUSE));
    measure("during imports", &control, |round| {
        change(&control, import(round))
    });
    measure("during documents", &control, |round| {
        change(&control, document(round))
    });
    let (operators, bogus) = operators();
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().build().unwrap();
    measure("during a flood", &control, |round| {
        let peer = SocketAddr::from(([10, 0, byte(round / 256), byte(round)], 1));
        let signed_in = runtime.block_on(operators.sign_in(&bogus, peer, NOW));
        assert!(signed_in.is_err());
    });
}

/// Measures kills while `disturb` runs again and again, with the number of the round.
fn measure(name: &str, control: &Arc<Control>, mut disturb: impl FnMut(usize)) {
    let ended = Arc::new(AtomicBool::new(false));
    let killing = {
        let (control, ended) = (Arc::clone(control), Arc::clone(&ended));
        thread::spawn(move || {
            // A restore between two kills may wait for the change that runs beside them.
            let mut taken: Vec<Duration> = (0..2 * KILLS)
                .map(|at| (at, kill(&control, at)))
                .filter_map(|(at, taken)| at.is_multiple_of(2).then_some(taken))
                .collect();
            ended.store(true, Ordering::Relaxed);
            taken.sort();
            taken
        })
    };
    let mut rounds = 0;
    while !ended.load(Ordering::Relaxed) {
        rounds += 1;
        disturb(rounds);
    }
    let taken = killing.join().unwrap();
    let (p50, p99) = (taken[KILLS / 2], taken[KILLS * 99 / 100]);
    let worst = taken[KILLS - 1];
    println!("{name:<18} p50 {p50:>8.1?}   p99 {p99:>8.1?}   worst {worst:>8.1?}   {rounds} rounds");
}

fn kill(control: &Control, at: usize) -> Duration {
    thread::sleep(PAUSE);
    let flag = flag(at);
    let change = match at % 2 {
        0 => Change::Kill { flag },
        _ => Change::Restore { flag },
    };
    let begun = Instant::now();
    control.apply(&request(change)).unwrap();
    begun.elapsed()
}

fn byte(number: usize) -> u8 {
    u8::try_from(number % 256).unwrap()
}

/// Applies a change that may give way to kills too often.
fn change(control: &Control, change: Change) {
    match control.apply(&request(change)) {
        Ok(_) | Err(ApplyError::Store(_)) => {}
        Err(error) => panic!("{error:?}"),
    }
}

fn flag(at: usize) -> String {
    format!("domain.flag{:05}", at / 2 % FLAGS)
}

fn record(at: usize, round: usize) -> Value {
    json!({ "tier": "large", "attributes": { "country": "DE", "round": round, "seats": at % 90 } })
}

fn import(round: usize) -> Change {
    Change::ImportTenants {
        mode: ImportMode::Upsert,
        tenants: (0..IMPORTED)
            .map(|at| (format!("tenant-{at:06}"), record(at, round)))
            .collect(),
    }
}

fn document(round: usize) -> Change {
    let rule = json!({ "when": { "attribute": "country", "in": ["DE", "AT"] }, "serve": "on" });
    let flag = |at: usize| {
        let definition =
            json!({ "description": format!("flag {at} of {round}"), "lifecycle": "ga", "rules": [rule] });
        (format!("domain.flag{at:05}"), definition)
    };
    let flags: Map<String, Value> = (0..FLAGS).map(flag).collect();
    let first = if round == 0 { 0 } else { round * TENANTS };
    let tenants: Map<String, Value> = (0..TENANTS)
        .map(|at| (format!("tenant-{:06}", first + at), record(at, 0)))
        .take(if round == 0 { TENANTS } else { 20_000 })
        .collect();
    let document = json!({ "version": 1, "tiers": ["large"], "flags": flags, "tenants": tenants });
    Change::ApplyDocument {
        document: FlagsDocument::parse("document", document.to_string().as_bytes()).unwrap(),
        prune: false,
        new_flags: NewFlags::AsWritten,
    }
}

/// Returns operators with static tokens, half of them without an id, and an invalid token.
fn operators() -> (Operators, HeaderMap) {
    let token = |at: usize| {
        let (_, hash) = TokenHash::issue().unwrap();
        let text = hash.to_string();
        let older = text.rsplit_once(':').map_or(text.as_str(), |(older, _)| older);
        StaticToken {
            name: format!("token{at}"),
            role: Role::Operator,
            org: None,
            hash: if at.is_multiple_of(2) {
                hash
            } else {
                TokenHash::parse(older).unwrap()
            },
            expires: None,
        }
    };
    let known = Known {
        tokens: (0..TOKENS).map(token).collect(),
        ..Known::default()
    };
    let (bogus, _) = TokenHash::issue().unwrap();
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {bogus}").parse().unwrap());
    (Operators::of(known), headers)
}

fn request(change: Change) -> Request {
    Request {
        change,
        actor: Actor {
            name: "measure".into(),
            role: Role::PlatformAdmin,
            groups: Vec::new(),
            org: None,
            display_name: None,
        },
        source: ChangeSource::Api,
        reason: None,
        incident: None,
        request_id: "measure".into(),
        expected: None,
        force: true,
        at: NOW,
    }
}
