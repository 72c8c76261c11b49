//! Signals: what each of them does, and that no end of the process is without a last line in the log.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{Client, Request, Upstream, eventually, never, reply, response};

use crate::gateway_document::LISTENERS;
use crate::process::{SluiceProcess, pseudo_terminal, sluice};

/// The default of `drain.delay` without a terminal.
const DELAY: Duration = Duration::from_secs(5);

/// Writes a configuration whose one route matches everything, with these lines added.
fn write(folder: &Path, upstream: &Upstream, lines: &str) {
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}
upstreams: {{ api: '{}' }}
routes:
  - {{ name: all, match: /**, upstream: api }}
{lines}",
        upstream.address()
    );
    fs::write(folder.join("sluice.yaml"), config).unwrap();
    fs::write(folder.join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
}

fn folder(upstream: &Upstream, lines: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), upstream, lines);
    folder
}

/// Starts an upstream that responds to a request for each message on the channel.
fn waiting() -> (mpsc::Sender<()>, Upstream) {
    let (go, wait) = mpsc::channel::<()>();
    let wait = Mutex::new(wait);
    let upstream = Upstream::answering(move |_, stream| {
        let _ = wait.lock().unwrap().recv();
        reply(stream, &response(200, "OK", "done"))
    });
    (go, upstream)
}

/// Waits for the end of a process. Fails unless its exit code and the last line of its log are these.
#[track_caller]
fn ends(mut sluice: SluiceProcess, code: i32, last: &str) {
    assert_eq!(sluice.ended().code(), Some(code), "{:#?}", sluice.printed());
    eventually(
        &format!("the last line {last:?}: {:#?}", sluice.printed()),
        || sluice.printed().last()?.ends_with(last).then_some(()),
    );
}

#[test]
fn sighup_reloads_the_files_and_logs_the_result() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "access_log: { output: off }\n");
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let address = sluice.listener();
    sluice.signal("HUP");
    sluice.line("INFO nothing to reload: the files equal the active config");
    // An error that was reported already is reported again, because the operator asks again.
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflag: {}\n").unwrap();
    sluice.line("ERROR not reloaded");
    sluice.signal("HUP");
    eventually("the second report", || {
        let reports = sluice.printed();
        let reports = reports.iter().filter(|line| line.contains("ERROR not reloaded"));
        (reports.count() == 2).then_some(())
    });
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: { a: {} }\n").unwrap();
    sluice.signal("HUP");
    sluice.line("INFO reloaded revision=");
    assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
}

#[test]
fn sigusr1_opens_a_renamed_access_log_again() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "access_log: { output: { file: access.log } }\n");
    let (log, rotated) = (
        folder.path().join("access.log"),
        folder.path().join("access.log.1"),
    );
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let mut client = Client::connect(sluice.listener());
    let has = |path: &Path, text: &str| fs::read_to_string(path).is_ok_and(|log| log.contains(text));
    client.ask(&Request::get("/first"));
    eventually("the first line", || has(&log, "/first").then_some(()));
    fs::rename(&log, &rotated).unwrap();
    client.ask(&Request::get("/second"));
    eventually("the second line", || has(&rotated, "/second").then_some(()));
    sluice.signal("USR1");
    sluice.line("INFO the access log access.log is open again");
    client.ask(&Request::get("/third"));
    eventually("the third line", || has(&log, "/third").then_some(()));
    assert!(!has(&rotated, "/third"));
    // A file that can't be opened: the former one stays in use.
    fs::rename(&log, folder.path().join("access.log.2")).unwrap();
    fs::create_dir(&log).unwrap();
    sluice.signal("USR1");
    sluice.line("ERROR the access log access.log can't be opened again, the former file stays in use");
    client.ask(&Request::get("/fourth"));
    eventually("the fourth line", || {
        has(&folder.path().join("access.log.2"), "/fourth").then_some(())
    });
}

#[test]
fn signals_without_effect_are_logged() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "access_log: { output: off }\n");
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let address = sluice.listener();
    sluice.signal("USR2");
    sluice.line("WARN SIGUSR2 is ignored: no socket for upgrades is configured, set `upgrade.socket`");
    sluice.signal("USR1");
    sluice.line("INFO SIGUSR1: no log is a file, so none is opened again");
    assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
}

#[test]
fn sigterm_and_sigquit_drain_with_a_delay_of_5_s() {
    for signal in ["TERM", "QUIT"] {
        let (go, upstream) = waiting();
        let folder = folder(&upstream, "access_log: { output: off }\n");
        let sluice = SluiceProcess::start(folder.path(), ["run"]);
        let (address, admin) = (sluice.listener(), sluice.admin());
        let mut busy = Client::connect(address);
        busy.send(Request::get("/").bytes());
        upstream.await_count(1);
        let begun = Instant::now();
        sluice.signal(signal);
        sluice.line(&format!(
            "INFO SIG{signal}: draining, no longer ready delay=5s timeout=30s"
        ));
        let ready = Client::connect(admin).ask(&Request::get_admin("/readyz"));
        assert_eq!(ready.status, 503);
        // New connections are still served.
        go.send(()).unwrap();
        go.send(()).unwrap();
        assert_eq!(Client::connect(address).ask(&Request::get("/")).status, 200);
        assert_eq!(busy.response().text(), "done");
        ends(sluice, 0, "INFO ended: no request was cut off");
        assert!(begun.elapsed() >= DELAY, "{:?}", begun.elapsed());
    }
}

#[test]
fn a_drain_that_cuts_requests_off_ends_with_their_number() {
    for (signals, lines, last) in [
        (
            &["INT"] as &[_],
            "drain: { timeout: 50ms }",
            "WARN ended: 1 request was cut off because `drain.timeout` of 50ms had elapsed",
        ),
        (
            &["QUIT", "HUP", "USR2", "TERM"],
            "drain: { delay: 30s }",
            "WARN ended by a second signal, SIGTERM: 1 request was cut off",
        ),
    ] {
        let (_go, upstream) = waiting();
        let folder = folder(&upstream, &format!("access_log: {{ output: off }}\n{lines}\n"));
        let sluice = SluiceProcess::start(folder.path(), ["run"]);
        let mut busy = Client::connect(sluice.listener());
        busy.send(Request::get("/").bytes());
        upstream.await_count(1);
        for signal in signals {
            sluice.signal(signal);
            // Signals of different kinds have no order while they are pending.
            match *signal {
                "HUP" => drop(sluice.line("INFO SIGHUP is ignored during the drain")),
                "USR2" => drop(sluice.line("INFO SIGUSR2 is ignored during the drain")),
                "TERM" => {}
                _ => drop(sluice.line("draining, no longer ready")),
            }
        }
        ends(sluice, 0, last);
    }
}

#[test]
fn a_signal_that_is_sent_twice_at_once_counts_once() {
    let (go, upstream) = waiting();
    let folder = folder(&upstream, "access_log: { output: off }\n");
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    let mut busy = Client::connect(sluice.listener());
    busy.send(Request::get("/").bytes());
    upstream.await_count(1);
    // As `timeout` and some shells do: once to the process, once to its group.
    sluice.signal("INT");
    sluice.signal("INT");
    sluice.line("draining, no longer ready");
    never("a second signal", || {
        sluice.printed().iter().any(|line| line.contains("ended"))
    });
    go.send(()).unwrap();
    assert_eq!(busy.response().text(), "done");
    ends(sluice, 0, "INFO ended: no request was cut off");
}

/// Returns true if the process handles SIGUSR2, the last signal whose handler it installs.
pub(crate) fn handles_signals(sluice: &SluiceProcess) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", sluice.id())).unwrap();
    let caught = status
        .lines()
        .find_map(|line| line.strip_prefix("SigCgt:"))
        .unwrap();
    u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << 11) != 0
}

#[test]
fn a_signal_during_the_start_ends_the_process_with_a_line() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "");
    // Large enough for a start of some seconds.
    let flags: String = (0..60_000)
        .map(|index| format!("  flag{index}: {{ lifecycle: ga, default: on }}\n"))
        .collect();
    fs::write(
        folder.path().join("flags.yaml"),
        format!("version: 1\nflags:\n{flags}"),
    )
    .unwrap();
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    eventually("its handlers", || handles_signals(&sluice).then_some(()));
    sluice.signal("TERM");
    ends(sluice, 0, "INFO ended by SIGTERM before it served");
}

#[test]
fn a_start_that_fails_ends_with_a_line() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "");
    let path = folder.path().join("sluice.yaml");
    let config = fs::read_to_string(&path).unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    for (from, to, last) in [
        ("127.0.0.1:0", &*address, "Address already in use (os error 98)"),
        (
            "admin:",
            "access_log: { output: { file: none/a.log } }\nadmin:",
            "not started: the access log can't be opened: No such file or directory (os error 2)",
        ),
        ("routes:", "route:", "not started: the configuration has errors"),
    ] {
        fs::write(&path, config.replacen(from, to, 1)).unwrap();
        let output = sluice(folder.path(), ["run"], "");
        output.exits(1);
        let line = output.stderr.lines().last().unwrap();
        assert!(
            line.contains("ERROR not started: ") && line.contains(last),
            "{output}"
        );
    }
}

/// Starts `sluice run` on a new terminal. Returns the other side of the terminal.
fn start_on_terminal(folder: &Path) -> (SluiceProcess, BufReader<File>) {
    let (terminal, other_side) = pseudo_terminal();
    let sluice = SluiceProcess::start_between(folder, terminal.try_clone().unwrap(), terminal);
    (sluice, BufReader::new(other_side))
}

/// Reads lines of a terminal until one has this text.
fn read_until(terminal: &mut BufReader<File>, text: &str) -> String {
    let mut lines = terminal.lines().map_while(Result::ok);
    lines.find(|line| line.contains(text)).unwrap()
}

#[test]
fn drain_delay_is_zero_on_a_terminal() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "access_log: { output: off }\n");
    let (mut sluice, mut terminal) = start_on_terminal(folder.path());
    read_until(&mut terminal, "admin listening");
    sluice.signal("TERM");
    let line = read_until(&mut terminal, "draining");
    assert!(line.contains("delay=0s"), "{line}");
    read_until(&mut terminal, "ended: no request was cut off");
    assert_eq!(sluice.ended().code(), Some(0));
}

#[test]
fn a_closed_terminal_ends_the_process() {
    let upstream = Upstream::named("api");
    let folder = folder(&upstream, "access_log: { output: off }\n");
    let (mut sluice, mut terminal) = start_on_terminal(folder.path());
    read_until(&mut terminal, "admin listening");
    sluice.signal("HUP");
    read_until(&mut terminal, "nothing to reload");
    drop(terminal);
    never("the end", || sluice.has_ended());
    sluice.signal("HUP");
    assert_eq!(sluice.ended().code(), Some(0));
}
