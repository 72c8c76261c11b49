//! `--json`: each command that documents it prints JSON and nothing else to standard output, whether it succeeds or is
//! rejected.

use std::collections::BTreeSet;
use std::fs;

use serde_json::{Deserializer, Value};

use crate::help_pages::{HelpPage, help_pages};
use crate::managed_server::ManagedServer;
use crate::process::{CommandOutput, sluice};

use self::Printed::{Document, Documents, Nothing};

/// The output of a command that succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Printed {
    /// One JSON document.
    Document,
    /// JSON documents, one behind the other.
    Documents,
    /// Nothing: the answer is in a file.
    Nothing,
}

/// Commands that succeed if they run in this order, with the number of words of their names. Without a sign-in the same
/// commands are rejected by a server that requires it.
const SERVER_COMMANDS: &[(usize, &[&str], Printed)] = &[
    (1, &["apply", "-f", "flags.yaml", "--dry-run"], Document),
    (1, &["apply", "-f", "flags.yaml", "--yes"], Document),
    (1, &["apply", "-f", "flags.yaml", "--yes"], Document),
    (1, &["whoami"], Document),
    (1, &["log-level"], Document),
    (1, &["export"], Document),
    (1, &["export", "-o", "all.json"], Nothing),
    (1, &["backup", "-o", "copy"], Nothing),
    (1, &["explain", "GET", "/"], Document),
    (2, &["report", "shadow"], Document),
    (2, &["report", "coverage"], Document),
    (2, &["flags", "list"], Document),
    (2, &["flags", "show", "board"], Document),
    (2, &["flags", "explain", "board", "--tenant", "acme"], Document),
    (2, &["flags", "stale"], Document),
    (2, &["flags", "tiers", "board"], Document),
    (2, &["flags", "tiers", "board", "large=on"], Document),
    (2, &["flags", "rollout", "board", "10"], Document),
    (2, &["rollout", "plan", "board", "-f", "plan.yaml"], Document),
    (2, &["rollout", "list"], Document),
    (2, &["rollout", "show", "board"], Document),
    (2, &["rollout", "check", "board", "tests passing"], Document),
    (2, &["rollout", "start", "board", "--dry-run"], Document),
    (2, &["rollout", "start", "board"], Document),
    (2, &["rollout", "pause", "board"], Document),
    (2, &["rollout", "resume", "board"], Document),
    (2, &["rollout", "tick", "board"], Document),
    (2, &["rollout", "evidence", "board"], Document),
    (2, &["rollout", "advance", "board", "--force"], Document),
    (2, &["rollout", "advance", "board", "--force"], Document),
    // It ends with the plan, which is completed.
    (2, &["rollout", "watch", "board"], Document),
    (2, &["rollout", "document", "board"], Document),
    (2, &["rollout", "document", "board", "-o", "record.md"], Nothing),
    (2, &["rollout", "plan", "board", "-f", "plan.yaml"], Document),
    (2, &["rollout", "check", "board", "tests passing"], Document),
    (2, &["rollout", "start", "board"], Document),
    (2, &["rollout", "rollback", "board"], Document),
    (2, &["rollout", "cancel", "board"], Document),
    (2, &["rollout", "plan", "board", "--remove"], Document),
    (
        2,
        &[
            "rollout", "report", "board", "--org", "acme", "--cause", "no save",
        ],
        Document,
    ),
    (2, &["rollout", "reports", "board"], Document),
    (2, &["flags", "promote", "board", "beta", "--dry-run"], Document),
    (2, &["flags", "promote", "board", "beta"], Document),
    (2, &["flags", "sign-off", "board", "--as", "operations"], Document),
    (3, &["flags", "incidents", "open", "board", "INC-7"], Document),
    (3, &["flags", "incidents", "list", "board"], Document),
    (3, &["flags", "incidents", "close", "board", "INC-7"], Document),
    (1, &["announce", "board", "beta"], Document),
    (2, &["tenants", "allow", "acme", "board"], Document),
    (2, &["tenants", "disallow", "acme", "board"], Document),
    (2, &["tenants", "override", "acme", "board", "on"], Document),
    (2, &["tenants", "opt-in", "acme", "board"], Document),
    (2, &["tenants", "opt-out", "acme", "board"], Document),
    (2, &["tenants", "list"], Document),
    (2, &["tenants", "show", "acme"], Document),
    (2, &["tenants", "flags", "acme"], Document),
    (2, &["tenants", "set", "acme", "--tier", "small"], Document),
    (
        2,
        &["tenants", "set", "hooli", "--new", "--tier", "small"],
        Document,
    ),
    (
        2,
        &["tenants", "import", "-f", "flags.yaml", "--dry-run"],
        Document,
    ),
    (2, &["tenants", "import", "-f", "flags.yaml"], Document),
    (2, &["tenants", "remove", "globex", "--yes"], Document),
    (2, &["flags", "revert", "board", "alpha"], Document),
    (2, &["flags", "kill", "board"], Document),
    (2, &["flags", "restore", "board"], Document),
    (2, &["audit", "list"], Document),
    (2, &["audit", "list", "--org", "acme"], Document),
    (2, &["audit", "verify"], Document),
    (2, &["audit", "export"], Documents),
    (2, &["audit", "export", "-o", "log.jsonl"], Nothing),
];

/// Commands that succeed without the admin API, in this order after the ones above.
const LOCAL_COMMANDS: &[(usize, &[&str], Printed)] = &[
    (1, &["check"], Document),
    (1, &["explain", "--config", "files.yaml", "GET", "/"], Document),
    (2, &["audit", "verify", "--file", "log.jsonl"], Document),
    (
        2,
        &["flags", "kill", "board", "--socket", "sock", "--reason", "INC-7"],
        Document,
    ),
    (2, &["flags", "kills", "--socket", "sock"], Document),
    (2, &["flags", "restore", "board", "--socket", "sock"], Document),
    (2, &["flags", "kills", "--socket", "sock", "--journal"], Documents),
];

/// Rejections for other reasons than a missing sign-in, each with a JSON pointer into the output and the value there.
const REJECTIONS: &[(&[&str], &str, &str)] = &[
    (
        &["check", "--config", "bad.yaml"],
        "/problems/0/code",
        "unknown-field",
    ),
    (
        &["explain", "--config", "bad.yaml", "GET", "/"],
        "/problems/0/code",
        "unknown-field",
    ),
    (
        &["explain", "--config", "files.yaml", "GET", "/%00"],
        "/open",
        "false",
    ),
    (
        &["apply", "-f", "bad.yaml", "--yes"],
        "/problems/0/code",
        "unknown-field",
    ),
    (
        &["apply", "-f", "huge.yaml", "--yes"],
        "/code",
        "INVALID_DOCUMENT",
    ),
    (
        &["tenants", "import", "-f", "bad.yaml"],
        "/problems/0/code",
        "unknown-field",
    ),
    (
        &["tenants", "import", "-f", "flags.yaml", "--mode", "create"],
        "/items/0/refusal/code",
        "ALREADY_EXISTS",
    ),
    (
        &["tenants", "set", "acme", "--new", "--tier", "small"],
        "/items/0/refusal/code",
        "ALREADY_EXISTS",
    ),
    (&["flags", "promote", "board", "ga"], "/status", "409"),
    (&["flags", "show", "bord"], "/code", "FLAG_NOT_FOUND"),
    (
        &["rollout", "plan", "board", "-f", "bad.yaml"],
        "/problems/0/code",
        "unknown-field",
    ),
    (&["rollout", "show", "board"], "/code", "PLAN_NOT_FOUND"),
    (
        &["rollout", "approve", "board", "--as", "technical"],
        "/code",
        "PLAN_NOT_FOUND",
    ),
    (
        &["rollout", "close-report", "board", "1"],
        "/code",
        "REPORT_NOT_FOUND",
    ),
    (
        &["audit", "list", "--action", "nothing"],
        "/code",
        "INVALID_PARAMETER",
    ),
    (
        &[
            "audit",
            "verify",
            "--head",
            "1:0000000000000000000000000000000000000000000000000000000000000000",
        ],
        "/ok",
        "false",
    ),
    (&["audit", "verify", "--file", "altered.jsonl"], "/ok", "false"),
    (
        &["audit", "verify", "--file", "empty.jsonl"],
        "/problem",
        "it has no entries",
    ),
    (
        &["flags", "kill", "bord", "--socket", "sock", "--reason", "INC-7"],
        "/code",
        "FLAG_NOT_FOUND",
    ),
    (
        &["flags", "restore", "board", "--socket", "sock"],
        "/code",
        "NOT_KILLED",
    ),
];

/// A rollout plan. Without operators it has no approvals.
const PLAN: &str = "\
stages: [{ name: tenth, percentage: 10, for: 1h }, { name: half, percentage: 50, for: 1h }]
checklist: [tests passing]
rollback: exposure
";

/// Parses the standard output of a command as JSON documents.
#[track_caller]
fn documents(output: &CommandOutput) -> Vec<Value> {
    let parsed: Result<Vec<Value>, _> = Deserializer::from_str(&output.stdout).into_iter().collect();
    parsed.unwrap_or_else(|error| panic!("{error}: {output}"))
}

/// Fails unless the command succeeds and prints JSON of this form.
#[track_caller]
fn check_success(output: &CommandOutput, printed: Printed) {
    output.exits(0);
    let count = documents(output).len();
    let is_expected = match printed {
        Document => count == 1,
        Documents => count > 0,
        Nothing => count == 0,
    };
    assert!(is_expected, "{count} documents: {output}");
}

/// Fails unless the command is rejected with one JSON document, and prints nothing else.
#[track_caller]
fn check_rejection(output: &CommandOutput, pointer: &str, expected: &str) {
    output.exits(1);
    let printed = documents(output);
    assert!(printed.len() == 1 && output.stderr.is_empty(), "{output}");
    let found = printed[0].pointer(pointer).map(|found| match found {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    assert_eq!(found.as_deref(), Some(expected), "{pointer}: {output}");
}

#[test]
fn every_command_with_an_option_for_json_is_tested() {
    let is_leaf = |page: &HelpPage| page.subcommands().is_empty();
    let documented: BTreeSet<String> = help_pages()
        .iter()
        .filter(|page| is_leaf(page) && page.text.contains("--json"))
        .map(|page| page.command.join(" "))
        .collect();
    let mut tested: BTreeSet<String> = SERVER_COMMANDS
        .iter()
        .chain(LOCAL_COMMANDS)
        .map(|(words, command, _)| command[..*words].join(" "))
        .collect();
    // It needs operators: `rollouts` tests its success.
    tested.insert("rollout approve".to_owned());
    // It needs the id of a report: `rollouts` tests its success.
    tested.insert("rollout close-report".to_owned());
    // It needs the id of a request: `why` tests its success.
    tested.insert("why".to_owned());
    // It needs a server with a console: `console` tests its success.
    tested.insert("console".to_owned());
    assert_eq!(documented, tested);
}

#[test]
fn results_and_rejections_are_printed_as_json() {
    let managed = ManagedServer::empty(
        "admin: { address: '127.0.0.1:0' }\nbreak_glass: { socket: sock, journal: journal.jsonl }\n\
         control: { promotion: { soak: 0s, ga: { sign_offs: [operations] } } }\n",
    );
    let write = |name: &str, text: &str| fs::write(managed.path().join(name), text).unwrap();
    let config = fs::read_to_string(managed.path().join("sluice.yaml")).unwrap();
    write(
        "files.yaml",
        &config.replace("{ store: { sqlite: ./data } }", "{ file: flags.yaml }"),
    );
    write("plan.yaml", PLAN);
    write("bad.yaml", "version: 1\nflag: {}\n");
    write(
        "huge.yaml",
        "version: 1\ntiers: [small]\nflags: { board: {}, export: {} }\n",
    );
    write("empty.jsonl", "");
    let run = |command: &[&str]| managed.output(&[command, &["--json"]].concat());
    let run_locally = |command: &[&str]| {
        let command = [command, &["--json"]].concat();
        sluice(managed.path(), command, "")
    };
    for (_, command, printed) in SERVER_COMMANDS {
        check_success(&run(command), *printed);
    }
    for (_, command, printed) in LOCAL_COMMANDS {
        check_success(&run_locally(command), *printed);
    }
    let log = fs::read_to_string(managed.path().join("log.jsonl")).unwrap();
    write("altered.jsonl", &log.replace("flag_killed", "flag_kept"));
    for (command, pointer, expected) in REJECTIONS {
        let is_local = ["check", "--config", "--file", "--socket"]
            .iter()
            .any(|word| command.contains(word));
        let output = if is_local {
            run_locally(command)
        } else {
            run(command)
        };
        check_rejection(&output, pointer, expected);
    }
}

/// A C1 control that moves the cursor of 8-bit terminals, a bidi mark and a no-break space.
const UNSEEN: [char; 3] = ['\u{9b}', '\u{202e}', '\u{a0}'];

#[test]
fn json_has_no_control_or_invisible_character() {
    let managed = ManagedServer::empty("");
    let text: String = UNSEEN.iter().collect();
    let document = format!("version: 1\nflags: {{ board: {{ description: \"a{text}b\" }} }}\n");
    fs::write(managed.path().join("flags.yaml"), document).unwrap();
    managed.done(&["apply", "-f", "flags.yaml", "--yes"]);
    for command in [
        &["flags", "list", "--json"][..],
        &["flags", "show", "board", "--json"],
        &["apply", "-f", "flags.yaml", "--dry-run", "--json"],
        &["audit", "list", "--json"],
        &["export"],
        &["audit", "export"],
    ] {
        let output = managed.done(command);
        assert!(!output.contains(UNSEEN), "{command:?}: {output}");
        let parsed: Vec<Value> = Deserializer::from_str(&output)
            .into_iter()
            .collect::<Result<_, _>>()
            .unwrap();
        let is_whole = parsed
            .iter()
            .any(|value| said(value).contains(&format!("a{text}b")));
        assert!(is_whole || command[0] == "apply", "{command:?}: {output}");
    }
    managed.done(&["export", "-o", "all.json"]);
    managed.done(&["audit", "export", "-o", "log.jsonl"]);
    for file in ["all.json", "log.jsonl"] {
        let written = fs::read_to_string(managed.path().join(file)).unwrap();
        assert!(!written.contains(UNSEEN), "{file}: {written}");
    }
    managed.done(&["audit", "verify", "--file", "log.jsonl"]);
}

/// Returns all texts of a value, those of texts that are JSON themselves included.
fn said(value: &Value) -> String {
    match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(inner @ (Value::Object(_) | Value::Array(_))) => said(&inner),
            _ => text.clone(),
        },
        Value::Array(items) => items.iter().map(said).collect(),
        Value::Object(entries) => entries.values().map(said).collect(),
        _ => String::new(),
    }
}

#[test]
fn a_missing_sign_in_is_printed_as_json() {
    let managed = ManagedServer::with_operators(&[]);
    fs::write(managed.path().join("plan.yaml"), PLAN).unwrap();
    for (_, command, _) in SERVER_COMMANDS {
        let output = managed.output(&[*command, &["--json"]].concat());
        check_rejection(&output, "/code", "NOT_SIGNED_IN");
    }
}
