//! Runs one kind of decision a given number of times, for `scripts/count-decisions`, which counts its instructions.
//!
//! `decisions NAME PASSES` decides for 1,000 subjects in each pass. `decisions` prints the names.
#![allow(clippy::print_stdout, reason = "the names are for the script")]

use std::{fmt::Write as _, hint::black_box};

use benches::{EvaluatorVisitor, in_no_rule, load, visit_evaluators};
use config::LoadedFlags;
use rules::{FlagsHeader, Include, Subject, Timestamp, decide};

/// The allocator of the product.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOCUMENT: &str = include_str!("../flags/counted.yaml");
const NOW: Timestamp = Timestamp(1_795_000_000_000);
const SUBJECTS: u32 = 1_000;
/// Kinds of one decision for a tenant, besides the evaluators.
const KINDS: [&str; 4] = ["default", "override", "rollout", "tier"];
/// Numbers of flags that a header lists.
const LISTS: [usize; 3] = [1, 20, 200];

fn main() {
    let mut arguments = std::env::args().skip(1);
    let Some(name) = arguments.next() else {
        visit_evaluators(&in_no_rule(1), &mut Names);
        KINDS.iter().for_each(|kind| println!("{kind}"));
        LISTS.iter().for_each(|count| println!("list-{count}"));
        return;
    };
    let passes = arguments.next().and_then(|text| text.parse().ok());
    let passes: u32 = passes.expect("a number of passes");
    match name.split_once('-') {
        Some(("list", count)) => list(count.parse().expect("a number of flags"), passes),
        _ if KINDS.contains(&&*name) => kind(&name, passes),
        _ => visit_evaluators(&in_no_rule(SUBJECTS), &mut Runs { name: &name, passes }),
    }
}

/// Prints the names of the evaluators.
struct Names;

impl EvaluatorVisitor for Names {
    fn visit<S>(&mut self, name: &'static str, _subjects: &[S], _is_on: impl Fn(&S) -> bool) {
        println!("{name}");
    }
}

/// Runs the evaluator of one name.
struct Runs<'n> {
    name: &'n str,
    passes: u32,
}

impl EvaluatorVisitor for Runs<'_> {
    fn visit<S>(&mut self, name: &'static str, subjects: &[S], is_on: impl Fn(&S) -> bool) {
        if name != self.name {
            return;
        }
        for _ in 0..self.passes {
            for subject in subjects {
                black_box(is_on(black_box(subject)));
            }
        }
    }
}

/// Decides one flag of [`DOCUMENT`] for tenants with records that are already looked up.
fn kind(name: &str, passes: u32) {
    let loaded = load(&with_tenants(DOCUMENT));
    let flag = loaded
        .flags
        .id(&format!("counted.{name}"))
        .expect("the document has the flag");
    let ids = ids();
    let subjects: Vec<Subject<'_>> = ids.iter().map(|id| subject(&loaded, id)).collect();
    for _ in 0..passes {
        for subject in &subjects {
            black_box(decide(&loaded.flags, flag, black_box(subject), NOW));
        }
    }
}

/// Lists `count` flags, each on for half of the tenants, in a header.
fn list(count: usize, passes: u32) {
    let mut document = "version: 1\ntiers: [tier1, tier2, tier3]\nflags:\n".to_owned();
    for number in 0..count {
        writeln!(
            document,
            "  area.feature{number:03}: {{ lifecycle: ga, rollout: {{ percentage: 50 }} }}"
        )
        .expect("writing into a string");
    }
    let loaded = load(&with_tenants(&document));
    let header = FlagsHeader {
        name: "sluice-flags".into(),
        include: Include::All,
        budget: 16 * 1024,
    };
    let ids = ids();
    let subjects: Vec<Subject<'_>> = ids.iter().map(|id| subject(&loaded, id)).collect();
    for _ in 0..passes {
        for subject in &subjects {
            black_box(header.list(&loaded.flags, &[], black_box(subject), NOW));
        }
    }
}

fn with_tenants(document: &str) -> String {
    let mut document = format!("{document}tenants:\n");
    for (number, id) in ids().iter().enumerate() {
        let (tier, on) = (number % 3 + 1, if number % 2 == 0 { "on" } else { "off" });
        let overrides = match document.contains("counted.override") {
            true => format!(", overrides: {{ counted.override: {on} }}"),
            false => String::new(),
        };
        writeln!(document, "  {id}: {{ tier: tier{tier}{overrides} }}").expect("writing into a string");
    }
    document
}

fn ids() -> Vec<String> {
    (0..SUBJECTS)
        .map(|number| format!("tenant-{number:05}"))
        .collect()
}

fn subject<'a>(loaded: &'a LoadedFlags, tenant: &'a str) -> Subject<'a> {
    Subject {
        tenant: Some(tenant),
        record: loaded.tenants.find(tenant),
        ..Subject::default()
    }
}
