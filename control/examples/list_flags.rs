//! Measures the lists of flags, and the decision table and the orgs of one, with 10,000 flags and 100,000 tenants, from the
//! request to the last byte of the answer: `cargo run --release -p control --example list_flags`
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking, and prints its results"
)]

use std::net::TcpListener;
use std::sync::Arc;
use std::time::{Duration, Instant};

use control::api::{Api, router};
use control::operators::Operators;
use control::{
    Actor, Change, ChangeSource, Explain, LifecyclePolicy, MemoryStore, Request, RequestExplanation,
    RequestQuestion, Role, Unexplained,
};
use proxy::{AdminServer, Metrics};
use rules::Timestamp;
use serde_json::Value;
use testkit::{Client, LargeDocument, open_control};

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
    let control = Arc::new(open_control(
        Arc::new(MemoryStore::new()),
        LifecyclePolicy::default(),
        &Arc::default(),
    ));
    let document = LargeDocument {
        flags: FLAGS,
        tenants: TENANTS,
    };
    let described = document.change(&|at| format!("flag {at}"));
    control.apply(&request(described)).unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let operators = Arc::new(Operators::local());
    let api = Api::new(
        Arc::clone(&control),
        operators,
        Arc::new(NoExplanation),
        scratch.path().to_owned(),
    );
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let _server = AdminServer::start(listener, router(Arc::new(api)), Arc::new(Metrics::new())).unwrap();
    let mut client = Client::connect(address);
    let mut get = move |path: &str| {
        let request = testkit::Request::new("GET", &format!("/api/v1/platform/feature-flags{path}"));
        let begun = Instant::now();
        let answer = client.ask(&request.host(&address.to_string()));
        assert_eq!(answer.status, 200);
        (begun.elapsed(), answer.json())
    };
    println!("{FLAGS} flags, {TENANTS} tenants");
    let begun = Instant::now();
    let (first, _) = get("?limit=50");
    while !is_counted(&get("?limit=50").1) {
        std::thread::sleep(Duration::from_millis(20));
    }
    println!(
        "50 listed for the first time: {first:.1?}; counted after {:.1?}",
        begun.elapsed()
    );
    let flag = LargeDocument::flag(FLAGS / 2);
    let paths = [
        "?limit=50".to_owned(),
        "?limit=50&search=LAG0123&sort=changed".to_owned(),
        "?limit=50&sort=lifecycle&owner=team&offset=5000".to_owned(),
        format!("/{flag}"),
        format!("/{flag}/decisions"),
        format!("/{flag}/orgs"),
        format!("/{flag}/orgs?search=99&on=true"),
        format!("/{flag}/orgs?standing=opted_out"),
        // Last: the thread counts its flags meanwhile.
        "?limit=1000".to_owned(),
    ];
    for path in paths {
        let mut taken: Vec<Duration> = (0..ROUNDS).map(|_| get(&path).0).collect();
        taken.sort();
        let (p50, p99) = (taken[ROUNDS / 2], taken[ROUNDS - 1]);
        println!("{path:<50} p50 {p50:>9.1?}   p99 {p99:>9.1?}");
    }
    let mut after_changes: Vec<Duration> = (0..ROUNDS)
        .map(|at| {
            let (org, flag) = (LargeDocument::tenant(at), LargeDocument::flag(at));
            control.apply(&request(Change::Disallow { org, flag })).unwrap();
            let (taken, page) = get("?limit=50");
            assert!(is_counted(&page), "a change of one tenant leaves all counts");
            taken
        })
        .collect();
    after_changes.sort();
    let (p50, p99) = (after_changes[ROUNDS / 2], after_changes[ROUNDS - 1]);
    println!(
        "{:<50} p50 {p50:>9.1?}   p99 {p99:>9.1?}",
        "?limit=50, after a change of a tenant"
    );
}

/// Returns true if every flag of a page is counted.
fn is_counted(page: &Value) -> bool {
    let mut flags = page["flags"].as_array().unwrap().iter();
    flags.all(|flag| flag["tenants_on"].is_number())
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
