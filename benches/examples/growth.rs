//! Measures how loading, changing, finding and memory grow with the number of tenants, flags and routes, and writes
//! `growth.md` and its plots into the folder given as the argument.
//!
//! Memory is what is allocated and not freed, by the sizes asked for: an allocator rounds up by a tenth or so. `served`
//! is what requests read (`rules::Tenants`); `document` is the document as definitions, which a process with flags in a
//! store has as well.
#![expect(unsafe_code, reason = "an allocator can't be written without")]

use std::alloc::{GlobalAlloc, Layout};
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use benches::{Plot, RouteRequest, api_path};
use config::{Catalog, FlagsDocument, JsonEdit};
use rules::{Eligibility, HostPattern, Methods, PathPattern, RouteMatch, RouteTable, TrailingSlash};
use serde_json::json;

/// The allocator of the product, with a count of what is allocated.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: everything is handed to mimalloc unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `alloc`'s contract.
        unsafe { mimalloc::MiMalloc.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `dealloc`'s contract.
        unsafe { mimalloc::MiMalloc.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        ALLOCATED.fetch_add(size, Ordering::Relaxed);
        ALLOCATED.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps `realloc`'s contract.
        unsafe { mimalloc::MiMalloc.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const TENANTS: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];
const FLAGS: [usize; 4] = [10, 100, 1_000, 10_000];
const ROUTES: [usize; 4] = [10, 100, 1_000, 10_000];
/// The flags beside which tenants are measured.
const FLAGS_OF_TENANTS: usize = 1_000;
/// The tenants beside which flags are measured.
const TENANTS_OF_FLAGS: usize = 1_000;
const CHANGES: usize = 101;
const FINDS: usize = 100_000;
/// Distance from one to the next that is found. Odd and not a multiple of 5: each gets a turn.
const STRIDE: usize = 61_803;

/// The measurements of one size of a flags document.
struct DocumentFigures {
    size: usize,
    load_ms: f64,
    /// Median and worst change of one part, in microseconds.
    change_us: (f64, f64),
    find_ns: f64,
    /// For each part.
    served_bytes: f64,
    document_bytes: f64,
}

/// The measurements of one number of routes.
struct RouteFigures {
    size: usize,
    build_ms: f64,
    find_ns: f64,
    bytes: f64,
}

fn main() {
    let folder = std::env::args_os()
        .nth(1)
        .map(PathBuf::from)
        .expect("usage: growth FOLDER");
    std::fs::create_dir_all(&folder).expect("a folder to write to");
    let tenants = TENANTS.map(|size| document_figures(size, Part::Tenants));
    let flags = FLAGS.map(|size| document_figures(size, Part::Flags));
    let routes = ROUTES.map(route_figures);
    let write = |name: &str, text: String| {
        std::fs::write(folder.join(name), text).expect("a file in the folder");
    };
    write("growth.md", page(&table(&tenants, &flags, &routes)));
    let line = |figures: &[DocumentFigures], value: fn(&DocumentFigures) -> f64| -> Vec<(f64, f64)> {
        figures.iter().map(|at| (at.size as f64, value(at))).collect()
    };
    let of_routes = |value: fn(&RouteFigures) -> f64| -> Vec<(f64, f64)> {
        routes.iter().map(|at| (at.size as f64, value(at))).collect()
    };
    let load = Plot::new("loading, in ms", "number of tenants, flags or routes")
        .line("tenants, 1,000 flags", line(&tenants, |at| at.load_ms))
        .line("flags, 1,000 tenants", line(&flags, |at| at.load_ms))
        .line("routes", of_routes(|at| at.build_ms));
    write("growth-load.svg", load.to_svg());
    let change = Plot::new(
        "changing one, in microseconds (median)",
        "number of tenants or flags",
    )
    .line("a tenant", line(&tenants, |at| at.change_us.0))
    .line("a flag", line(&flags, |at| at.change_us.0));
    write("growth-change.svg", change.to_svg());
    let find = Plot::new("finding one, in ns", "number of tenants or routes")
        .line("a tenant", line(&tenants, |at| at.find_ns))
        .line("a route", of_routes(|at| at.find_ns));
    write("growth-find.svg", find.to_svg());
    let memory = Plot::new("memory of a tenant, in bytes", "number of tenants")
        .line("served", line(&tenants, |at| at.served_bytes))
        .line("document", line(&tenants, |at| at.document_bytes));
    write("growth-memory.svg", memory.to_svg());
}

fn allocated() -> f64 {
    ALLOCATED.load(Ordering::Relaxed) as f64
}

/// The part of a flags document whose number grows.
#[derive(Clone, Copy)]
enum Part {
    Tenants,
    Flags,
}

/// Measures a document with `size` tenants or flags, while one after another is changed.
fn document_figures(size: usize, part: Part) -> DocumentFigures {
    let (flags, tenants) = match part {
        Part::Tenants => (FLAGS_OF_TENANTS, size),
        Part::Flags => (size, TENANTS_OF_FLAGS),
    };
    // The other part is measured alone and subtracted.
    let (others, others_document) = match part {
        Part::Tenants => memory(flags, 0),
        Part::Flags => memory(0, tenants),
    };
    let (served, document) = memory(flags, tenants);
    let text = document_text(flags, tenants);
    let begun = Instant::now();
    let document_read = FlagsDocument::parse("flags.json", text.as_bytes()).expect("a document");
    let mut catalog = Catalog::new(Eligibility::Enforced, document_read).expect("a valid document");
    let load_ms = begun.elapsed().as_secs_f64() * 1e3;
    let mut changes: Vec<f64> = (0..CHANGES)
        .map(|turn| {
            let number = turn * STRIDE % size;
            let edit = match part {
                Part::Tenants => change_tenant(number, turn),
                Part::Flags => change_flag(number, turn),
            };
            // The former snapshot is still read while the next one is made, as in a proxy.
            let former = catalog.compiled().clone();
            let begun = Instant::now();
            let draft = catalog.draft_json(&[edit]).expect("a valid change");
            catalog.apply(draft);
            let taken = begun.elapsed().as_secs_f64() * 1e6;
            drop(former);
            taken
        })
        .collect();
    changes.sort_unstable_by(f64::total_cmp);
    let table = &catalog.compiled().tenants;
    let ids: Vec<String> = (0..FINDS).map(|turn| tenant(turn * STRIDE % tenants)).collect();
    let find_ns = nanoseconds(|| {
        ids.iter()
            .filter(|id| table.find(black_box(id)).is_some())
            .count()
    });
    DocumentFigures {
        size,
        load_ms,
        change_us: (changes[CHANGES / 2], changes[CHANGES - 1]),
        find_ns,
        served_bytes: (served - others) / size as f64,
        document_bytes: (document - others_document) / size as f64,
    }
}

/// Returns the bytes that stay allocated for what requests read, and for the document.
fn memory(flags: usize, tenants: usize) -> (f64, f64) {
    let text = document_text(flags, tenants);
    let before = allocated();
    let document = FlagsDocument::parse("flags.json", text.as_bytes()).expect("a document");
    let of_document = allocated() - before;
    let catalog = Catalog::new(Eligibility::Enforced, document).expect("a valid document");
    let of_both = allocated() - before;
    drop(catalog);
    (of_both - of_document, of_document)
}

/// Returns the nanoseconds of one of [`FINDS`], the median of eleven rounds.
fn nanoseconds(finds: impl Fn() -> usize) -> f64 {
    let round = || {
        let begun = Instant::now();
        assert_eq!(black_box(finds()), FINDS);
        begun.elapsed().as_secs_f64() * 1e9 / FINDS as f64
    };
    let mut rounds: Vec<f64> = (0..11).map(|_| round()).collect();
    rounds.sort_unstable_by(f64::total_cmp);
    rounds[rounds.len() / 2]
}

/// Twelve bytes.
fn tenant(number: usize) -> String {
    format!("tenant{number:06}")
}

fn flag(number: usize) -> String {
    format!("domain.flag{number:05}")
}

fn flag_definition(number: usize, round: usize) -> serde_json::Value {
    json!({
        "description": format!("flag {number} of round {round}"), "owner": "team", "lifecycle": "ga",
        "rules": [{ "when": { "attribute": "country", "in": ["DE", "AT", "CH"] }, "serve": "on" }],
        "rollout": { "percentage": (number + round) % 100 },
    })
}

fn change_tenant(number: usize, round: usize) -> JsonEdit {
    let tier = if (number + round).is_multiple_of(2) {
        "large"
    } else {
        "small"
    };
    JsonEdit::Tenant(tenant(number), Some(json!({ "tier": tier, "channel": "latest" })))
}

fn change_flag(number: usize, round: usize) -> JsonEdit {
    JsonEdit::Flag(flag(number), Some(flag_definition(number, round + 1)))
}

fn document_text(flags: usize, tenants: usize) -> String {
    let mut text = String::from("{\"version\":1,\"tiers\":[\"small\",\"large\"],\"flags\":{");
    for number in 0..flags {
        let separator = if number == 0 { "" } else { "," };
        write!(
            text,
            "{separator}\"{}\":{}",
            flag(number),
            flag_definition(number, 0)
        )
        .expect("writing into a string");
    }
    text.push_str("},\"tenants\":{");
    for number in 0..tenants {
        let separator = if number == 0 { "" } else { "," };
        let tier = if number % 2 == 0 { "small" } else { "large" };
        write!(text, "{separator}\"{}\":{{\"tier\":\"{tier}\"}}", tenant(number))
            .expect("writing into a string");
    }
    text.push_str("}}");
    text
}

fn route_figures(size: usize) -> RouteFigures {
    let route = |number| RouteMatch {
        host: HostPattern::parse("api.example.com").expect("a host"),
        path: PathPattern::parse(&api_path(number, "{id}")).expect("a path"),
        trailing_slash: TrailingSlash::Either,
        methods: Methods::parse(["GET", "HEAD"]).expect("methods"),
        headers: Box::default(),
    };
    let routes: Vec<RouteMatch> = (0..size).map(route).collect();
    let before = allocated();
    let begun = Instant::now();
    let table = RouteTable::build(routes).expect("routes without conflicts");
    let build_ms = begun.elapsed().as_secs_f64() * 1e3;
    let bytes = (allocated() - before) / size as f64;
    let heads: Vec<RouteRequest> = (0..FINDS)
        .map(|turn| RouteRequest(api_path(turn * STRIDE % size, "42")))
        .collect();
    let find_ns = nanoseconds(|| {
        heads
            .iter()
            .filter(|head| table.find(black_box(*head)).is_some())
            .count()
    });
    RouteFigures {
        size,
        build_ms,
        find_ns,
        bytes,
    }
}

/// Returns the page with the tables and the plots.
fn page(tables: &str) -> String {
    let mut text = format!(
        "# Growth\n\n\
         Measured by `scripts/measure-growth docs/performance` on one core: the time to load documents, to change one \
         tenant or flag and to find a tenant or route, and the memory. `served` is what requests read; `document` is \
         the document as definitions, which a process with flags in a store has as well.\n\n{tables}"
    );
    for plot in ["load", "change", "find", "memory"] {
        write!(text, "\n![Growth: {plot}](growth-{plot}.svg)\n").expect("writing into a string");
    }
    text
}

fn table(tenants: &[DocumentFigures], flags: &[DocumentFigures], routes: &[RouteFigures]) -> String {
    let mut text = String::new();
    let mut documents = |title: &str, figures: &[DocumentFigures]| {
        write!(
            text,
            "| {title} | load, ms | change one, us (median, worst of {CHANGES}) | find a tenant, ns | served, bytes each | document, bytes each |\n|---|---|---|---|---|---|\n"
        )
        .expect("writing into a string");
        for at in figures {
            writeln!(
                text,
                "| {} | {:.1} | {:.0}, {:.0} | {:.0} | {:.0} | {:.0} |",
                at.size,
                at.load_ms,
                at.change_us.0,
                at.change_us.1,
                at.find_ns,
                at.served_bytes,
                at.document_bytes
            )
            .expect("writing into a string");
        }
        text.push('\n');
    };
    documents("tenants, with 1,000 flags", tenants);
    documents("flags, with 1,000 tenants", flags);
    text.push_str("| routes | build, ms | find, ns | bytes each |\n|---|---|---|---|\n");
    for at in routes {
        writeln!(
            text,
            "| {} | {:.1} | {:.0} | {:.0} |",
            at.size, at.build_ms, at.find_ns, at.bytes
        )
        .expect("writing into a string");
    }
    text
}
