//! The process log: a reader that does not read, and clients that would fill the log, delay nothing.

use std::{
    fs,
    io::{BufRead, BufReader},
    net::SocketAddr,
    sync::{
        atomic::{AtomicBool, AtomicUsize, Ordering},
        mpsc::channel,
    },
    thread,
    time::{Duration, Instant},
};

use tempfile::TempDir;
use testkit::frames::{Frames, frame, kind};
use testkit::{Client, KeyServer, PATIENCE, Request, Upstream, eventually};

use crate::files;
use crate::process::SluiceProcess;

/// Flag of a PING frame that is an acknowledgement.
const ACK: u8 = 1;
/// Longest time of an answer during an attack.
const SOON: Duration = Duration::from_secs(2);
const NO_FLAGS: &str = "version: 1\nflags: {}\n";

/// Returns a folder with a configuration whose one route matches everything.
fn folder(upstream: &Upstream) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1
listeners: [{{ name: public, address: '127.0.0.1:0', h2c: true }}]
admin: {{ address: '127.0.0.1:0' }}
flags: {{ file: flags.yaml }}
upstreams: {{ legacy: '{}' }}
routes:
  - {{ name: all, match: /**, upstream: legacy }}
access_log: {{ output: off }}
threads: 2
",
        upstream.address()
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    files::replace(folder.path(), "flags.yaml", NO_FLAGS);
    folder
}

/// Returns a document with so many problems, each with a long help, that a few reports fill the queue of the log.
fn broken(number: usize) -> String {
    let field = |index| format!("  flag{index}: {{ lifecycle: {} }}\n", "1".repeat(3_900));
    let fields: String = (0..220).map(field).collect();
    format!("version: 1 # {number}\nflags:\n{fields}")
}

fn status(address: SocketAddr, path: &str) -> u16 {
    Client::connect(address).ask(&Request::get(path)).status
}

fn figure(admin: SocketAddr, series: &str) -> u64 {
    let page = Client::connect(admin).ask(&Request::get_admin("/metrics"));
    let text = page.text().to_owned();
    let value = text.lines().find_map(|line| line.strip_prefix(series));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

/// Sends acknowledgements of no PING, on four connections, until `stop` is set. Returns their number.
fn attack(address: SocketAddr, stop: &AtomicBool) -> usize {
    let sent = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let burst = frame(kind::PING, ACK, 0, &[7; 8]).repeat(100);
                while !stop.load(Ordering::Relaxed) {
                    let mut frames = Frames::connect(address);
                    while !stop.load(Ordering::Relaxed) && frames.try_send_bytes(&burst).is_ok() {
                        sent.fetch_add(100, Ordering::Relaxed);
                        thread::sleep(Duration::from_millis(5));
                    }
                }
            });
        }
    });
    sent.into_inner()
}

#[test]
fn invalid_frames_and_a_full_log_pipe_block_no_request() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let (mut sluice, unread) = SluiceProcess::start_unread(folder.path());
    let (address, admin) = (sluice.listener(), sluice.admin());
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let attacking = scope.spawn(|| attack(address, &stop));
        let outcome = std::panic::catch_unwind(|| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_secs(2) {
                let asked = Instant::now();
                assert_eq!(status(address, "/"), 200);
                assert!(asked.elapsed() < SOON, "an answer took {:?}", asked.elapsed());
            }
        });
        stop.store(true, Ordering::Relaxed);
        let sent = attacking.join().unwrap();
        outcome.unwrap();
        // An earlier version stopped after 27 KB of such frames.
        assert!(sent * 17 > 27_000, "{sent} frames");
    });
    // The log does not delay the watcher either: reports that nobody reads, and then a valid change.
    for number in 0..8 {
        let before = figure(admin, "sluice_reloads_total{result=\"refused\"} ");
        files::replace(folder.path(), "flags.yaml", broken(number));
        eventually("the refusal", || {
            (figure(admin, "sluice_reloads_total{result=\"refused\"} ") > before).then_some(())
        });
    }
    files::replace(folder.path(), "flags.yaml", NO_FLAGS);
    let config = fs::read_to_string(folder.path().join("sluice.yaml")).unwrap();
    files::replace(folder.path(), "sluice.yaml", config.replace("/**", "/other/**"));
    eventually("the change", || (status(address, "/") == 404).then_some(()));
    let dropped = figure(admin, "sluice_log_dropped_total{reason=\"queue_full\"} ");
    assert!(dropped > 0, "nothing was dropped");
    // Once the pipe is read again, the log says that lines were dropped.
    let (lines, line) = channel();
    thread::spawn(move || {
        for line in BufReader::new(unread).lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                break;
            }
        }
    });
    let deadline = Instant::now() + PATIENCE;
    loop {
        let line = line
            .recv_timeout(deadline.saturating_duration_since(Instant::now()))
            .unwrap();
        assert!(!line.contains("PING"), "{line}");
        if line.contains("of the log were dropped") || line.contains("of the log was dropped") {
            break;
        }
    }
    sluice.signal("TERM");
    assert_eq!(sluice.ended().code(), Some(0));
}

#[test]
fn an_unread_log_pipe_does_not_delay_the_exit() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let (mut sluice, _unread) = SluiceProcess::start_unread(folder.path());
    assert_eq!(status(sluice.listener(), "/"), 200);
    sluice.signal("TERM");
    assert_eq!(sluice.ended().code(), Some(0));
}

#[test]
fn a_repeated_warning_is_one_line_and_a_count() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let keys = KeyServer::broken();
    let path = folder.path().join("sluice.yaml");
    let issuer = format!(
        "issuers:\n  - issuer: https://login.example\n    audiences: [a]\n    algorithms: [ES256]\n    \
         keys: {{ jwks_url: '{}', refresh: 1s }}\n    claims: {{ tenant: tenant }}\n",
        keys.url()
    );
    let config = fs::read_to_string(&path).unwrap();
    fs::write(&path, config + &issuer).unwrap();
    let mut sluice = SluiceProcess::start(folder.path(), ["run"]);
    let admin = sluice.admin();
    let series = "sluice_jwks_fetches_total{issuer=\"https://login.example\",result=\"status\"} ";
    eventually("a few fetches", || (figure(admin, series) >= 3).then_some(()));
    sluice.signal("TERM");
    assert_eq!(sluice.ended().code(), Some(0));
    let text = eventually("the count", || {
        let printed = sluice.printed();
        let text: Vec<String> = printed
            .into_iter()
            .filter(|line| line.contains("could not be fetched"))
            .collect();
        text.iter().any(|line| line.contains("(repeated")).then_some(text)
    });
    assert_eq!(text.len(), 2, "{text:#?}");
}
