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

use serde_json::Value;
use tempfile::TempDir;
use testkit::frames::{Frames, frame, kind};
use testkit::{Client, KeyServer, PATIENCE, Request, Upstream, eventually};

use crate::files;
use crate::process::{SluiceProcess, sluice_with};

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

/// Reads each line as a record. Fails if one is none.
#[track_caller]
fn records(lines: &[String]) -> Vec<Value> {
    let record = |line: &String| -> Value {
        let record: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        for member in ["time", "level", "message"] {
            assert!(record[member].is_string(), "no {member}: {line}");
        }
        record
    };
    lines.iter().map(record).collect()
}

#[test]
fn a_json_log_has_one_record_for_everything_it_says() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let mut sluice = SluiceProcess::start_with(&[("SLUICE_LOG_FORMAT", "json")], folder.path(), ["run"]);
    sluice.line("admin listening");
    files::replace(folder.path(), "flags.yaml", "version: 1\nflag: {}\n");
    sluice.line("not reloaded");
    let config = fs::read_to_string(folder.path().join("sluice.yaml")).unwrap();
    // A flag that no route names is a warning.
    files::replace(
        folder.path(),
        "flags.yaml",
        "version: 1\nflags: { unused: { lifecycle: ga } }\n",
    );
    files::replace(folder.path(), "sluice.yaml", config + "headers: { flags: off }\n");
    sluice.line("unused-flag");
    sluice.signal("INT");
    assert_eq!(sluice.ended().code(), Some(0));
    sluice.line("ended: no request was cut off");
    let records = records(&sluice.printed());
    let find = |message: &str| {
        let found = records
            .iter()
            .find(|record| record["message"].as_str().unwrap().contains(message));
        found.unwrap_or_else(|| panic!("no {message:?} in {records:#?}"))
    };
    assert_eq!(find("listening")["fields"]["listener"], "public");
    let refused = find("not reloaded");
    assert_eq!(refused["level"], "ERROR");
    let report = refused["report"].as_str().unwrap();
    assert!(
        report.contains("error[unknown-field]") && report.contains("--> flags.yaml:2:1"),
        "{report}"
    );
    let warned = find("route `all` has no gate (and 1 more)");
    assert_eq!(warned["level"], "WARN");
    assert!(
        warned["report"]
            .as_str()
            .unwrap()
            .contains("warning[unused-flag]")
    );
}

#[test]
fn a_failed_start_is_logged_in_the_format_of_the_document() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path().join("sluice.yaml");
    let config = fs::read_to_string(&path).unwrap() + "log: { format: json }\n";
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (from, to, last) in [
        ("routes:", "route:", "not started: the configuration has errors"),
        (
            "127.0.0.1:0",
            &*address,
            "not started: listener `public` can't bind",
        ),
    ] {
        fs::write(&path, config.replacen(from, to, 1)).unwrap();
        let output = sluice_with(&[], folder.path(), ["run"]);
        output.exits(1);
        let lines: Vec<String> = output.stderr.lines().map(str::to_owned).collect();
        let records = records(&lines);
        let message = records.last().unwrap()["message"].as_str().unwrap();
        assert!(message.starts_with(last), "{message}");
        // The option comes before the document.
        let output = sluice_with(&[], folder.path(), ["run", "--log-format", "text"]);
        output.exits(1).reports("ERROR not started: ");
    }
}

#[test]
fn the_first_line_has_version_config_and_counts() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let flags = "version: 1\nflags: { a: {}, b: {} }\ntenants: { acme: {} }\n";
    files::replace(folder.path(), "flags.yaml", flags);
    let variables = [("SLUICE_CONFIG", "sluice.yaml"), ("SLUICE_LOG_LEVEL", "info")];
    let sluice = SluiceProcess::start_with(&variables, folder.path(), ["run"]);
    sluice.line("admin listening");
    let first = format!(
        "INFO sluice {} config=sluice.yaml routes=1 flags=2 tenants=1",
        env!("CARGO_PKG_VERSION")
    );
    assert!(sluice.printed()[0].ends_with(&first), "{:#?}", sluice.printed());
}

#[test]
fn option_variable_and_document_set_the_level_in_this_order() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path().join("sluice.yaml");
    fs::write(
        &path,
        fs::read_to_string(&path).unwrap() + "log: { level: error }\n",
    )
    .unwrap();
    let variable = ("SLUICE_LOG_LEVEL", "warn");
    for (variables, arguments, level) in [
        (&[] as &[_], &["run"] as &[_], "error"),
        (&[("RUST_LOG", "info")], &["run"], "info"),
        (&[("RUST_LOG", "info"), variable], &["run"], "warn"),
        (&[variable], &["run", "--log-level", "info"], "info"),
    ] {
        let mut sluice = SluiceProcess::start_with(variables, folder.path(), arguments);
        eventually("its handlers", || {
            crate::signals::handles_signals(&sluice).then_some(())
        });
        sluice.signal("INT");
        assert_eq!(sluice.ended().code(), Some(0));
        match level {
            "info" => drop(sluice.line("INFO ended")),
            _ => assert!(
                !sluice.printed().iter().any(|line| line.contains("INFO")),
                "{level}"
            ),
        }
    }
}
