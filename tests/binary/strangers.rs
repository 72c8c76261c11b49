//! Commands that are pointed at something else than an admin API: an application that answers 200 to everything, the
//! public port of Sluice itself, another machine. No token gets there, and no good file is replaced.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use testkit::{After, Recorded, Upstream, reply, response};

use crate::answering::IDENTITY;
use crate::operating::ManagedServer;
use crate::process::{CommandOutput, SluiceProcess, sluice, sluice_with};

const TOKEN: &str = "sluice_bm8gcmVhbCB0b2tlbiwgYnV0IGFzIGxvbmcgYXMgaXQ";
/// What stands in the files that commands would write into.
const GOOD: &str = "as good as it was";

/// Commands that look, change, and write files.
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
    &["tenants", "list"],
    &["tenants", "set", "acme", "--tier", "large"],
    &["apply", "-f", "flags.yaml", "--yes"],
    &["explain", "GET", "/board"],
    &["whoami"],
];

/// A folder to ask from, with files that are good and a token.
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

pub(crate) fn asked(folder: &Path, command: &[&str], server: &str) -> CommandOutput {
    let arguments = [command, &["--server", server]].concat();
    sluice_with(&[("SLUICE_TOKEN", TOKEN)], folder, arguments)
}

/// Fails unless all is as it was in the folder.
#[track_caller]
pub(crate) fn check_untouched(folder: &Path) {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names, ["flags.yaml", "good"]);
    assert_eq!(fs::read_to_string(folder.join("good")).unwrap(), GOOD);
}

/// Fails unless all that arrived was one question, without a token.
#[track_caller]
fn check_only_asked(arrived: &[Recorded]) {
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

/// An application that gives this answer to everything.
fn application(answer: String) -> Upstream {
    Upstream::answering(move |_, stream| reply(stream, &answer))
}

#[test]
fn nothing_is_sent_to_an_application_that_answers_everything() {
    let json = r#"{"status":"ok","version":1,"flags":[],"revision":7,"changed":true,"ok":true,"entries":0}"#;
    for command in COMMANDS {
        let folder = folder();
        let upstream = application(response(200, "OK", json));
        let output = asked(folder.path(), command, &format!("http://{}", upstream.address()));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{command:?}: {}",
            output.stderr
        );
        assert!(
            output
                .stderr
                .contains("is not an admin API of Sluice (its answer has status 200)"),
            "{command:?}: {}",
            output.stderr
        );
        assert!(
            output
                .stderr
                .contains("what helps: the admin API is at `admin.address`")
        );
        check_untouched(folder.path());
        check_only_asked(&upstream.requests());
    }
}

#[test]
fn whatever_something_else_answers_it_is_no_admin_api() {
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
        let folder = folder();
        let upstream = application(answer.clone());
        let server = format!("http://{}", upstream.address());
        let output = asked(folder.path(), &["backup", "-o", "good", "--force"], &server);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{answer:.80}: {}",
            output.stderr
        );
        assert!(
            output.stderr.contains("is not an admin API of Sluice"),
            "{answer:.80}: {}",
            output.stderr
        );
        check_untouched(folder.path());
        check_only_asked(&upstream.requests());
    }
    assert_eq!(elsewhere.count(), 0, "a redirect is not followed");
}

#[test]
fn the_public_port_of_sluice_is_not_taken_for_its_admin_port() {
    let upstream = application(response(200, "OK", r#"{"status":"ok"}"#));
    let server = tempfile::tempdir().unwrap();
    let config = format!(
        "version: 1\nlisteners: [{{ name: public, address: '127.0.0.1:0' }}]\nadmin: {{ address: '127.0.0.1:0' }}\n\
         flags: {{ file: flags.yaml }}\nupstreams: {{ app: '{}' }}\nunmatched: {{ upstream: app }}\n",
        upstream.address()
    );
    fs::write(server.path().join("sluice.yaml"), config).unwrap();
    fs::write(
        server.path().join("flags.yaml"),
        "version: 1\nflags: { board: {} }\n",
    )
    .unwrap();
    let running = SluiceProcess::start(server.path(), ["run"]);
    let folder = folder();
    let public = format!("http://{}", running.listener());
    for command in COMMANDS {
        let before = upstream.count();
        let output = asked(folder.path(), command, &public);
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{command:?}: {}",
            output.stderr
        );
        check_untouched(folder.path());
        check_only_asked(&upstream.requests()[before..]);
    }
    // At the admin port of the same server, whose flags are in files.
    let output = sluice(
        folder.path(),
        [
            "flags",
            "list",
            "--server",
            &format!("http://{}", running.admin()),
        ],
        "",
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
}

/// An admin API of this identity that answers everything else like this.
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

pub(crate) fn sent(body: &[u8]) -> Vec<u8> {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

/// The same with a media type.
fn sent_as(media_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

#[test]
fn a_token_goes_over_the_connection_on_which_the_api_was_recognised() {
    let folder = folder();
    let whoami = response(200, "OK", r#"{"name":"ann","role":"viewer"}"#);
    let upstream = api(response(200, "OK", IDENTITY), move |_| {
        whoami.clone().into_bytes()
    });
    let output = asked(
        folder.path(),
        &["whoami"],
        &format!("http://{}/behind", upstream.address()),
    );
    assert_eq!(
        output.code, 3,
        "a prefix is part of the question: {}",
        output.stderr
    );
    assert_eq!(upstream.only().target(), "/behind/api/v1");
    let output = asked(
        folder.path(),
        &["whoami"],
        &format!("http://{}", upstream.address()),
    );
    assert_eq!(output.code, 0, "{}", output.stderr);
    let [question, request] = &upstream.requests()[1..] else {
        panic!("{:?}", upstream.requests())
    };
    assert_eq!(question.header("authorization"), None);
    let bearer = format!("Bearer {TOKEN}");
    assert_eq!(request.header("authorization"), Some(&*bearer));
    assert_eq!(question.connection, request.connection);
}

#[test]
fn a_kill_is_sent_once_more_where_the_connection_broke_before_the_api_was_recognised() {
    let folder = folder();
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
    let server = format!("http://{}", upstream.address());
    let output = asked(folder.path(), &["flags", "kill", "board"], &server);
    assert_eq!(
        (output.code, output.stdout.as_str()),
        (0, "board is off for everyone   revision 7\n")
    );
    assert!(
        output
            .stderr
            .contains("nothing was asked of it, and no token was sent; asked once more"),
        "{}",
        output.stderr
    );
    let targets: Vec<String> = upstream
        .requests()
        .iter()
        .map(|request| request.target().to_owned())
        .collect();
    assert_eq!(targets.len(), 3, "{targets:?}");
}

#[test]
fn another_version_and_connections_that_are_not_kept_are_told_before_a_token_is_sent() {
    let folder = folder();
    let newer = response(200, "OK", r#"{"service":"sluice-admin","api":"v2"}"#);
    let closing = response(200, "OK", IDENTITY).replacen("\r\n", "\r\nConnection: close\r\n", 1);
    for (identity, expected) in [
        (newer, "speaks version \"v2\" of the admin API"),
        (closing, "closes each connection after one answer"),
    ] {
        let upstream = api(identity, |_| sent(b"{}"));
        let output = asked(
            folder.path(),
            &["whoami"],
            &format!("http://{}", upstream.address()),
        );
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{}",
            output.stderr
        );
        assert!(output.stderr.contains(expected), "{}", output.stderr);
        assert!(output.stderr.contains("no token was sent"), "{}", output.stderr);
        check_only_asked(&upstream.requests());
    }
}

#[test]
fn a_token_leaves_this_machine_by_tls_only() {
    let folder = folder();
    fs::write(folder.path().join("token"), TOKEN).unwrap();
    // Addresses for documentation (RFC 5737, RFC 3849): nothing is there, and nothing is asked of it.
    for server in [
        "http://192.0.2.1:9090",
        "http://[2001:db8::1]:9090",
        "http://0.0.0.0:9090",
    ] {
        let started = Instant::now();
        let explained = [
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
        let explained = explained.map(|request| {
            let command = [&["explain", "--server", server][..], request].concat();
            sluice(folder.path(), command, "")
        });
        let signed_in = asked(folder.path(), &["whoami"], server);
        for output in explained.into_iter().chain([signed_in]) {
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (3, ""),
                "{}",
                output.stderr
            );
            assert!(
                output
                    .stderr
                    .contains("without TLS, beyond this machine; nothing was sent"),
                "{}",
                output.stderr
            );
            assert!(
                output.stderr.contains("what helps: write https://"),
                "{}",
                output.stderr
            );
        }
        assert!(started.elapsed() < Duration::from_secs(25), "it was asked");
    }
    let managed = ManagedServer::start();
    for server in [
        format!("http://{}", managed.admin()),
        format!("http://localhost:{}", managed.admin().port()),
    ] {
        let output = asked(folder.path(), &["whoami"], &server);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""), "{server}");
    }
}

#[test]
fn a_backup_that_is_none_or_not_whole_replaces_no_good_one() {
    let managed = ManagedServer::start();
    managed.done(&["flags", "kill", "board", "--reason", "INC-7"]);
    managed.done(&["backup", "-o", "copy"]);
    let whole = fs::read(managed.path().join("copy")).unwrap();
    let middle = whole.len() / 2;
    let mut altered = whole.clone();
    for byte in &mut altered[middle..middle + 4_096] {
        *byte ^= 0x55;
    }
    let stranger = {
        let path = managed.path().join("other");
        fs::write(&path, [&whole[..68], &[0; 4], &whole[72..]].concat()).unwrap();
        fs::read(path).unwrap()
    };
    let folder = folder();
    let backup = ["backup", "-o", "good", "--force"];
    for (what, body) in [
        ("JSON", br#"{"status":"ok"}"#.to_vec()),
        (
            "a page",
            b"<!DOCTYPE html><html><body>Sign in</body></html>".repeat(50),
        ),
        ("nothing", Vec::new()),
        ("its first half", whole[..middle].to_vec()),
        ("all but its end", whole[..whole.len() - 4_096].to_vec()),
        ("an altered page", altered),
        ("another application's database", stranger),
    ] {
        let upstream = api(response(200, "OK", IDENTITY), move |_| {
            sent_as("application/octet-stream", &body)
        });
        let output = asked(folder.path(), &backup, &format!("http://{}", upstream.address()));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{what}: {}",
            output.stderr
        );
        assert!(
            output.stderr.contains("is not a backup of a store"),
            "{what}: {}",
            output.stderr
        );
        assert!(
            !output.stderr.contains("the store is damaged"),
            "{what}: {}",
            output.stderr
        );
        check_untouched(folder.path());
    }
    let served = whole.clone();
    let upstream = api(response(200, "OK", IDENTITY), move |_| {
        sent_as("application/octet-stream", &served)
    });
    let output = asked(folder.path(), &backup, &format!("http://{}", upstream.address()));
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(fs::read(folder.path().join("good")).unwrap() == whole);
}

#[test]
fn an_export_that_is_none_replaces_no_good_one() {
    let folder = folder();
    let entry = format!(
        r#"{{"id":1,"revision":1,"previous":"{0}","hash":"{0}","text":"{{}}"}}"#,
        "00".repeat(32)
    );
    for (command, body) in [
        (&["export"][..], r#"{"status":"ok"}"#.to_owned()),
        (&["export"], r#"{"version":"1.0.3","flags":[]}"#.to_owned()),
        (&["export"], "<html>".to_owned()),
        // No revision of a store.
        (&["export"], r#"{"version":3,"name":"orders"}"#.to_owned()),
        (&["audit", "export"], r#"{"status":"ok"}"#.to_owned()),
        (&["audit", "export"], "{\"status\":\"ok\"}\n".to_owned()),
        (&["audit", "export"], format!("{entry}\n<html>\n")),
        (&["audit", "export"], format!("{entry}\n{entry}")),
    ] {
        let media_type = match command {
            ["audit", ..] => "application/jsonl",
            _ => "application/json",
        };
        let upstream = api(response(200, "OK", IDENTITY), move |_| {
            sent_as(media_type, body.as_bytes())
        });
        let command = [command, &["-o", "good", "--force"]].concat();
        let output = asked(folder.path(), &command, &format!("http://{}", upstream.address()));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{command:?}: {}",
            output.stderr
        );
        check_untouched(folder.path());
    }
    // What is empty, or of another type, is no export with no entries.
    let nothing = b"HTTP/1.1 204 No Content\r\n\r\n".to_vec();
    for (command, answer) in [
        (&["audit", "export", "-o", "good", "--force"][..], nothing.clone()),
        (&["audit", "export", "-o", "good", "--force"], sent(b"")),
        (&["audit", "verify"], nothing.clone()),
        (&["audit", "verify"], sent(b"")),
        (&["export", "-o", "good", "--force"], nothing),
        (&["export", "-o", "good", "--force"], sent(br#"{"version":1}"#)),
    ] {
        let upstream = api(response(200, "OK", IDENTITY), move |_| answer.clone());
        let output = asked(folder.path(), command, &format!("http://{}", upstream.address()));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{command:?}: {}",
            output.stderr
        );
        check_untouched(folder.path());
    }
    let upstream = api(response(200, "OK", IDENTITY), move |_| {
        sent_as("application/jsonl", format!("{entry}\n").as_bytes())
    });
    let command = ["audit", "export", "-o", "good", "--force"];
    let output = asked(folder.path(), &command, &format!("http://{}", upstream.address()));
    assert_eq!(output.code, 0, "{}", output.stderr);
    assert!(
        output.stderr.contains("1 entries exported to good"),
        "{}",
        output.stderr
    );
}
