//! Break-glass: a flag of files is killed through the socket at once, whatever the files contain, also after a
//! restart, until the kill expires.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;

use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Request, Upstream, eventually};

use crate::files;
use crate::gateway_document::LISTENERS;
use crate::process::{SluiceProcess, sluice};

/// Returns a folder with a gated route without a token, and break-glass.
fn folder(upstream: &Upstream) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}
break_glass: {{ socket: sluice.sock, journal: journal.jsonl }}
upstreams: {{ legacy: '{}' }}
routes:
  - {{ name: board, match: /board, gate: board, auth: none, upstream: legacy, otherwise: {{ reject: 403 }} }}
access_log: {{ output: off }}
",
        upstream.address(),
    );
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    write_flags(folder.path(), "first");
    folder
}

fn write_flags(folder: &Path, description: &str) {
    write_board(
        folder,
        &format!("lifecycle: ga, default: on, description: {description}"),
    );
}

fn write_board(folder: &Path, fields: &str) {
    let flags = format!("version: 1\nflags: {{ board: {{ {fields} }} }}\n");
    files::replace(folder, "flags.yaml", flags);
}

/// Sends a request to the socket, and returns the status and body of the answer.
fn ask(folder: &Path, method: &str, path: &str, body: &str) -> (u16, String) {
    let mut socket = UnixStream::connect(folder.join("sluice.sock")).unwrap();
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: local\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    );
    socket.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn board(sluice: &SluiceProcess) -> u16 {
    Client::connect(sluice.listener())
        .ask(&Request::get("/board"))
        .status
}

fn readiness(sluice: &SluiceProcess) -> String {
    let answer = Client::connect(sluice.admin()).ask(&Request::get_admin("/readyz?verbose"));
    String::from_utf8(answer.body).unwrap()
}

/// Runs a command that explains, against the server.
fn explained(server: &SluiceProcess, folder: &Path, question: &[&str]) -> String {
    let server = format!("http://{}", server.admin());
    sluice(folder, [question, &["--server", &server]].concat(), "").stdout
}

fn begin(folder: &TempDir) -> SluiceProcess {
    let sluice = SluiceProcess::start(folder.path(), ["run"]);
    sluice.line("admin listening");
    sluice
}

#[test]
fn a_local_kill_survives_reloads_and_restarts_until_restored() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path();
    let sluice = begin(&folder);
    assert_eq!(board(&sluice), 200);
    let mode = fs::metadata(path.join("sluice.sock"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    let (status, killed) = ask(path, "POST", "/kill", r#"{"flag": "board", "reason": "INC-7"}"#);
    assert_eq!(status, 200, "{killed}");
    assert_eq!(board(&sluice), 403, "in force once it is answered");
    let shown = readiness(&sluice);
    assert!(shown.starts_with("ready\n"), "{shown}");
    assert!(
        shown.contains("[!] break-glass: `board` is killed until 20"),
        "{shown}"
    );
    assert!(shown.contains("INC-7"), "{shown}");

    write_flags(path, "second");
    sluice.line("reloaded");
    assert_eq!(board(&sluice), 403, "whatever the files say");
    for question in [
        &["flags", "explain", "board", "--tenant", "acme"] as &[&str],
        &["explain", "GET", "/board"],
    ] {
        let explanation = explained(&sluice, path, question);
        let step = explanation
            .lines()
            .find(|line| line.contains("by break-glass") && line.contains("enabled"))
            .unwrap_or_else(|| panic!("{explanation}"));
        assert!(step.contains("=>") && step.contains("no, killed"), "{step}");
    }
    drop(sluice);

    let sluice = begin(&folder);
    assert_eq!(board(&sluice), 403, "from the first request on");
    assert!(readiness(&sluice).contains("break-glass"));
    let (status, _) = ask(path, "POST", "/restore", r#"{"flag": "board"}"#);
    assert_eq!((status, board(&sluice)), (200, 200));
    assert!(!readiness(&sluice).contains("break-glass"));
    let (_, journal) = ask(path, "GET", "/journal", "");
    let events: Vec<&str> = journal
        .lines()
        .filter_map(|line| line.split("\"event\":\"").nth(1)?.split('"').next())
        .collect();
    assert_eq!(
        events,
        ["platform.feature_flag_killed", "platform.feature_flag_restored"],
        "{journal}"
    );
}

#[test]
fn a_server_with_a_store_shows_local_kills() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path();
    let managed = "flags: { store: { sqlite: data, seed: flags.yaml } }";
    files::edit(path, "sluice.yaml", "flags: { file: flags.yaml }", managed);
    let flags = "version: 1
flags:
  board: { lifecycle: ga, default: on }
  print: { lifecycle: ga, default: on, requires: [board] }
tenants: { acme: {} }
";
    fs::write(path.join("flags.yaml"), flags).unwrap();
    let sluice_runs = begin(&folder);
    let mut admin = Client::connect(sluice_runs.admin());
    let mut asked = |method: &str, path: &str, body: Value| {
        let request = Request::new(method, &format!("/api/v1{path}")).host("localhost");
        let request = match body {
            Value::Null => request,
            body => request
                .header("content-type", "application/json")
                .with_body(body.to_string()),
        };
        let answer = admin.ask(&request);
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    };
    let mut answers = |flag: &str| {
        let request = json!({ "request": { "method": "GET", "path": "/board" } });
        let listed = asked("GET", "/platform/feature-flags", Value::Null);
        let listed = listed["flags"].as_array().unwrap();
        let listed = listed
            .iter()
            .find(|listed| listed["key"] == flag)
            .unwrap()
            .clone();
        [
            listed,
            asked("GET", &format!("/platform/feature-flags/{flag}"), Value::Null),
            asked("POST", "/explain", json!({ "flag": flag, "tenant": "acme" })),
            asked("POST", "/explain", request)["gate"]["flags"][0].clone(),
            asked(
                "POST",
                "/explain",
                json!({ "flag": flag, "at": "2099-01-01T00:00:00Z" }),
            ),
            asked("GET", "/orgs/acme/feature-flags", Value::Null),
            asked("GET", "/platform/orgs/acme/feature-flags", Value::Null),
        ]
    };
    let output = |arguments: &[&str]| {
        let server = format!("http://{}", sluice_runs.admin());
        let output = sluice(path, [arguments, &["--server", &server]].concat(), "");
        // `explain` exits with 1 for a request that does not pass.
        assert!(output.code == 0 || arguments[0] == "explain", "{}", output.stderr);
        output.stdout
    };
    let before = answers("board");
    let list_before = output(&["flags", "list"]);

    let (status, killed) = ask(path, "POST", "/kill", r#"{"flag": "board", "reason": "INC-7"}"#);
    assert_eq!(status, 200, "{killed}");
    let mut killed: Value = serde_json::from_str(&killed).unwrap();
    killed.as_object_mut().unwrap().remove("flag");
    let [listed, shown, explained, of_request, later, own, of_tenant] = answers("board");
    let [board, print] = [&of_tenant["flags"][0], &of_tenant["flags"][1]];
    assert_eq!((&board["on"], &board["local_kill"]), (&json!(false), &killed));
    assert_eq!(
        (&print["cause"], print.get("local_kill")),
        (&json!("prerequisite"), None)
    );
    for answer in [&listed, &shown, &explained, &of_request] {
        assert_eq!(answer["local_kill"], killed, "{answer}");
    }
    assert_eq!(shown["enabled"], true, "what is kept is as it was");
    for answer in [&explained, &of_request] {
        assert_eq!(
            (&answer["variant"], &answer["cause"]),
            (&json!("off"), &json!("killed"))
        );
    }
    assert_eq!(
        (&later["variant"], &later["local_kill"]),
        (&json!("on"), &Value::Null)
    );
    for (flag, cause) in own["flags"]
        .as_array()
        .unwrap()
        .iter()
        .zip(["killed", "prerequisite"])
    {
        assert_eq!(
            (&flag["on"], &flag["cause"]),
            (&json!(false), &json!(cause)),
            "{flag}"
        );
    }
    let [listed, shown, explained, ..] = answers("print");
    for answer in [&listed, &shown, &explained] {
        assert_eq!(answer["local_kill"], Value::Null, "{answer}");
    }
    assert_eq!(explained["cause"], "prerequisite", "as it is decided here");
    let by = killed["by"].as_str().unwrap();
    let shown = output(&["flags", "show", "board"]);
    assert!(shown.contains("\nkilled here   until 20"), "{shown}");
    assert!(shown.contains(&format!(" by {by}: INC-7\n")), "{shown}");
    assert!(output(&["flags", "list"]).contains("killed here\n"));
    let kill_text = format!(" by {by}: INC-7\n");
    for output in [
        output(&["flags", "explain", "board"]),
        output(&["explain", "GET", "/board"]),
    ] {
        assert!(output.contains("killed on this machine until 20"), "{output}");
        assert!(output.contains(&kill_text), "{output}");
    }

    assert_eq!(ask(path, "POST", "/restore", r#"{"flag": "board"}"#).0, 200);
    assert_eq!(answers("board"), before);
    assert_eq!(output(&["flags", "list"]), list_before);
}

#[test]
fn a_local_kill_expires() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let sluice = begin(&folder);
    let body = r#"{"flag": "board", "reason": "a try", "seconds": 1}"#;
    assert_eq!(ask(folder.path(), "POST", "/kill", body).0, 200);
    assert_eq!(board(&sluice), 403);
    eventually("the end of the kill", || (board(&sluice) == 200).then_some(()));
    sluice.line("the local kill has expired");
}

#[test]
fn invalid_kills_are_rejected_with_their_codes() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let sluice = begin(&folder);
    for (path, body, status, code) in [
        (
            "/kill",
            r#"{"flag": "bord", "reason": "x"}"#,
            404,
            "FLAG_NOT_FOUND",
        ),
        (
            "/kill",
            r#"{"flag": "board", "reason": " "}"#,
            422,
            "REASON_MISSING",
        ),
        (
            "/kill",
            r#"{"flag": "board", "reason": "x", "seconds": 0}"#,
            422,
            "INVALID_DURATION",
        ),
        (
            "/kill",
            r#"{"flag": "board", "reason": "x", "force": true}"#,
            422,
            "MALFORMED_BODY",
        ),
        ("/kill", "{", 400, "MALFORMED_BODY"),
        ("/restore", r#"{"flag": "board"}"#, 404, "NOT_KILLED"),
    ] {
        let (found, answer) = ask(folder.path(), "POST", path, body);
        assert_eq!(found, status, "{body}: {answer}");
        assert!(
            answer.contains(&format!("\"code\":\"{code}\"")),
            "{body}: {answer}"
        );
        assert!(answer.contains(r#""change":"not_applied""#), "{body}: {answer}");
    }
    assert_eq!(board(&sluice), 200);
}

#[test]
fn an_altered_journal_stops_kills_and_no_request() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path();
    let sluice = begin(&folder);
    for reason in ["INC-7", "INC-8"] {
        let body = format!(r#"{{"flag": "board", "reason": "{reason}"}}"#);
        assert_eq!(ask(path, "POST", "/kill", &body).0, 200);
    }
    drop(sluice);
    let journal = path.join("journal.jsonl");
    let answers = fs::read_to_string(&journal).unwrap();
    fs::write(&journal, answers.replace("INC-8", "INC-9")).unwrap();

    let sluice = begin(&folder);
    assert_eq!(board(&sluice), 403, "what can be read of it holds");
    let shown = readiness(&sluice);
    assert!(shown.starts_with("ready\n") && shown.contains("INC-7"), "{shown}");
    let words = "entry 2 was altered: its hash does not match its content. move it away";
    assert!(
        shown.contains("[!] break-glass closed: ") && shown.contains(words),
        "{shown}"
    );
    sluice.line(words);
    let (status, refused) = ask(path, "POST", "/restore", r#"{"flag": "board"}"#);
    assert_eq!(status, 503, "{refused}");
    assert!(
        refused.contains("JOURNAL_UNUSABLE") && refused.contains("\"help\":\"move it away"),
        "{refused}"
    );
    let refused: Value = serde_json::from_str(&refused).unwrap();
    let altered = "the break-glass journal: entry 2 was altered: its hash does not match its content";
    assert_eq!(refused["detail"], altered);
    let logged = sluice.line(&format!(
        "request_id=\"{}\"",
        refused["request_id"].as_str().unwrap()
    ));
    assert!(logged.contains("`journal.jsonl`"), "{logged}");

    fs::rename(&journal, path.join("evidence.jsonl")).unwrap();
    sluice.line("flags can be killed through this process");
    assert_eq!(board(&sluice), 403, "and into the new one");
    assert_eq!(ask(path, "POST", "/restore", r#"{"flag": "board"}"#).0, 200);
    assert_eq!(board(&sluice), 200);
    assert!(!readiness(&sluice).contains("break-glass"));
}

#[test]
fn a_second_process_follows_local_kills_and_takes_over() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path();
    let first = begin(&folder);
    let second = begin(&folder);
    let shown = readiness(&second);
    assert!(
        shown.starts_with("ready\n") && shown.contains("[!] break-glass closed: another process holds"),
        "{shown}"
    );
    second.line("no flag can be killed through this process: another process");

    let (status, killed) = ask(path, "POST", "/kill", r#"{"flag": "board", "reason": "INC-7"}"#);
    assert_eq!((status, board(&first)), (200, 403), "{killed}");
    eventually("the kill in the other process", || {
        (board(&second) == 403).then_some(())
    });
    drop(first);
    second.line("flags can be killed through this process");
    assert_eq!(board(&second), 403);
    assert!(!readiness(&second).contains("break-glass closed"));
    assert_eq!(ask(path, "POST", "/restore", r#"{"flag": "board"}"#).0, 200);
    assert_eq!(board(&second), 200);
    drop(second);

    let third = begin(&folder);
    assert!(!readiness(&third).contains("break-glass"), "nothing collided");
}

#[test]
fn a_kill_of_a_retired_flag_is_shown_as_without_effect() {
    let upstream = Upstream::named("legacy");
    let folder = folder(&upstream);
    let path = folder.path();
    let sluice_runs = begin(&folder);
    let kill = [
        "flags",
        "kill",
        "board",
        "--socket",
        "sluice.sock",
        "--reason",
        "INC-7",
    ];
    assert_eq!(sluice(path, kill, "").code, 0);
    assert_eq!(board(&sluice_runs), 403);

    write_board(path, "lifecycle: retired");
    sluice_runs.line("reloaded");
    assert_eq!(board(&sluice_runs), 200, "retired comes before killed");
    let shown = readiness(&sluice_runs);
    assert!(
        shown.contains("by uid:") && shown.contains("(without effect: the flag is retired"),
        "{shown}"
    );
    let output = sluice(path, kill, "");
    output
        .exits(1)
        .reports("FLAG_RETIRED   `board` is retired and serves its final variant")
        .reports("help: revert it to ga");
    assert_eq!(ask(path, "POST", "/restore", r#"{"flag": "board"}"#).0, 200);
}
