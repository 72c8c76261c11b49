//! Commands for a server that need none: tokens, exit codes, verification of files, completion.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::answering::{serve_answers, success};
use crate::process::{sluice, sluice_with};

#[test]
fn a_token_is_printed_once_and_its_entry_holds_only_the_hash() {
    let folder = tempfile::tempdir().unwrap();
    let output = sluice(
        folder.path(),
        [
            "operators",
            "token",
            "--name",
            "ann",
            "--role",
            "operator",
            "--expires",
            "2027-01-01T00:00:00Z",
        ],
        "",
    );
    output.exits(0);
    let token = output.stdout.trim();
    assert!(token.starts_with("sluice_") && token.len() > 40, "{token}");
    assert!(!output.stderr.contains(token), "{}", output.stderr);
    let entry = output
        .stderr
        .lines()
        .find(|line| line.starts_with("- {"))
        .unwrap();
    assert!(
        entry.starts_with("- { name: \"ann\", role: \"operator\", hash: \"hmac-sha256:")
            && entry.ends_with("\", expires: \"2027-01-01T00:00:00Z\" }"),
        "{entry}"
    );
}

#[test]
fn a_token_file_is_readable_by_its_owner_and_replaces_none() {
    let folder = tempfile::tempdir().unwrap();
    let issue = [
        "operators",
        "token",
        "--name",
        "ann",
        "--role",
        "viewer",
        "-o",
        "ann.token",
    ];
    let output = sluice(folder.path(), issue, "");
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    assert!(
        output.stdout.starts_with("- { name: \"ann\", "),
        "{}",
        output.stdout
    );
    let file = folder.path().join("ann.token");
    let token = fs::read_to_string(&file).unwrap();
    assert!(
        token.starts_with("sluice_") && !output.stdout.contains(token.trim()),
        "{}",
        output.stdout
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let output = sluice(folder.path(), issue, "");
    output
        .exits(1)
        .prints("")
        .reports("the file ann.token exists already");
    assert_eq!(fs::read_to_string(&file).unwrap(), token);
}

#[test]
fn world_readable_and_unused_tokens_cause_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{closed_port}");
    let file = folder.path().join("ann.token");
    fs::write(&file, "sluice_x\n").unwrap();
    let output = |mode: u32, variables: &[(&str, &str)]| {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        sluice_with(variables, folder.path(), ["whoami", "--server", &server]).stderr
    };
    let named = ("SLUICE_TOKEN_FILE", "ann.token");
    let warned = output(0o644, &[named]);
    assert!(
        warned.contains("warning: everybody on this machine can read the token in ann.token (mode 644): chmod 600 ann.token"),
        "{warned}"
    );
    for mode in [0o600, 0o640] {
        assert!(!output(mode, &[named]).contains("warning"), "{mode:o}");
    }
    let warned = output(0o600, &[named, ("SLUICE_TOKEN", "sluice_y")]);
    assert!(warned.contains("warning: SLUICE_TOKEN is not used"), "{warned}");
    assert!(!output(0o600, &[("SLUICE_TOKEN", "sluice_y")]).contains("warning"));
}

#[test]
fn only_an_org_admin_has_an_org() {
    let folder = tempfile::tempdir().unwrap();
    for (role, org) in [("org-admin", None), ("operator", Some("acme"))] {
        let mut arguments = vec!["operators", "token", "--name", "ann", "--role", role];
        arguments.extend(org.iter().flat_map(|org| ["--org", *org]));
        let output = sluice(folder.path(), arguments, "");
        output.exits(1).prints("");
    }
}

#[test]
fn an_unreachable_server_has_its_own_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for server in [format!("http://{closed_port}"), "unix:./nowhere".to_owned()] {
        let output = sluice(folder.path(), ["whoami", "--server", &server], "");
        output.exits(3).reports("can't reach");
        let help = output
            .stderr
            .lines()
            .find_map(|line| line.strip_prefix("help: "))
            .unwrap();
        assert!(help.starts_with("`sluice run` "), "{help}");
    }
    // The option may also stand before the command.
    let server = format!("http://{closed_port}");
    let output = sluice(folder.path(), ["--server", &server, "whoami"], "");
    output.exits(3).reports(&server);
    let output = sluice(folder.path(), ["whoami", "--server", "127.0.0.1:9090"], "");
    output.exits(2);
    let output = sluice(folder.path(), ["whoami", "--token-file", "nowhere"], "");
    output.exits(1);
}

#[test]
fn other_servers_are_not_accepted_as_the_api() {
    let folder = tempfile::tempdir().unwrap();
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>",
        "HTTP/1.1 404 Not Found\r\ncontent-length: 6\r\n\r\n<html>",
        "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let answering = std::thread::spawn(move || {
            use std::io::{Read, Write};
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]).unwrap();
            stream.write_all(answer.as_bytes()).unwrap();
        });
        let output = sluice(folder.path(), ["whoami", "--server", &server], "");
        answering.join().unwrap();
        output.for_case(answer).exits(3).prints("");
    }
}

#[test]
fn silent_server_is_reported_after_the_timeout() {
    let folder = tempfile::tempdir().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", listener.local_addr().unwrap());
    let output = sluice(
        folder.path(),
        ["whoami", "--server", &server, "--timeout", "1s"],
        "",
    );
    output.exits(3).reports("within 1 s");
}

#[test]
fn an_exported_log_is_verified_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("empty.jsonl"), "").unwrap();
    fs::write(folder.path().join("other.jsonl"), "{\"id\":1}\n").unwrap();
    let output = sluice(folder.path(), ["audit", "verify", "--file", "empty.jsonl"], "");
    output.exits(1).prints("").reports("it has no entries");
    let output = sluice(folder.path(), ["audit", "verify", "--file", "other.jsonl"], "");
    output.exits(1).prints("");
    let kept = format!("3:{}", "ab".repeat(32));
    let output = sluice(
        folder.path(),
        ["audit", "verify", "--file", "empty.jsonl", "--head", &kept],
        "",
    );
    output.exits(1).reports("truncated");
}

#[test]
fn an_invalid_document_is_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("flags.yaml"),
        "version: 1\nflags: { a: { lifecicle: beta } }\n",
    )
    .unwrap();
    let closed_port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("http://{closed_port}");
    let output = sluice(
        folder.path(),
        ["apply", "-f", "flags.yaml", "--server", &server],
        "",
    );
    output.exits(1).reports("flags.yaml:2").reports("lifecycle");
}

#[test]
fn completion_scripts_contain_every_command() {
    let folder = tempfile::tempdir().unwrap();
    for shell in ["bash", "zsh", "fish"] {
        let output = sluice(folder.path(), ["completion", shell], "");
        output.exits(0);
        for command in ["sign-off", "opt-out", "verify", "backup"] {
            assert!(
                output.stdout.contains(command),
                "{shell} does not complete {command}"
            );
        }
    }
}

#[test]
fn hints_name_codes_of_the_api() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    // Problems are in the reference, notes of changes in the guide to the API.
    let known = ["docs/errors.md", "docs/api.md"]
        .map(|page| fs::read_to_string(root.join(page)).unwrap())
        .concat();
    let help = fs::read_to_string(root.join("src/cli/command_hints.rs")).unwrap();
    let refused = fs::read_to_string(root.join("src/cli/rejection.rs")).unwrap();
    let urgent = fs::read_to_string(root.join("src/cli/urgent.rs")).unwrap();
    let is_code =
        |text: &&str| text.len() > 6 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    let mut count = 0;
    for source in [&help, &refused, &urgent] {
        let source = source.split("#[cfg(test)]").next().unwrap();
        for code in source.split('"').skip(1).step_by(2).filter(is_code) {
            assert!(
                known.contains(&format!("`{code}`")),
                "{code} is no code of the API"
            );
            count += 1;
        }
    }
    assert!(count > 15, "{count}");
}

#[test]
fn apply_requires_the_revision_that_was_shown() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: { a: {} }\n").unwrap();
    let shown = r#"{"revision":7,"preview":{"tenants_total":0},"difference":{"added":[{"section":"flag","name":"a"}]}}"#;
    let lost = r#"{"code":"REVISION_CONFLICT","detail":"the store is at revision 8, not 7","status":412}"#;
    let conflict = success(lost).replace("200 OK", "412 Precondition Failed");
    let (address, requests) = serve_answers(vec![success(shown), conflict]);
    let server = format!("http://{address}");
    let output = sluice(
        folder.path(),
        ["apply", "-f", "flags.yaml", "--yes", "--server", &server],
        "",
    );
    let requests: Vec<String> = requests
        .iter()
        .map(|request| request.to_ascii_lowercase())
        .collect();
    assert!(
        requests[0].starts_with("put /api/v1/platform/document?dry_run=true http/1.1\r\n"),
        "{}",
        requests[0]
    );
    assert!(!requests[0].contains("if-match"), "{}", requests[0]);
    assert!(
        requests[1].starts_with("put /api/v1/platform/document http/1.1\r\n"),
        "{}",
        requests[1]
    );
    assert!(requests[1].contains("\r\nif-match: \"7\"\r\n"), "{}", requests[1]);
    output
        .exits(1)
        .reports("rejected, nothing was changed:\n  REVISION_CONFLICT ");
}
