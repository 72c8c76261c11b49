//! Measures every page of the console over a store in memory with 10,000 flags, 100,000 tenants and 10,000 audit entries:
//! the time of the first request and of further ones, and the size. `make measure-console`; writes the table into
//! the page that `--page` names. Exits with 1 if the median of a page is above 100 ms, or its size above 200 KiB. The
//! verification of the audit log has no limit of time: it computes the hash of every entry.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a measurement fails by panicking, and prints its results"
)]

#[path = "../tests/console/echo_explain.rs"]
mod echo_explain;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/console/fixed_traffic.rs"]
mod fixed_traffic;
#[path = "../tests/console/large_site.rs"]
mod large_site;
#[allow(dead_code, reason = "the tests use all of it")]
#[path = "../tests/console/site.rs"]
mod site;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use testkit::LargeDocument;

use self::large_site::{LargeSize, MAX_PAGE_BYTES, VERIFICATION, Visit, large_site, visits};
use self::site::Site;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const SIZE: LargeSize = LargeSize {
    document: LargeDocument {
        flags: 10_000,
        tenants: 100_000,
    },
    changes: 10_000,
    changed: 200,
};
/// The longest median of a page.
const MAX_MEDIAN: Duration = Duration::from_millis(100);
/// The number of requests after the first one; a fifth of it for those that take long.
const ROUNDS: usize = 50;
/// The pause before a request, for each request that it sends to the admin API, so that the rate limit of an actor is not
/// reached (200 requests a second).
const PAUSE: Duration = Duration::from_millis(6);
/// The mark before the table in a documentation page; the table ends before the next heading.
const MARK: &str = "<!-- measured: pages of the console -->\n";

/// The measurements of a visit.
struct Measured {
    visit: Visit,
    first: Duration,
    median: Duration,
    p99: Duration,
    bytes: usize,
}

impl Measured {
    fn of(site: &Site, visit: Visit) -> Self {
        let pause = PAUSE * calls(&visit);
        let request = || {
            std::thread::sleep(pause);
            let begun = Instant::now();
            let received = visit.request(site);
            (begun.elapsed(), received.text.len())
        };
        let (first, mut bytes) = request();
        // The verification takes seconds, and a preview of many tenants most of the rate limit of an actor.
        let rounds = match visit.page == VERIFICATION || calls(&visit) > 100 {
            true => ROUNDS / 5,
            false => ROUNDS,
        };
        let mut times: Vec<Duration> = (0..rounds)
            .map(|_| {
                let (taken, size) = request();
                bytes = bytes.max(size);
                taken
            })
            .collect();
        times.sort();
        let measured = Self {
            first,
            median: times[rounds / 2],
            p99: times[rounds - 1],
            bytes,
            visit,
        };
        println!("{}", measured.line());
        measured
    }

    fn line(&self) -> String {
        let milliseconds = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1_000.0);
        format!(
            "| {} | `{}` | {} | {} | {} | {:.0} |",
            self.visit.page,
            self.visit.path,
            milliseconds(self.first),
            milliseconds(self.median),
            milliseconds(self.p99),
            self.bytes as f64 / 1_024.0
        )
    }

    fn is_within_limits(&self) -> bool {
        (self.median <= MAX_MEDIAN || self.visit.page == VERIFICATION) && self.bytes <= MAX_PAGE_BYTES
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let page =
        (arguments.next().as_deref() == Some("--page")).then(|| PathBuf::from(arguments.next().unwrap()));
    let begun = Instant::now();
    let site = large_site(SIZE);
    println!("the store is ready after {:.1?}\n", begun.elapsed());
    let head = "| page | request | first, ms | median, ms | p99, ms | KiB |\n|---|---|---|---|---|---|";
    println!("{head}");
    let visits = visits(SIZE, &site);
    // Twice, so that the numbers of tenants, which a thread counts, are known as they are in a running process.
    for visit in &visits {
        visit.request(&site);
    }
    let measured: Vec<Measured> = visits
        .into_iter()
        .map(|visit| Measured::of(&site, visit))
        .collect();
    if let Some(page) = page {
        let lines: Vec<String> = measured.iter().map(Measured::line).collect();
        write(&page, &format!("{head}\n{}\n", lines.join("\n")));
    }
    let missed: Vec<&Measured> = measured
        .iter()
        .filter(|measured| !measured.is_within_limits())
        .collect();
    println!(
        "\n{} of {} requests miss a limit (100 ms, 200 KiB)",
        missed.len(),
        measured.len()
    );
    for measured in &missed {
        println!("{}", measured.line());
    }
    match missed.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Returns the largest number of requests that a visit sends to the admin API: one for each tenant of a form, and a few.
fn calls(visit: &Visit) -> u32 {
    let fields = visit.fields.iter().flatten();
    let tenants = fields.filter(|(name, _)| *name == "tenants");
    let tenants: usize = tenants.map(|(_, value)| value.split(' ').count()).sum();
    8 + u32::try_from(tenants).unwrap()
}

/// Replaces the table of a documentation page.
fn write(page: &PathBuf, table: &str) {
    let text = std::fs::read_to_string(page).unwrap();
    let (before, rest) = text.split_once(MARK).expect("the page has the mark of the table");
    let after = rest.find("\n#").map_or("", |at| &rest[at..]);
    std::fs::write(page, format!("{before}{MARK}\n{table}{after}")).unwrap();
}
