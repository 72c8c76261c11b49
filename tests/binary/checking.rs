//! `sluice check` and `sluice schema`. The exact texts are golden files of the crate `config`.

use std::fs;

use serde_json::Value;

use crate::{files, process::sluice, tokens::demo_folder};

#[test]
fn a_valid_config_passes_and_warnings_fail_only_with_strict() {
    let folder = demo_folder();
    let output = sluice(folder.path(), ["check", "--config", "sluice.yaml"], "");
    assert_eq!((output.code, &*output.stderr), (0, ""));
    assert!(output.stdout.starts_with("ok: "), "{}", output.stdout);
    let ungated = "routes:\n  - { name: all, match: /all, upstream: legacy }\n";
    files::edit(folder.path(), "sluice.yaml", "routes:\n", ungated);
    let output = sluice(folder.path(), ["check"], "");
    output.exits(0).reports("warning[ungated-route]");
    assert_eq!(sluice(folder.path(), ["check", "--strict"], "").code, 1);
}

#[test]
fn a_config_with_a_store_is_checked_alone_or_against_a_file() {
    let folder = demo_folder();
    let store = "flags: { store: { sqlite: data } }";
    files::edit(folder.path(), "sluice.yaml", "flags: { file: flags.yaml }", store);
    let output = sluice(folder.path(), ["check", "--strict"], "");
    assert_eq!((output.code, &*output.stderr), (0, ""));
    let expected = "ok: no problems in sluice.yaml\nnote: the flags are in a store, so gates and headers were not checked";
    assert!(output.stdout.starts_with(expected), "{}", output.stdout);
    let json = sluice(folder.path(), ["check", "--json"], "");
    let result: Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(
        (&result["warnings"], &result["flags_read"]),
        (&0.into(), &false.into())
    );
    let output = sluice(folder.path(), ["check", "--strict", "--flags", "flags.yaml"], "");
    assert_eq!((output.code, &*output.stderr), (0, ""));
    let flags = folder.path().join("flags.yaml");
    fs::write(&flags, "version: 1\n").unwrap();
    let output = sluice(folder.path(), ["check", "--flags", "flags.yaml"], "");
    output.exits(1).reports("error[unknown-flag]");
}

#[test]
fn every_problem_of_both_files_is_reported_at_once() {
    let folder = demo_folder();
    let break_file = |name: &str, from: &str, to: &str| files::edit(folder.path(), name, from, to);
    break_file("sluice.yaml", "gate: dispatch.v2Board", "gate: dispatch.v2Bord");
    break_file("sluice.yaml", "algorithms: [RS256]", "algorithms: [RS257]");
    break_file("flags.yaml", "tier: tier2", "tier: tier9");
    break_file("flags.yaml", "owner: team-dispatch", "ownr: team-dispatch");
    fs::remove_file(folder.path().join("public.pem")).unwrap();
    let output = sluice(folder.path(), ["check"], "");
    assert_eq!((output.code, &*output.stdout), (1, ""));
    for part in [
        "error[unknown-flag]",
        "did you mean `dispatch.v2Board`?",
        "RS257",
        "tier9",
        "ownr",
        "public.pem",
        "5 errors",
    ] {
        output.reports(part);
    }
    let json = sluice(folder.path(), ["check", "--json"], "");
    let report: Value = serde_json::from_str(&json.stdout).unwrap();
    json.exits(1);
    assert!(json.stdout.contains("unknown-flag"), "{report:#}");
}

#[test]
fn a_missing_config_is_named() {
    let folder = tempfile::tempdir().unwrap();
    for command in ["check", "run"] {
        let output = sluice(folder.path(), [command, "--config", "missing.yaml"], "");
        output.exits(1).reports("missing.yaml");
    }
    let output = sluice(folder.path(), ["check"], "");
    output
        .exits(1)
        .reports("there is no file `sluice.yaml`")
        .reports("--config FILE")
        .reports("sluice demo");
}

#[test]
fn the_schema_of_both_documents_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    for document in ["sluice", "flags"] {
        let output = sluice(folder.path(), ["schema", document], "");
        let schema: Value = serde_json::from_str(&output.stdout).unwrap();
        output.exits(0);
        assert_eq!(
            schema["$schema"], "https://json-schema.org/draft/2020-12/schema",
            "{document}"
        );
    }
}
