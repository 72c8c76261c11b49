//! `sluice rollout watch` and the commands beside it, on the built binary: piped, on a terminal, interrupted, and with a
//! connection that breaks.

use std::fs;
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::Value;
use testkit::eventually;

use crate::managed_server::ManagedServer;
use crate::process::{SluiceProcess, pseudo_terminal, sluice};

const PLAN: &str = "\
ticket: REL-12
stages:
  - { name: tenth, percentage: 10, for: 1h }
  - { name: half, percentage: 50, for: 1h }
checks: [{ name: errors, error_rate: { above: 1% } }]
";

/// A server with a running plan for the flag `board`.
fn running() -> ManagedServer {
    let managed = ManagedServer::start();
    fs::write(managed.path().join("plan.yaml"), PLAN).unwrap();
    managed.done(&["rollout", "plan", "board", "-f", "plan.yaml"]);
    managed.done(&["rollout", "start", "board", "--reason", "REL-12"]);
    managed
}

fn watch(managed: &ManagedServer, server: SocketAddr, more: &[&str]) -> SluiceProcess {
    let server = format!("http://{server}");
    let arguments = [&["rollout", "watch", "board", "--server", &server], more].concat();
    SluiceProcess::start(managed.path(), arguments)
}

fn advance(managed: &ManagedServer) {
    managed.done(&["rollout", "advance", "board", "--force", "--reason", "agreed"]);
}

#[test]
fn a_watch_that_is_piped_prints_changes_until_the_end() {
    let managed = running();
    let mut watch = watch(&managed, managed.admin(), &[]);
    watch.line("running, stage tenth (1 of 2): 10 % of everyone");
    watch.line("check errors: inconclusive");
    advance(&managed);
    watch.line("running, stage half (2 of 2): 50 % of everyone");
    advance(&managed);
    watch.line("completed");
    watch.line("the plan has ended: it was completed");
    assert_eq!(watch.ended().code(), Some(0));
    let printed = watch.printed().join("\n");
    assert!(!printed.contains('\u{1b}'), "{printed}");
    // Each line is a change: the verdict stayed the same.
    assert_eq!(printed.matches("check errors").count(), 1, "{printed}");
}

#[test]
fn a_watch_prints_an_object_for_each_event() {
    let managed = running();
    let mut watch = watch(&managed, managed.admin(), &["--json"]);
    watch.line("\"event\":\"snapshot\"");
    managed.done(&["rollout", "rollback", "board", "--reason", "INC-7"]);
    watch.line("rolled_back");
    assert_eq!(watch.ended().code(), Some(1));
    let printed = watch.printed();
    let mut events = printed
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let last = events.next_back().unwrap();
    assert_eq!(last["event"], "change");
    assert_eq!(last["rollout"]["halt"]["why"], "INC-7");
    assert!(last["evidence"]["checks"].is_array() && last["id"].is_string());
}

#[test]
fn a_watch_ends_with_its_plan_or_its_server() {
    let managed = running();
    managed.done(&["rollout", "cancel", "board"]);
    let ended = managed.refused(&["rollout", "watch", "board"]);
    assert!(ended.stdout.contains("cancelled, stage tenth"), "{ended}");
    assert!(
        ended.stdout.ends_with("the plan has ended: it was cancelled\n"),
        "{ended}"
    );
    managed.done(&["rollout", "plan", "board", "--remove"]);
    managed
        .refused(&["rollout", "watch", "board"])
        .reports("PLAN_NOT_FOUND");
    let nowhere = ["rollout", "watch", "board", "--server", "unix:none"];
    sluice(managed.path(), nowhere, "").exits(3);
}

/// Reads from a terminal until the text has appeared.
fn read_until(other_side: &mut impl Read, text: &str) -> String {
    let (mut read, mut piece) = (String::new(), [0; 4096]);
    while !read.contains(text) {
        let length = other_side.read(&mut piece).unwrap();
        read.push_str(&String::from_utf8_lossy(&piece[..length]));
    }
    read
}

#[test]
fn a_watch_after_the_end_says_the_end() {
    let managed = running();
    advance(&managed);
    advance(&managed);
    let ended = managed.done(&["rollout", "watch", "board"]);
    assert!(ended.contains("completed, stage half (2 of 2)"), "{ended}");
    assert!(
        ended.ends_with("the plan has ended: it was completed\n"),
        "{ended}"
    );
}

#[test]
fn a_watch_on_a_terminal_restores_it_at_ctrl_c() {
    let managed = running();
    let (terminal, mut other_side) = pseudo_terminal();
    let server = format!("http://{}", managed.admin());
    let arguments = ["rollout", "watch", "board", "--server", &server];
    let mut watch =
        SluiceProcess::start_printing_to(managed.path(), arguments, terminal.try_clone().unwrap());
    // The alternate screen without a cursor.
    let drawn = read_until(&mut other_side, "waits for");
    assert!(drawn.contains("\u{1b}[?1049h\u{1b}[?25l"), "{drawn}");
    assert!(
        drawn.contains("stage         tenth (1 of 2): 10 % of everyone"),
        "{drawn}"
    );
    // NO_COLOR is set.
    assert!(!drawn.contains("\u{1b}[32m"), "{drawn}");
    // It is drawn again each second.
    read_until(&mut other_side, "waits for");
    watch.signal("INT");
    read_until(&mut other_side, "\u{1b}[?25h\u{1b}[?1049l");
    assert_eq!(watch.ended().code(), Some(130));
    managed.done(&["rollout", "show", "board"]);
}

/// Forwards connections to a server. The first connection that carries an event is cut off after it.
fn cutting_off(server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let mut is_cut = false;
        for client in listener.incoming().map_while(Result::ok) {
            let upstream = TcpStream::connect(server).unwrap();
            let (mut from, mut to) = (client.try_clone().unwrap(), upstream.try_clone().unwrap());
            thread::spawn(move || std::io::copy(&mut from, &mut to).is_ok());
            let (mut from, mut to) = (upstream, client);
            let cuts = !is_cut;
            is_cut = true;
            thread::spawn(move || {
                let mut piece = [0; 4096];
                while let Ok(length @ 1..) = from.read(&mut piece) {
                    if to.write_all(&piece[..length]).is_err() {
                        break;
                    }
                    if cuts && String::from_utf8_lossy(&piece[..length]).contains("event: snapshot") {
                        break;
                    }
                }
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
    });
    address
}

#[test]
fn a_watch_connects_again_with_a_notice() {
    let managed = running();
    let mut watch = watch(&managed, cutting_off(managed.admin()), &[]);
    watch.line("running, stage tenth");
    watch.line("connection lost: ");
    advance(&managed);
    watch.line("running, stage half");
    advance(&managed);
    assert_eq!(watch.ended().code(), Some(0));
}

#[test]
fn a_watch_follows_no_stream_beyond_the_drain() {
    let managed = running();
    let mut watch = watch(&managed, managed.admin(), &[]);
    watch.line("running, stage tenth");
    let begun = std::time::Instant::now();
    let process = rustix::process::Pid::from_raw(i32::try_from(managed.id()).unwrap()).unwrap();
    rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    watch.line("connection lost: the server ended the stream");
    managed.line("ended: no request was cut off");
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
    watch.signal("INT");
    assert_eq!(watch.ended().code(), Some(130));
}

#[test]
fn a_tick_evidence_and_a_record_are_commands() {
    let managed = running();
    let evidence = managed.done(&["rollout", "evidence", "board"]);
    assert!(evidence.contains("board: running, stage tenth"), "{evidence}");
    assert!(
        evidence.contains("errors   error_rate   -       1 %     inconclusive"),
        "{evidence}"
    );
    let tick = managed.done(&["rollout", "tick", "board"]);
    assert!(
        tick.starts_with("board: no step is due: 1 h of the stage are left"),
        "{tick}"
    );
    let evidence = eventually("measurements", || {
        let evidence = managed.done(&["rollout", "evidence", "board"]);
        evidence.contains("treatment   0").then_some(evidence)
    });
    assert!(
        evidence.contains("in neither arm   0 opted in, 0 other requests"),
        "{evidence}"
    );
    let all = managed.done(&["rollout", "tick", "--all"]);
    assert!(all.starts_with("board: no step is due"), "{all}");
    managed.output(&["rollout", "tick"]).exits(2);
    let record = managed.done(&["rollout", "document", "board"]);
    for part in [
        "# Rollout of `board`\n",
        "| ticket | REL-12 |",
        "## Missing facts\n",
    ] {
        assert!(record.contains(part), "{record}");
    }
    managed.done(&["rollout", "document", "board", "-o", "record.md"]);
    managed.refused(&["rollout", "document", "board", "-o", "record.md"]);
    let written = fs::read_to_string(managed.path().join("record.md")).unwrap();
    assert!(written.starts_with("# Rollout of `board`\n"), "{written}");
    managed.done(&["rollout", "cancel", "board"]);
    managed
        .output(&["rollout", "tick", "--all"])
        .exits(0)
        .reports("no plan is running");
}
