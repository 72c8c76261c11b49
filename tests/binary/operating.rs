//! The commands that operate flags, as people and scripts use them, against a server whose flags are in a store.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use crate::managed_server::{FLAGS, ManagedServer};
use crate::operator_tokens::OperatorToken;
use crate::process::sluice;

/// Options of an urgent promotion.
const URGENT: &[&str] = &[
    "--decision-maker",
    "cto",
    "--incident",
    "INC-1",
    "--reason",
    "outage",
];

#[test]
fn a_rejection_is_text_for_people_and_json_for_scripts() {
    let managed = ManagedServer::start();
    let promote = ["flags", "promote", "board", "ga"];
    let output = managed.refused(&promote);
    assert_eq!(output.stdout, "");
    for part in [
        "rejected, nothing was changed:\n",
        "  SOAK_NOT_ELAPSED ",
        "  STATE_SKIPPED ",
        "  EXIT_CRITERIA ",
        "urgent promotion (needs the role platform-admin):  sluice flags promote board ga --decision-maker NAME",
        "request ",
    ] {
        output.reports(part);
    }
    let output = managed.refused(&[&promote[..], &["--json"]].concat());
    let problem: Value = serde_json::from_str(&output.stdout).unwrap();
    assert_eq!(
        (problem["status"].as_u64(), output.stderr.as_str()),
        (Some(409), "")
    );
    let id = problem["request_id"].as_str().unwrap();
    let entries = managed.json(&["audit", "list", "--flag", "board", "--limit", "1"]);
    assert_eq!(entries["entries"][0]["request_id"], id);
    assert_eq!(entries["entries"][0]["outcome"], "refused");
}

#[test]
fn unknown_names_are_reported_with_suggestions() {
    let managed = ManagedServer::start();
    for (arguments, code) in [
        (&["flags", "show", "bord"][..], "FLAG_NOT_FOUND"),
        (&["flags", "kill", "bord"], "FLAG_NOT_FOUND"),
        (&["tenants", "show", "nobody"], "TENANT_NOT_FOUND"),
        (&["tenants", "allow", "nobody", "board"], "TENANT_NOT_FOUND"),
        (&["flags", "tiers", "board", "huge=on"], "INVALID_DOCUMENT"),
        (&["audit", "list", "--action", "nothing"], "INVALID_PARAMETER"),
    ] {
        let output = managed.refused(arguments);
        output.reports(code);
        assert!(
            !output.stderr.contains("problems`") && !output.stderr.contains("document:"),
            "{}",
            output.stderr
        );
        let is_mistyped = arguments.contains(&"bord");
        assert_eq!(
            output.stderr.contains("did you mean `board`?"),
            is_mistyped,
            "{}",
            output.stderr
        );
    }
}

#[test]
fn a_document_may_come_from_standard_input() {
    let managed = ManagedServer::empty("");
    let server = format!("http://{}", managed.admin());
    let apply = ["apply", "-f", "-", "--yes", "--server", &server];
    let output = sluice(managed.path(), apply, FLAGS);
    assert_eq!(
        (output.code, output.stderr.as_str()),
        (0, ""),
        "{}",
        output.stdout
    );
    let output = sluice(managed.path(), apply, "version: 1\nflag: {}\n");
    assert!(
        output.code == 1 && output.stderr.contains("--> -:2:1"),
        "{}",
        output.stderr
    );
}

#[test]
fn dry_run_command_lists_changed_tenants() {
    let managed = ManagedServer::start();
    let before = managed.revision();
    let output = managed.done(&["tenants", "override", "acme", "board", "on", "--dry-run"]);
    assert!(
        output.starts_with("1 of 2 tenants changes:\n  + acme   off -> on   ("),
        "{output}"
    );
    assert_eq!(managed.revision(), before);
    let output = managed.done(&["tenants", "override", "acme", "board", "on", "--reason", "pilot"]);
    assert_eq!(
        output,
        format!("board is overridden for acme: on   revision {}\n", before + 1)
    );
    let output = managed.done(&["tenants", "override", "acme", "board", "on"]);
    assert!(output.starts_with("nothing to change   revision "), "{output}");
    let entry = &managed.json(&["audit", "list", "--org", "acme"])["entries"][0];
    assert_eq!(
        (entry["action"].as_str(), entry["reason"].as_str()),
        (Some("feature_flag.enabled"), Some("pilot"))
    );
}

#[test]
fn dry_run_reports_that_force_is_needed() {
    let admin = "admin: { address: \"127.0.0.1:0\" }\ncontrol: { max_blast_radius: 1 }\n";
    let managed = ManagedServer::empty(admin);
    managed.done(&["apply", "-f", "flags.yaml", "--yes"]);
    managed.done(&[&["flags", "promote", "board", "beta"][..], URGENT].concat());
    let promote = [&["flags", "promote", "board", "ga"][..], URGENT].concat();
    let forced = "needs --force: more tenants change than `max_blast_radius`";
    let output = managed.done(&[&promote[..], &["--dry-run"]].concat());
    assert!(
        output.starts_with("2 of 2 tenants change:\n") && output.contains(forced),
        "{output}"
    );
    let output = managed.refused(&promote);
    output.reports("BLAST_RADIUS");
    let output = managed.done(&[&promote[..], &["--dry-run", "--force"]].concat());
    assert!(!output.contains(forced), "{output}");
    managed.done(&[&promote[..], &["--force"]].concat());
    // No tenant changes without a user, and any user may change.
    let document = FLAGS.replace(
        "board: { revertible: true }",
        "board: { revertible: true, rules: [{ when: { attribute: user, exists: true }, serve: off }] }",
    );
    fs::write(managed.path().join("rules.yaml"), document).unwrap();
    let output = managed.refused(&["apply", "-f", "rules.yaml"]);
    assert!(
        output.stdout.contains("and users of 2 more tenants may") && output.stdout.contains(forced),
        "{}{}",
        output.stdout,
        output.stderr
    );
}

#[test]
fn an_override_is_set_and_removed() {
    let managed = ManagedServer::start();
    for (variant, shown) in [
        ("on", Some("board on")),
        ("off", Some("board off")),
        ("true", Some("board on")),
        ("none", None),
    ] {
        managed.done(&["tenants", "override", "acme", "board", variant]);
        let output = managed.done(&["tenants", "show", "acme"]);
        let line = output.lines().find_map(|line| line.strip_prefix("override"));
        assert_eq!(line.map(str::trim), shown, "{output}");
    }
    for (allow, shown) in [("allow", true), ("disallow", false)] {
        managed.done(&["tenants", allow, "acme", "board"]);
        assert_eq!(
            managed
                .done(&["tenants", "show", "acme"])
                .contains("beta allowlist"),
            shown
        );
    }
}

#[test]
fn an_outdated_revision_changes_nothing() {
    let managed = ManagedServer::start();
    let revision = managed.revision();
    let (old, now) = ((revision - 1).to_string(), revision.to_string());
    let output = managed.refused(&["flags", "kill", "board", "--if-revision", &old]);
    output.reports("REVISION_CONFLICT");
    managed.done(&["flags", "kill", "board", "--if-revision", &now]);
}

#[test]
fn a_document_is_applied_only_when_confirmed() {
    let managed = ManagedServer::empty("");
    let apply = ["apply", "-f", "flags.yaml"];
    let output = managed.refused(&apply);
    assert!(
        output.stdout.contains("  + flag    board\n") && output.stderr.contains("--yes"),
        "{}{}",
        output.stdout,
        output.stderr
    );
    assert_eq!(managed.revision(), 0);
    let output = managed.done(&[&apply[..], &["--yes"]].concat());
    assert!(
        output.contains("to add") && output.contains("applied   revision 1"),
        "{output}"
    );
    let output = managed.done(&apply);
    assert!(output.ends_with("nothing to change\n"), "{output}");
    fs::write(
        managed.path().join("flags.yaml"),
        "version: 1\ntiers: [small, large]\nflags: { board: { description: x } }\n",
    )
    .unwrap();
    let output = managed.done(&["apply", "-f", "flags.yaml", "--prune", "--dry-run"]);
    assert!(
        output.contains("  ~ flag    board: description") && output.contains("  - flag    export\n"),
        "{output}"
    );
}

#[test]
fn an_exported_document_changes_nothing_when_applied() {
    let managed = ManagedServer::start();
    managed.done(&["flags", "tiers", "board", "large=on"]);
    managed.done(&["export", "-o", "all.json"]);
    let document: Value =
        serde_json::from_slice(&fs::read(managed.path().join("all.json")).unwrap()).unwrap();
    assert_eq!(document["flags"]["board"]["tiers"]["large"], "on");
    let output = managed.done(&["apply", "-f", "all.json"]);
    assert!(output.ends_with("nothing to change\n"), "{output}");
}

#[test]
fn tenants_are_imported_each_with_a_result() {
    let managed = ManagedServer::start();
    let tenants =
        "version: 1\ntenants: { acme: { tier: large }, hooli: { tier: small }, initech: { tier: small } }\n";
    fs::write(managed.path().join("tenants.yaml"), tenants).unwrap();
    let output = managed.refused(&["tenants", "import", "-f", "tenants.yaml", "--mode", "create"]);
    assert!(
        output.stdout.starts_with(
            "3 tenants: 2 created, 0 changed, 0 unchanged, 1 rejected\n  acme   ALREADY_EXISTS: "
        ),
        "{}",
        output.stdout
    );
    let output = managed.done(&["tenants", "import", "-f", "tenants.yaml"]);
    assert_eq!(
        output,
        "3 tenants: 0 created, 0 changed, 3 unchanged, 0 rejected\n"
    );
    let output = managed.done(&["tenants", "list"]);
    assert_eq!(output.lines().count(), 5, "{output}");
}

#[test]
fn an_import_removes_operator_settings_only_when_confirmed() {
    let managed = ManagedServer::start();
    managed.done(&["tenants", "override", "acme", "board", "on"]);
    managed.done(&["tenants", "allow", "globex", "board"]);
    let import = ["tenants", "import", "-f", "flags.yaml"];
    let output = managed.done(&import);
    assert_eq!(
        output,
        "2 tenants: 0 created, 0 changed, 2 unchanged, 0 rejected\n"
    );
    let whole = [&import[..], &["--mode", "upsert"]].concat();
    let lost = "2 tenants lose data that the file does not have:\n  - acme     overrides board=on\n  - globex   beta board\n";
    let before = managed.revision();
    let output = managed.refused(&whole);
    assert_eq!(output.stdout, lost);
    output.reports("use --yes");
    assert!(
        managed
            .done(&[&whole[..], &["--dry-run"]].concat())
            .starts_with(lost)
    );
    assert_eq!(managed.revision(), before);
    let output = managed.done(&[&whole[..], &["--yes"]].concat());
    assert_eq!(
        output,
        format!("{lost}2 tenants: 0 created, 2 changed, 0 unchanged, 0 rejected\n")
    );
    // A list in the file replaces the whole list.
    managed.done(&["tenants", "allow", "acme", "board"]);
    let tenants = "version: 1\ntenants: { acme: { beta: [] } }\n";
    fs::write(managed.path().join("tenants.yaml"), tenants).unwrap();
    let output = managed.refused(&["tenants", "import", "-f", "tenants.yaml"]);
    assert_eq!(
        output.stdout,
        "1 tenant loses data that the file does not have:\n  - acme   beta board\n"
    );
}

#[test]
fn unnamed_fields_are_unchanged() {
    let managed = ManagedServer::start();
    managed.done(&[
        "tenants",
        "set",
        "soylent",
        "--new",
        "--tier",
        "small",
        "--attribute",
        "seats=80",
    ]);
    let output = managed.refused(&["tenants", "set", "soylent", "--new", "--tier", "large"]);
    output.reports("already");
    managed.done(&[
        "tenants",
        "set",
        "soylent",
        "--channel",
        "latest",
        "--attribute",
        "country=DE",
    ]);
    let output = managed.done(&["tenants", "show", "soylent"]);
    for part in [
        "tier        small",
        "channel     latest",
        "country = \"DE\"",
        "seats = 80",
    ] {
        assert!(output.contains(part), "no `{part}` in {output}");
    }
    let audience = r#"{"attribute":"tier","in":["small"]}"#;
    managed.done(&["flags", "rollout", "board", "10%", "--audience", audience]);
    managed.done(&["flags", "rollout", "board", "25"]);
    let output = managed.done(&["flags", "show", "board"]);
    assert!(
        output.contains(&format!("rollout       25 %, of {audience}"))
            || output.contains(&format!("25 %, of {audience}")),
        "{output}"
    );
    managed.done(&["flags", "rollout", "board", "--remove"]);
    assert!(!managed.done(&["flags", "show", "board"]).contains("rollout"));
    managed.done(&["tenants", "remove", "soylent", "--yes"]);
    managed.refused(&["tenants", "show", "soylent"]);
}

#[test]
fn promote_never_reverts_and_revert_never_promotes() {
    let managed = ManagedServer::start();
    for flag in ["board", "export"] {
        managed.done(&[&["flags", "promote", flag, "beta"][..], URGENT].concat());
    }
    let output = managed.refused(&["flags", "promote", "board", "alpha"]);
    output.reports("sluice flags revert board alpha");
    let output = managed.refused(&["flags", "revert", "board", "ga"]);
    output.reports("sluice flags promote board ga");
    let output = managed.refused(&["flags", "revert", "board", "alpha"]);
    output.reports("FLAG_DEPENDENCY").reports("--cascade");
    let output = managed.done(&["flags", "revert", "board", "alpha", "--cascade"]);
    assert!(
        output.starts_with("board: beta -> alpha, together with: export"),
        "{output}"
    );
    let output = managed.done(&["audit", "list", "--action", "platform.feature_flag_state_changed"]);
    assert!(
        output.contains("URGENT: decided by cto, INC-1, outage"),
        "{output}"
    );
}

#[test]
fn lists_are_printed_whole_or_by_pages() {
    let managed = ManagedServer::start();
    let page = managed.json(&["flags", "list", "--limit", "1"]);
    assert_eq!(
        (page["flags"].as_array().unwrap().len(), page["next"].as_str()),
        (1, Some("board"))
    );
    let page = managed.json(&["flags", "list", "--limit", "1", "--after", "board"]);
    assert_eq!(
        (page["flags"][0]["key"].as_str(), page.get("next")),
        (Some("export"), None)
    );
    let output = managed.done(&["tenants", "list", "--search", "GLOB"]);
    assert!(
        output.lines().count() == 2 && output.contains("globex"),
        "{output}"
    );
    let output = managed.done(&["tenants", "list", "--tier", "no-such"]);
    assert_eq!(output, "no tenant matches\n");
    let output = managed.output(&["tenants", "list", "--limit", "1"]);
    assert!(
        output.stdout.lines().count() == 2 && output.stderr.contains("--after acme"),
        "{}{}",
        output.stdout,
        output.stderr
    );
}

#[test]
fn the_log_is_verified_locally_and_alterations_are_found() {
    let managed = ManagedServer::start();
    managed.done(&["flags", "kill", "board", "--reason", "INC-7"]);
    let output = managed.done(&["audit", "verify"]);
    let head = output
        .lines()
        .find_map(|line| line.strip_prefix("head "))
        .unwrap()
        .to_owned();
    managed.done(&["flags", "restore", "board"]);
    managed.done(&["audit", "verify", "--head", &head]);
    managed.done(&["audit", "export", "-o", "log.jsonl"]);
    let path = managed.path().join("log.jsonl");
    let log = fs::read_to_string(&path).unwrap();
    managed.done(&["audit", "verify", "--file", "log.jsonl", "--head", &head]);
    fs::write(&path, log.replace("INC-7", "INC-8")).unwrap();
    let output = managed.refused(&["audit", "verify", "--file", "log.jsonl"]);
    output.reports("was altered");
    let lines: Vec<&str> = log.lines().collect();
    fs::write(&path, lines[..lines.len() - 2].join("\n")).unwrap();
    managed.done(&["audit", "verify", "--file", "log.jsonl"]);
    let output = managed.refused(&["audit", "verify", "--file", "log.jsonl", "--head", &head]);
    output.reports("truncated");
}

#[test]
fn a_backup_replaces_no_file() {
    let managed = ManagedServer::start();
    let output = managed.output(&["backup", "-o", "copy"]);
    output.exits(0);
    let copy = fs::read(managed.path().join("copy")).unwrap();
    assert!(copy.starts_with(b"SQLite format 3\0"));
    let output = managed.refused(&["backup", "-o", "copy"]);
    output.reports("already");
    assert_eq!(fs::read(managed.path().join("copy")).unwrap(), copy);
}

#[test]
fn no_file_is_replaced_without_force() {
    let managed = ManagedServer::start();
    let file = managed.path().join("mine.yaml");
    for command in [&["export"][..], &["backup"], &["audit", "export"]] {
        fs::write(&file, "written by hand").unwrap();
        let into = [command, &["-o", "mine.yaml"]].concat();
        let output = managed.refused(&into);
        output.reports("the file mine.yaml exists already: --force replaces it");
        assert_eq!(fs::read_to_string(&file).unwrap(), "written by hand");
        managed.done(&[&into[..], &["--force"]].concat());
        assert_ne!(fs::read(&file).unwrap(), b"written by hand");
    }
}

#[test]
fn a_token_is_required_if_there_are_operators() {
    let (vera, olaf) = (
        OperatorToken::issue("vera", "viewer"),
        OperatorToken::issue("olaf", "operator"),
    );
    let managed = ManagedServer::with_operators(&[&vera, &olaf]);
    for (name, secret) in [
        ("vera", vera.secret.as_str()),
        ("olaf", &olaf.secret),
        ("bad", "sluice_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let path = managed.path().join(format!("{name}.token"));
        fs::write(&path, secret).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    let output = managed.refused(&["whoami"]);
    output.reports("NOT_SIGNED_IN");
    let output = managed.done(&["whoami", "--token-file", "vera.token"]);
    assert!(
        output.starts_with("vera, viewer, at http://127.0.0.1:"),
        "{output}"
    );
    let output = managed.refused(&["flags", "kill", "board", "--token-file", "vera.token"]);
    output.reports("ROLE_MISSING");
    let output = managed.refused(&["apply", "-f", "flags.yaml", "--yes", "--token-file", "olaf.token"]);
    output.reports("ROLE_MISSING");
    let output = managed.refused(&["whoami", "--token-file", "bad.token"]);
    assert!(
        output.stderr.contains("SIGN_IN_FAILED") && !output.stderr.contains("AAAA"),
        "{}",
        output.stderr
    );
}
