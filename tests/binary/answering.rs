//! Commands whose server answers with something else, or not at all.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use crate::process::{CommandOutput, sluice};

/// The identity of an admin API.
pub(crate) const IDENTITY: &str = r#"{"service":"sluice-admin","api":"v1"}"#;

/// Starts an admin API that gives these answers, one per connection, after its identity. The receiver gets each
/// request. For an empty answer the connection is closed.
pub(crate) fn serve_answers(answers: Vec<String>) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, asked) = channel();
    thread::spawn(move || {
        for answer in answers {
            let (mut stream, _) = listener.accept().unwrap();
            assert!(read_request(&mut stream).starts_with("GET /api/v1 HTTP/1.1\r\n"));
            stream.write_all(success(IDENTITY).as_bytes()).unwrap();
            let request = read_request(&mut stream);
            let _ = stream.write_all(answer.as_bytes());
            if sender.send(request).is_err() {
                return;
            }
        }
    });
    (address, asked)
}

/// Reads the next request.
fn read_request(stream: &mut TcpStream) -> String {
    let mut buffer = [0; 4096];
    let mut request = String::new();
    while !is_complete(&request) {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "the connection ended in a request: {request}");
        request.push_str(&String::from_utf8_lossy(&buffer[..count]));
    }
    request
}

/// Returns true if a request is complete. Closing the connection before would also discard the answer.
fn is_complete(request: &str) -> bool {
    let Some((head, body)) = request.split_once("\r\n\r\n") else {
        return false;
    };
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "));
    body.len() >= length.map_or(0, |length| length.parse().unwrap())
}

/// Returns a successful answer with this body.
pub(crate) fn success(body: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

fn run(address: SocketAddr, arguments: &[&str]) -> CommandOutput {
    run_with_input(address, arguments, String::new())
}

fn run_with_input(address: SocketAddr, arguments: &[&str], input: String) -> CommandOutput {
    let folder = tempfile::tempdir().unwrap();
    let server = format!("http://{address}");
    sluice(folder.path(), [arguments, &["--server", &server]].concat(), input)
}

#[test]
fn a_change_counts_as_made_only_with_a_complete_answer() {
    for body in [
        "{}",
        "[]",
        "",
        "<html>",
        r#"{"revision":1}"#,
        r#"{"revision":"1","changed":true}"#,
    ] {
        for form in [&[][..], &["--json"]] {
            let (address, _asked) = serve_answers(vec![success(body)]);
            let output = run(address, &[&["flags", "kill", "board"], form].concat());
            output
                .for_case(body)
                .exits(3)
                .prints("")
                .reports("it is unknown whether the change was made");
        }
    }
    let (address, _asked) = serve_answers(vec![success(r#"{"revision":7,"changed":true}"#)]);
    let output = run(address, &["flags", "kill", "board"]);
    output.exits(0).prints("board is off for everyone   revision 7\n");
    let (address, _asked) = serve_answers(vec![success("{}")]);
    let output = run(address, &["flags", "kill", "board", "--dry-run"]);
    output.exits(3).prints("");
}

#[test]
fn a_kill_is_retried_if_the_connection_broke_before_an_answer() {
    let done = || success(r#"{"revision":7,"changed":true}"#);
    for (command, expected) in [
        ("kill", "board is off for everyone   revision 7\n"),
        ("restore", "board is no longer killed   revision 7\n"),
    ] {
        let (address, requests) = serve_answers(vec![String::new(), done()]);
        let output = run(address, &["flags", command, "board"]);
        output.exits(0).prints(expected);
        assert_eq!(requests.iter().count(), 2);
    }
    let flag = || success(r#"{"key":"board","lifecycle":"beta"}"#);
    let (address, _requests) = serve_answers(vec![flag(), String::new(), done()]);
    let output = run(address, &["flags", "revert", "board", "alpha"]);
    assert_eq!(
        output.stdout, "board: beta -> alpha   revision 7\n",
        "{}",
        output.stderr
    );

    // The first of the two requests was made.
    let body = r#"{"code":"STATE_UNCHANGED","detail":"it is alpha already"}"#;
    let unchanged = || success(body).replace("200 OK", "409 Conflict");
    let (address, _requests) = serve_answers(vec![flag(), String::new(), unchanged()]);
    let output = run(address, &["flags", "revert", "board", "alpha"]);
    output.exits(0).reports("board is alpha now");
    let (address, _requests) = serve_answers(vec![flag(), String::new(), unchanged()]);
    let output = run(address, &["flags", "revert", "board", "alpha", "--json"]);
    output.exits(0).prints(format!("{body}\n"));

    let (address, requests) = serve_answers(vec![String::new(), String::new()]);
    let output = run(address, &["flags", "kill", "board"]);
    output.exits(3);
    assert_eq!(requests.iter().count(), 2);
}

#[test]
fn interrupted_import_reports_the_imported_tenants() {
    let tenants: Vec<String> = (0..10_001).map(|index| format!("t{index}: {{}}")).collect();
    let document = format!("version: 1\ntenants: {{ {} }}\n", tenants.join(", "));
    let import = ["tenants", "import", "-f", "-", "--mode", "create"];
    let imported = r#"{"revision":7,"changed":true,"items":[{"id":"t0","outcome":"created"}]}"#;
    let problem = r#"{"code":"STORE_UNAVAILABLE","detail":"the disk is full"}"#;
    let rejected = || success(problem).replace("200 OK", "503 Service Unavailable");
    for (second, code, reported) in [
        (
            rejected(),
            1,
            "rejected, only the earlier requests of this command were applied:",
        ),
        (String::new(), 3, "the audit log shows whether a change was made"),
    ] {
        let (address, _asked) = serve_answers(vec![success(imported), second.clone()]);
        run_with_input(address, &import, document.clone())
            .exits(code)
            .prints("1 tenant: 1 created, 0 changed, 0 unchanged, 0 rejected\n")
            .reports("the import stopped: 1 of 10001 tenants has a result")
            .reports(reported);
        let (address, _asked) = serve_answers(vec![success(imported), second]);
        let json = [&import[..], &["--json"]].concat();
        let expected = match code {
            1 => format!("{imported}\n{problem}\n"),
            _ => format!("{imported}\n"),
        };
        run_with_input(address, &json, document.clone())
            .exits(code)
            .prints(expected)
            .reports("the import stopped: 1 of 10001 tenants has a result");
    }
    // The first request: nothing was imported.
    let (address, _asked) = serve_answers(vec![rejected()]);
    run_with_input(address, &import, document)
        .exits(1)
        .prints("")
        .reports("rejected, nothing was changed:");
}

#[test]
fn a_similar_flag_is_suggested_for_an_unknown_key() {
    let problem = r#"{"code":"FLAG_NOT_FOUND","detail":"unknown: it may have been removed"}"#;
    let missing = || success(problem).replace("200 OK", "404 Not Found");
    let flags = |key: &str| success(&format!(r#"{{"flags":[{{"key":"{key}"}}]}}"#));
    for command in [
        &["flags", "show", "bord"][..],
        &["flags", "explain", "bord"],
        &["flags", "kill", "bord"],
        &["flags", "restore", "bord"],
        &["flags", "promote", "bord", "beta"],
        &["flags", "revert", "bord", "alpha"],
        &["flags", "tiers", "bord"],
        &["flags", "tiers", "bord", "small=on"],
        &["flags", "rollout", "bord", "5"],
        &["flags", "rollout", "bord", "--remove"],
        &["flags", "sign-off", "bord", "--as", "operations"],
        &["tenants", "allow", "acme", "bord"],
        &["tenants", "disallow", "acme", "bord"],
        &["tenants", "override", "acme", "bord", "on"],
        &["tenants", "opt-in", "acme", "bord"],
        &["tenants", "opt-out", "acme", "bord"],
    ] {
        let (address, _asked) = serve_answers(vec![missing(), flags("board")]);
        run(address, command)
            .exits(1)
            .reports("help: did you mean `board`?");
        // A flag that is in the list is not similar to itself: the server hides it for another reason.
        let (address, _asked) = serve_answers(vec![missing(), flags("bord")]);
        let output = run(address, command);
        assert!(!output.exits(1).stderr.contains("did you mean"), "{output}");
    }
}

#[test]
fn a_change_that_is_not_idempotent_is_not_retried() {
    for arguments in [
        &["tenants", "set", "acme", "--tier", "large"][..],
        &["flags", "kill", "board", "--if-revision", "7"],
    ] {
        let (address, requests) = serve_answers(vec![String::new()]);
        let output = run(address, arguments);
        output.exits(3).prints("");
        assert!(
            output.stderr.contains("audit log") && !output.stderr.contains("sent again"),
            "{}",
            output.stderr
        );
        assert_eq!(requests.iter().count(), 1);
    }
}
