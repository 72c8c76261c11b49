//! Measures `GET /platform/feature-flags?limit=1000` with 10,000 flags and 100,000 tenants, from the request to the last
//! byte of the answer: `cargo run --release -p control --example list_flags`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use config::FlagsDocument;
use control::api::{Api, router};
use control::operators::Operators;
use control::{
    Actor, Change, ChangeSource, Explain, LifecyclePolicy, MemoryStore, NewFlags, Request,
    RequestExplanation, RequestQuestion, Role, Unexplained,
};
use proxy::{AdminServer, Metrics};
use rules::Timestamp;
use serde_json::{Map, Value, json};
use testkit::{Client, open_control};

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const FLAGS: usize = 10_000;
const TENANTS: usize = 100_000;
const ROUNDS: usize = 50;
const NOW: Timestamp = Timestamp(1_795_219_200_000);

struct NoExplanation;

impl Explain for NoExplanation {
    fn explain(&self, _: &RequestQuestion, _: Timestamp) -> Result<RequestExplanation, Unexplained> {
        Ok(RequestExplanation::default())
    }
}

fn main() {
    let control = open_control(
        Arc::new(MemoryStore::new()),
        LifecyclePolicy::default(),
        &Arc::default(),
    );
    control.apply(&document()).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let operators = Arc::new(Operators::local());
    let api = Api::new(
        Arc::new(control),
        operators,
        Arc::new(NoExplanation),
        scratch.path().to_owned(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _server = AdminServer::start(listener, router(Arc::new(api)), Arc::new(Metrics::new())).unwrap();
    let mut client = Client::connect(address);
    let request =
        testkit::Request::new("GET", "/api/v1/platform/feature-flags?limit=1000").host(&address.to_string());
    let mut taken: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let begun = Instant::now();
            let answer = client.ask(&request);
            assert_eq!(answer.status, 200);
            begun.elapsed()
        })
        .collect();
    taken.sort();
    println!(
        "{FLAGS} flags, {TENANTS} tenants, 1,000 listed: p50 {:.1?}   p99 {:.1?}",
        taken[ROUNDS / 2],
        taken[ROUNDS - 1]
    );
}

fn flag(at: usize) -> String {
    format!("domain.flag{at:05}")
}

fn document() -> Request {
    let rule = json!({ "when": { "attribute": "country", "in": ["DE", "AT", "CH"] }, "serve": "on" });
    let definition = |at: usize| {
        json!({
            "description": format!("flag {at}"), "owner": "team", "lifecycle": "beta", "rules": [rule],
            "rollout": { "percentage": at % 100 },
        })
    };
    let flags: Map<String, Value> = (0..FLAGS).map(|at| (flag(at), definition(at))).collect();
    let record = |at: usize| {
        json!({
            "tier": "large", "channel": "latest", "beta": [flag(at % FLAGS)],
            "attributes": { "country": "DE", "seats": at % 90 },
        })
    };
    let tenants: Map<String, Value> = (0..TENANTS)
        .map(|at| (format!("tenant-{at:06}"), record(at)))
        .collect();
    let document = json!({ "version": 1, "tiers": ["large"], "flags": flags, "tenants": tenants });
    Request {
        change: Change::ApplyDocument {
            document: FlagsDocument::parse("document", document.to_string().as_bytes()).unwrap(),
            prune: false,
            new_flags: NewFlags::AsWritten,
        },
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
