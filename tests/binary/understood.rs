//! Answers of what says that it is an admin API and answers as none would: each command exits with 3, and says neither
//! that there is nothing nor that something is wrong.

use std::fs;

use testkit::response;

use crate::answering::IDENTITY;
use crate::strangers::{api, asked, check_untouched, folder, sent};

/// Commands that change nothing.
const LOOKS: &[&[&str]] = &[
    &["audit", "export"],
    &["audit", "list"],
    &["audit", "list", "--json"],
    &["audit", "verify"],
    &["audit", "verify", "--json"],
    &["backup", "-o", "good", "--force"],
    &["explain", "GET", "/board"],
    &["explain", "--json", "GET", "/board"],
    &["export"],
    &["flags", "explain", "board"],
    &["flags", "kill", "board", "--dry-run"],
    &["flags", "list"],
    &["flags", "list", "--json"],
    &["flags", "promote", "board", "beta"],
    &["flags", "rollout", "board", "5"],
    &["flags", "show", "board"],
    &["flags", "show", "board", "--json"],
    &["flags", "stale"],
    &["flags", "tiers", "board"],
    &["tenants", "flags", "acme"],
    &["tenants", "list"],
    &["tenants", "show", "acme"],
    &["tenants", "show", "acme", "--json"],
    &["whoami"],
    &["whoami", "--json"],
];

/// Bodies that are no answer to any of them.
const BODIES: &[&str] = &[
    r#"{"ok":true}"#,
    "{\"ok\":true}\n",
    r#"{"flags":{},"orgs":"x","entries":1,"key":7,"id":[],"steps":0,"passes":"yes","name":1,"items":null}"#,
    "[]",
    "null",
    "",
    "<html>",
];

#[test]
fn an_answer_without_what_it_must_have_is_not_understood() {
    for body in BODIES {
        let upstream = api(response(200, "OK", IDENTITY), move |_| sent(body.as_bytes()));
        let server = format!("http://{}", upstream.address());
        for command in LOOKS {
            let folder = folder();
            let output = asked(folder.path(), command, &server);
            assert_eq!(
                (output.code, output.stdout.as_str()),
                (3, ""),
                "{command:?} {body}: {}",
                output.stderr
            );
            check_untouched(folder.path());
        }
    }
}

#[test]
fn a_document_is_in_force_only_where_the_answer_says_what_it_changes() {
    let folder = folder();
    for command in [
        &["apply", "-f", "flags.yaml", "--yes"][..],
        &["apply", "-f", "flags.yaml", "--dry-run"],
        &["apply", "-f", "flags.yaml", "--dry-run", "--json"],
    ] {
        let upstream = api(response(200, "OK", IDENTITY), |_| sent(br#"{"preview":{}}"#));
        let output = asked(folder.path(), command, &format!("http://{}", upstream.address()));
        assert_eq!(
            (output.code, output.stdout.as_str()),
            (3, ""),
            "{command:?}: {}",
            output.stderr
        );
        assert_eq!(upstream.count(), 2, "nothing but the question was asked");
    }
}

#[test]
fn an_exported_file_that_is_no_log_is_told_as_before() {
    let folder = folder();
    fs::write(folder.path().join("log"), "{\"ok\":true}\n").unwrap();
    let verify = ["audit", "verify", "--file", "log"];
    let output = crate::process::sluice(folder.path(), verify, "");
    assert_eq!(output.code, 1, "{}", output.stderr);
    assert!(output.stderr.contains("line 1 is no entry"), "{}", output.stderr);
}
