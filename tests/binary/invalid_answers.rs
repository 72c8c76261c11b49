//! Answers of a server that identifies itself as an admin API and then answers as none does. Each command exits with 3,
//! and reports neither an empty result nor a problem.

use std::fs;

use testkit::{Upstream, response};

use crate::answering::IDENTITY;
use crate::process::sluice;
use crate::wrong_server::{api, check_rejected, folder, sent};

/// Commands that change nothing.
const READS: &[&[&str]] = &[
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
    &["report", "coverage"],
    &["report", "shadow"],
    &["report", "shadow", "--json"],
    &["rollout", "advance", "board"],
    &["rollout", "list"],
    &["rollout", "show", "board"],
    &["rollout", "show", "board", "--json"],
    &["rollout", "start", "board"],
    &["tenants", "flags", "acme"],
    &["tenants", "list"],
    &["tenants", "show", "acme"],
    &["tenants", "show", "acme", "--json"],
    &["whoami"],
    &["why", "0123456789abcdef0123456789abcdef"],
    &["whoami", "--json"],
];

/// Bodies that answer none of these commands.
const BODIES: &[&str] = &[
    r#"{"ok":true}"#,
    "{\"ok\":true}\n",
    r#"{"flags":{},"orgs":"x","entries":1,"key":7,"id":[],"steps":0,"open":"yes","name":1,"items":null}"#,
    "[]",
    "null",
    "",
    "<html>",
];

fn answering(body: &'static str) -> Upstream {
    api(response(200, "OK", IDENTITY), move |_| sent(body.as_bytes()))
}

#[test]
fn an_answer_without_its_required_members_is_invalid() {
    for body in BODIES {
        let upstream = answering(body);
        for command in READS {
            check_rejected(&upstream, command, body);
        }
    }
}

#[test]
fn a_document_counts_as_applied_only_with_a_difference() {
    let body = r#"{"preview":{}}"#;
    for command in [
        &["apply", "-f", "flags.yaml", "--yes"][..],
        &["apply", "-f", "flags.yaml", "--dry-run"],
        &["apply", "-f", "flags.yaml", "--dry-run", "--json"],
    ] {
        let upstream = answering(body);
        check_rejected(&upstream, command, body);
        assert_eq!(
            upstream.count(),
            2,
            "only the identity and the dry run are requested"
        );
    }
}

#[test]
fn a_file_that_is_not_a_log_is_reported_as_altered() {
    let folder = folder();
    fs::write(folder.path().join("log"), "{\"ok\":true}\n").unwrap();
    let verify = ["audit", "verify", "--file", "log"];
    sluice(folder.path(), verify, "")
        .exits(1)
        .reports("line 1 is not an entry");
}
