//! Serves 10,000 managed flags, turns them one at a time, and prints how long compiling and publishing took:
//! `cargo run --release -p proxy --example publish_flags`.
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs)]

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use config::{Catalog, Files, JsonEdit};
use rules::Eligibility;
use serde_json::json;

const FLAGS: usize = 10_000;
const ROUNDS: usize = 1_000;
const GATEWAY: &str = "
version: 1
listeners: [ { name: public, address: \"127.0.0.1:0\" } ]
admin: off
access_log: { output: off }
flags: { store: { sqlite: data } }
upstreams: { api: 127.0.0.1:9 }
routes: [ { name: all, match: /, gate: flag7, upstream: api } ]
";

fn flag(number: usize, enabled: bool) -> JsonEdit {
    let value = json!({ "lifecycle": "ga", "default": "on", "enabled": enabled });
    JsonEdit::Flag(format!("flag{number}"), Some(value))
}

fn main() {
    let flags: Vec<_> = (0..FLAGS).map(|number| flag(number, true)).collect();
    let mut catalog = Catalog::of_json(Eligibility::Enforced, &flags).unwrap();
    let files = Files::Memory([(PathBuf::from("sluice.yaml"), GATEWAY.into())].into());
    let path = Path::new("sluice.yaml");
    let loaded = config::load_managed(files, path, &|_| None, catalog.compiled(), 0).unwrap();
    let running = proxy::start(&loaded, proxy::StartOptions::default()).unwrap();
    let publisher = running.publisher();
    let (mut compiling, mut publishing) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let start = Instant::now();
        let draft = catalog
            .draft_json(&[flag(round * 7 % FLAGS, round % 2 == 1)])
            .unwrap();
        catalog.apply(draft);
        let compiled = catalog.compiled();
        let snapshot = loaded.with_flags(&compiled.flags, &compiled.tenants, round as u64);
        compiling.push(start.elapsed());
        let start = Instant::now();
        publisher.publish_flags(snapshot).unwrap();
        publishing.push(start.elapsed());
    }
    tell("compiling", compiling);
    tell("publishing", publishing);
}

fn tell(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |share: usize| {
        times
            .get((times.len() * share / 100).min(times.len() - 1))
            .unwrap()
    };
    println!("{what:12} p50 {:?}, p99 {:?}, most {:?}", at(50), at(99), at(100));
}
