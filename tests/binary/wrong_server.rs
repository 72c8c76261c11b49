//! Commands whose server is not an admin API: an application that answers 200 to everything, the public port of Sluice,
//! another machine. No token is sent there, and no file is replaced.

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{After, Recorded, Upstream, reply, response};

use crate::answering::IDENTITY;
use crate::gateway_document::LISTENERS;
use crate::managed_server::ManagedServer;
use crate::process::{CommandOutput, SluiceProcess, sluice, sluice_with};

const TOKEN: &str = "sluice_bm8gcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXMgaXQ";
/// Content of the file that commands would replace.
const GOOD: &str = "as good as it was";

/// Commands that read, change, and write files.
const COMMANDS: &[&[&str]] = &[
    &["backup", "-o", "good", "--force"],
    &["backup", "-o", "new"],
    &["export", "-o", "good", "--force"],
    &["export", "-o", "new"],
    &["export"],
    &["audit", "export", "-o", "good", "--force"],
    &["audit", "export", "-o", "new"],
    &["audit", "export"],
    &["audit", "verify"],
    &["audit", "verify", "--json"],
    &["audit", "list"],
    &["flags", "list"],
    &["flags", "list", "--json"],
    &["flags", "show", "board"],
    &["flags", "stale"],
    &["flags", "explain", "board"],
    &["flags", "kill", "board", "--reason", "INC-7"],
    &["flags", "kill", "board", "--dry-run"],
    &["flags", "revert", "board", "alpha"],
    &["rollout", "list"],
    &["rollout", "rollback", "board"],
    &["tenants", "list"],
    &["tenants", "set", "acme", "--tier", "large"],
    &["apply", "-f", "flags.yaml", "--yes"],
    &["explain", "GET", "/board"],
    &["whoami"],
];

/// Returns a folder to run commands in, with a file that they would replace, and a flags document.
pub(crate) fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("good"), GOOD).unwrap();
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { board: {} }\n",
    )
    .unwrap();
    folder
}

fn url(upstream: &Upstream) -> String {
    format!("http://{}", upstream.address())
}

/// Runs a command with a token against this server.
fn run(folder: &TempDir, command: &[&str], server: &str) -> CommandOutput {
    let arguments = [command, &["--server", server]].concat();
    sluice_with(&[("SLUICE_TOKEN", TOKEN)], folder.path(), arguments)
}

/// Runs a command against this server. Fails unless the command reports that it got no valid answer, prints nothing,
/// and leaves the files of its folder as they were.
#[track_caller]
fn check_no_answer(command: &[&str], server: &str, case: &str) -> CommandOutput {
    let folder = folder();
    let output = run(&folder, command, server).for_case(case);
    output.exits(3).prints("");
    let mut names: Vec<String> = fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["flags.yaml", "good"], "{output}");
    assert_eq!(
        fs::read_to_string(folder.path().join("good")).unwrap(),
        GOOD,
        "{output}"
    );
    output
}

/// As `check_no_answer`, for a server that is an upstream of the test.
#[track_caller]
pub(crate) fn check_rejected(upstream: &Upstream, command: &[&str], case: &str) -> CommandOutput {
    check_no_answer(command, &url(upstream), case)
}

/// Fails unless exactly one request arrived: the one for the identity, without a token.
#[track_caller]
fn check_only_identity_requested(arrived: &[Recorded]) {
    let targets: Vec<(&str, &str)> = arrived
        .iter()
        .map(|request| (request.method(), request.target()))
        .collect();
    assert_eq!(targets, [("GET", "/api/v1")]);
    for request in arrived {
        assert_eq!(request.header("authorization"), None);
        assert!(!format!("{request:?}").contains(TOKEN));
    }
}

/// Starts an application that gives this answer to every request.
fn application(answer: String) -> Upstream {
    Upstream::answering(move |_, stream| reply(stream, &answer))
}

/// Starts an admin API with this identity that gives `answer` to every other request.
pub(crate) fn api(
    identity: String,
    answer: impl Fn(&Recorded) -> Vec<u8> + Send + Sync + 'static,
) -> Upstream {
    Upstream::answering(move |request, stream| {
        let bytes = match request.target() {
            "/api/v1" => identity.clone().into_bytes(),
            _ => answer(request),
        };
        match stream.write_all(&bytes) {
            Ok(()) => After::Keep,
            Err(_) => After::Close,
        }
    })
}

/// Starts an admin API that gives `answer` to every request but the one for its identity.
fn api_answering(answer: Vec<u8>) -> Upstream {
    api(response(200, "OK", IDENTITY), move |_| answer.clone())
}

/// Returns a response with status 200 and this body.
pub(crate) fn sent(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// Returns a response with status 200, this media type and this body.
fn sent_as(media_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn catch_all_application_receives_only_the_identity_request() {
    let json = r#"{"status":"ok","version":1,"flags":[],"revision":7,"changed":true,"ok":true,"entries":0}"#;
    for command in COMMANDS {
        let upstream = application(response(200, "OK", json));
        check_rejected(&upstream, command, json)
            .reports("is not an admin API of Sluice (its answer has status 200)")
            .reports("help: the admin API is at `admin.address`");
        check_only_identity_requested(&upstream.requests());
    }
}

#[test]
fn an_answer_that_is_not_the_identity_is_rejected() {
    let endless = "x".repeat(1_000_000);
    let elsewhere = application(response(200, "OK", IDENTITY));
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: http://{}/api/v1\r\nContent-Length: 0\r\n\r\n",
        elsewhere.address()
    );
    for answer in [
        response(200, "OK", "<html>hello</html>"),
        response(200, "OK", ""),
        response(200, "OK", "[]"),
        response(200, "OK", "null"),
        response(200, "OK", r#"{"service":"shop","api":"v1"}"#),
        response(200, "OK", r#"{"service":"sluice-admin"}"#),
        response(200, "OK", r#"{"service":["sluice-admin"],"api":"v1"}"#),
        response(200, "OK", &endless),
        response(404, "Not Found", IDENTITY),
        response(401, "Unauthorized", "{}"),
        response(500, "Oops", ""),
        redirect,
    ] {
        let upstream = application(answer.clone());
        check_rejected(&upstream, &["backup", "-o", "good", "--force"], &answer)
            .reports("is not an admin API of Sluice");
        check_only_identity_requested(&upstream.requests());
    }
    assert_eq!(elsewhere.count(), 0, "a redirect is not followed");
}

#[test]
fn public_listener_is_not_accepted_as_the_admin_listener() {
    let upstream = application(response(200, "OK", r#"{"status":"ok"}"#));
    let server = tempfile::tempdir().unwrap();
    let config = format!(
        "{LISTENERS}flags: {{ file: flags.yaml }}\nupstreams: {{ app: '{}' }}\nunmatched: {{ upstream: app }}\n",
        upstream.address()
    );
    fs::write(server.path().join("sluice.yaml"), config).unwrap();
    fs::write(
        server.path().join("flags.yaml"),
        "version: 1\nflags: { board: {} }\n",
    )
    .unwrap();
    let running = SluiceProcess::start(server.path(), ["run"]);
    let public = format!("http://{}", running.listener());
    for command in COMMANDS {
        let before = upstream.count();
        check_no_answer(command, &public, "the public listener");
        check_only_identity_requested(&upstream.requests()[before..]);
    }
    // The admin listener of the same server, whose flags are in files.
    let admin = format!("http://{}", running.admin());
    sluice(folder().path(), ["flags", "list", "--server", &admin], "").exits(0);
}

#[test]
fn a_token_uses_the_connection_that_identified_the_api() {
    let folder = folder();
    let upstream = api_answering(response(200, "OK", r#"{"name":"ann","role":"viewer"}"#).into_bytes());
    let behind = format!("{}/behind", url(&upstream));
    run(&folder, &["whoami"], &behind)
        .for_case("the path of the identity includes the prefix")
        .exits(3);
    assert_eq!(upstream.only().target(), "/behind/api/v1");
    run(&folder, &["whoami"], &url(&upstream)).exits(0);
    let [identity, request] = &upstream.requests()[1..] else {
        panic!("{:?}", upstream.requests())
    };
    assert_eq!(identity.header("authorization"), None);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(request.header("authorization"), Some(&*bearer));
    assert_eq!(identity.connection, request.connection);
}

#[test]
fn a_kill_is_retried_if_the_identity_request_failed() {
    let broken = AtomicBool::new(false);
    let upstream = Upstream::answering(move |request, stream| {
        if !broken.swap(true, Ordering::SeqCst) {
            return After::Close;
        }
        match request.target() {
            "/api/v1" => reply(stream, &response(200, "OK", IDENTITY)),
            _ => reply(stream, &response(200, "OK", r#"{"revision":7,"changed":true}"#)),
        }
    });
    run(&folder(), &["flags", "kill", "board"], &url(&upstream))
        .exits(0)
        .prints("board is off for everyone   revision 7\n")
        .reports("no request and no token was sent; sent again");
    assert_eq!(upstream.requests().len(), 3);
}

#[test]
fn no_token_is_sent_to_another_version_or_a_closed_connection() {
    let newer = response(200, "OK", r#"{"service":"sluice-admin","api":"v2"}"#);
    let closing = response(200, "OK", IDENTITY).replacen("\r\n", "\r\nConnection: close\r\n", 1);
    for (identity, expected) in [
        (newer, "has version \"v2\" of the admin API"),
        (closing, "closes each connection after one answer"),
    ] {
        let upstream = api(identity, |_| sent(b"{}"));
        check_rejected(&upstream, &["whoami"], expected)
            .reports(expected)
            .reports("no token was sent");
        check_only_identity_requested(&upstream.requests());
    }
}

#[test]
fn token_is_sent_to_other_hosts_only_over_tls() {
    let folder = folder();
    // Addresses for documentation (RFC 5737, RFC 3849), at which nothing listens.
    for server in [
        "http://192.0.2.1:9090",
        "http://[2001:db8::1]:9090",
        "http://0.0.0.0:9090",
    ] {
        let started = Instant::now();
        let requests = [
            &["--token", "eyJ.e30.x", "GET", "/"][..],
            &["--header", "Authorization: Bearer eyJ.e30.x", "GET", "/"],
            &[
                "--header",
                "Accept: */*",
                "--header",
                "cookie: session=x",
                "GET",
                "/",
            ],
            &["--header", "Proxy-Authorization: Basic eDp5", "GET", "/"],
            &["--header", "X-Session: x", "GET", "/"],
            &["GET", "/?access_token=eyJ.e30.x"],
            &["GET", "http://ann:x@localhost/"],
        ];
        let explained = requests.map(|request| {
            let command = [&["explain", "--server", server][..], request].concat();
            sluice(folder.path(), command, "")
        });
        let signed_in = run(&folder, &["whoami"], server);
        for output in explained.into_iter().chain([signed_in]) {
            output
                .exits(3)
                .prints("")
                .reports("would leave this machine without TLS")
                .reports("help: write https://");
        }
        assert!(started.elapsed() < Duration::from_secs(25), "it connected");
    }
    let managed = ManagedServer::start();
    for server in [
        format!("http://{}", managed.admin()),
        format!("http://localhost:{}", managed.admin().port()),
    ] {
        let output = run(&folder, &["whoami"], &server);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{server}");
    }
}

#[test]
fn an_invalid_backup_replaces_no_file() {
    let managed = ManagedServer::start();
    managed.done(&["flags", "kill", "board", "--reason", "INC-7"]);
    managed.done(&["backup", "-o", "copy"]);
    let whole = fs::read(managed.path().join("copy")).unwrap();
    let middle = whole.len() / 2;
    let mut altered = whole.clone();
    for byte in &mut altered[middle..middle + 4_096] {
        *byte ^= 0x55;
    }
    // The application id in the header of the database is another.
    let foreign = [&whole[..68], &[0; 4], &whole[72..]].concat();
    let backup = ["backup", "-o", "good", "--force"];
    for (case, body) in [
        ("JSON", br#"{"status":"ok"}"#.to_vec()),
        (
            "a page",
            b"<!DOCTYPE html><html><body>Sign in</body></html>".repeat(50),
        ),
        ("nothing", Vec::new()),
        ("the first half", whole[..middle].to_vec()),
        ("all but the end", whole[..whole.len() - 4_096].to_vec()),
        ("an altered page", altered),
        ("the database of another application", foreign),
    ] {
        let upstream = api_answering(sent_as("application/octet-stream", &body));
        let output = check_rejected(&upstream, &backup, case);
        output.reports("is not a backup of a store");
        assert!(!output.stderr.contains("the store is damaged"), "{output}");
    }
    let upstream = api_answering(sent_as("application/octet-stream", &whole));
    let folder = folder();
    run(&folder, &backup, &url(&upstream)).exits(0);
    assert!(fs::read(folder.path().join("good")).unwrap() == whole);
}

#[test]
fn an_invalid_export_replaces_no_file() {
    let entry = format!(
        r#"{{"id":1,"revision":1,"previous":"{0}","hash":"{0}","text":"{{}}"}}"#,
        "00".repeat(32)
    );
    let document = |body: &str| sent_as("application/json", body.as_bytes());
    let log = |body: &str| sent_as("application/jsonl", body.as_bytes());
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    let export = &["export", "-o", "good", "--force"][..];
    let audit_export = &["audit", "export", "-o", "good", "--force"][..];
    let verify = &["audit", "verify"][..];
    for (case, command, answer) in [
        ("no version", export, document(r#"{"status":"ok"}"#)),
        (
            "flags as a list",
            export,
            document(r#"{"version":"1.0.3","flags":[]}"#),
        ),
        ("HTML", export, document("<html>")),
        (
            "no revision",
            export,
            document(r#"{"version":3,"name":"orders"}"#),
        ),
        ("no line break", audit_export, log(r#"{"status":"ok"}"#)),
        ("no entry", audit_export, log("{\"status\":\"ok\"}\n")),
        (
            "an invalid second line",
            audit_export,
            log(&format!("{entry}\n<html>\n")),
        ),
        (
            "a last line without its end",
            audit_export,
            log(&format!("{entry}\n{entry}")),
        ),
        // An empty body, or one of another type, is not an export without entries.
        ("no content", audit_export, nothing.clone()),
        ("an empty body", audit_export, sent(b"")),
        ("no content", verify, nothing.clone()),
        ("an empty body", verify, sent(b"")),
        ("no content", export, nothing),
        ("another media type", export, sent(br#"{"version":1}"#)),
    ] {
        check_rejected(&api_answering(answer), command, case);
    }
    let upstream = api_answering(log(&format!("{entry}\n")));
    run(&folder(), audit_export, &url(&upstream))
        .exits(0)
        .reports("1 entry exported to good");
}
