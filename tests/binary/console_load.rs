//! The console under load beside the data plane: requests through the proxy do not wait for pages, searches, previews and
//! streams of events.

use std::fs;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use testkit::{Client, LargeDocument, Request, Upstream};

use crate::process::SluiceProcess;

/// The connections through the proxy, and the requests per second of each.
const CONNECTIONS: usize = 2;
const REQUESTS_PER_SECOND: u32 = 100;
/// The clients that request pages as fast as they are answered.
const PAGE_CLIENTS: usize = 4;
/// The open streams of events.
const STREAMS: usize = 8;
/// A request is slow if it takes longer. Other tests on the same machine delay requests, too, but rarely for as long.
const SLOW: Duration = Duration::from_millis(100);

/// The size of the short and of the long form.
struct Size {
    document: LargeDocument,
    /// Rounds without load and with load, in turn, so that both see the same machine.
    rounds: usize,
    round: Duration,
}

/// The latencies of the requests through the proxy in a round, from the time at which each should have been sent.
struct Latencies(Vec<Duration>);

impl Latencies {
    /// Returns the round that the rest of the machine disturbed least. Pages that delay requests do so in each round.
    fn least_disturbed(rounds: Vec<Self>) -> Self {
        let least = rounds.into_iter().min_by_key(|round| round.quantile(990));
        least.unwrap()
    }

    fn quantile(&self, permille: usize) -> Duration {
        let mut sorted = self.0.clone();
        sorted.sort();
        let last = sorted.len() - 1;
        sorted[last * permille / 1000]
    }

    fn slow_share(&self) -> f64 {
        let slow = self.0.iter().filter(|latency| **latency > SLOW).count();
        slow as f64 / self.0.len() as f64
    }

    fn summary(&self) -> String {
        format!(
            "{} requests: p50 {:.2?}, p99 {:.2?}, max {:.2?}, {:.2} % slow",
            self.0.len(),
            self.quantile(500),
            self.quantile(990),
            self.quantile(1000),
            self.slow_share() * 100.0
        )
    }
}

/// Sends requests at a constant rate over several connections, and returns their latencies.
fn measure(address: SocketAddr, round: Duration) -> Latencies {
    let interval = Duration::from_secs(1) / REQUESTS_PER_SECOND;
    let connection = || {
        let mut client = Client::connect(address);
        let begun = Instant::now();
        let mut measured = Vec::new();
        let mut due = Duration::ZERO;
        while due < round {
            thread::sleep(due.saturating_sub(begun.elapsed()));
            let answer = client.ask(&Request::get("/orders"));
            assert_eq!(answer.status, 200);
            measured.push(begun.elapsed() - due);
            due += interval;
        }
        measured
    };
    thread::scope(|scope| {
        let connections: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(connection)).collect();
        let measured = connections
            .into_iter()
            .flat_map(|connection| connection.join().unwrap());
        Latencies(measured.collect())
    })
}

/// Requests for the pages that cost most: searches that find nothing, orders, filters, previews of kills.
fn heavy_requests(admin: SocketAddr, document: LargeDocument) -> Vec<Request> {
    let flag = LargeDocument::flag(document.flags / 2);
    let of_flag = |suffix: &str| format!("/platform/feature-flags/{flag}{suffix}");
    let paths = [
        "/platform/feature-flags?sort=changed&page=9".to_owned(),
        "/platform/feature-flags?search=nothing".to_owned(),
        "/platform/feature-flags?state=stale".to_owned(),
        of_flag(""),
        of_flag("/tenants?search=nothing"),
        of_flag("/tenants?standing=opted_out&on=true"),
        "/platform/tenants?search=nothing".to_owned(),
        "/platform/audit?actor=nobody".to_owned(),
    ];
    let host = admin.to_string();
    let page = Client::connect(admin).ask(&Request::get(&of_flag("")).host(&host));
    let (_, rest) = page.text().split_once("name=\"form_token\" value=\"").unwrap();
    let token = rest.split_once('"').unwrap().0;
    let form = format!("form_token={token}&operation=kill&back=/platform/feature-flags&flag={flag}");
    let preview = Request::post("/platform/changes/preview", form)
        .host(&host)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", &format!("http://{host}"));
    let pages = paths.iter().map(|path| Request::get(path).host(&host));
    pages.chain([preview]).collect()
}

/// Runs an action while clients of the console request pages without a pause, and others read streams. Returns the number
/// of pages.
fn under_load(admin: SocketAddr, requests: &[Request], action: impl FnOnce()) -> usize {
    let (ends, pages) = (AtomicBool::new(false), AtomicUsize::new(0));
    let streams: Vec<Client> = (0..STREAMS)
        .map(|_| {
            let mut client = Client::connect(admin);
            client.send(Request::get("/platform/events").host(&admin.to_string()).bytes());
            assert_eq!(client.head().0, 200);
            let event = client.chunk().unwrap();
            assert!(event.starts_with(b"event: revision"), "{event:?}");
            client
        })
        .collect();
    let load = |first: usize| {
        let mut client = Client::connect(admin);
        for request in requests.iter().cycle().skip(first) {
            if ends.load(Ordering::Relaxed) {
                return;
            }
            // 429 once the quota of the actor is used up: this limits the load, too.
            let status = client.ask(request).status;
            assert!([200, 429].contains(&status), "{status}");
            pages.fetch_add(usize::from(status == 200), Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        for first in 0..PAGE_CLIENTS {
            scope.spawn(move || load(first));
        }
        action();
        ends.store(true, Ordering::Relaxed);
    });
    drop(streams);
    pages.into_inner()
}

#[test]
fn pages_of_the_console_do_not_delay_requests() {
    let size = match std::env::var_os("SLUICE_SOAK") {
        Some(_) => Size {
            document: LargeDocument {
                flags: 10_000,
                tenants: 100_000,
            },
            rounds: 10,
            round: Duration::from_secs(10),
        },
        None => Size {
            document: LargeDocument {
                flags: 500,
                tenants: 10_000,
            },
            rounds: 3,
            round: Duration::from_millis(1_500),
        },
    };
    let upstream = Upstream::named("orders");
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1
listeners: [{{ name: public, address: 127.0.0.1:0 }}]
admin: {{ address: 127.0.0.1:0 }}
access_log: {{ output: off }}
flags: {{ store: {{ sqlite: data, seed: flags.json }} }}
upstreams: {{ orders: '{}' }}
routes:
  - {{ name: all, match: /**, upstream: orders }}
",
        upstream.address()
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    let flags = size.document.text(&|at| format!("flag {at}"));
    fs::write(folder.path().join("flags.json"), flags).unwrap();
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let (address, admin) = (sluice.listener(), sluice.admin());
    let requests = heavy_requests(admin, size.document);
    let (mut quiet, mut loaded) = (Vec::new(), Vec::new());
    let mut pages = 0;
    for _ in 0..size.rounds {
        quiet.push(measure(address, size.round));
        pages += under_load(admin, &requests, || loaded.push(measure(address, size.round)));
    }
    let (quiet, loaded) = (
        Latencies::least_disturbed(quiet),
        Latencies::least_disturbed(loaded),
    );
    let summary = format!(
        "quiet: {}; {pages} pages meanwhile: {}",
        quiet.summary(),
        loaded.summary()
    );
    report(&summary);
    assert!(pages > requests.len(), "{summary}");
    // Medians do not depend on single pauses of the machine. On two busy cores, reads of the common priority double the
    // median, and make one request in nine slow.
    let median_limit = quiet.quantile(500) * 3 + Duration::from_millis(3);
    assert!(loaded.quantile(500) <= median_limit, "{summary}");
    assert!(loaded.slow_share() <= quiet.slow_share() + 0.05, "{summary}");
}

#[expect(clippy::print_stderr, reason = "the figures of the long form")]
fn report(summary: &str) {
    eprintln!("{summary}");
}
