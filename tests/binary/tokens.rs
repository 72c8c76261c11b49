//! `sluice token`.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::process::{SluiceProcess, sluice};

/// Returns a folder with the files of `examples/demo` and the keys of a demo.
pub(crate) fn demo_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    write_example(folder.path());
    let demo = SluiceProcess::start(folder.path(), ["demo", "--dir", ".", "--any-port"]);
    demo.line("Each of your requests prints a line");
    folder
}

/// Writes the files of `examples/demo`, whose flags are in a file.
pub(crate) fn write_example(folder: &Path) {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/demo");
    for name in ["sluice.yaml", "flags.yaml"] {
        fs::copy(example.join(name), folder.join(name)).unwrap();
    }
}

#[test]
fn a_secret_without_its_algorithm_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("login.secret"), "ab".repeat(32)).unwrap();
    let create = |rest: &[&str]| {
        let arguments = [
            &[
                "token",
                "--key",
                "login.secret",
                "--issuer",
                "i",
                "--audience",
                "a",
                "--tenant",
                "acme",
            ],
            rest,
        ];
        sluice(folder.path(), arguments.concat(), "")
    };
    create(&[]).exits(1).reports(
        "can't sign with login.secret: RS256 needs a private key as PEM; if the file has a secret, add `--alg HS256`",
    );
    create(&["--alg", "HS256"]).exits(0);
}

#[test]
fn token_signed_by_the_cli_is_accepted() {
    let folder = demo_folder();
    let arguments = [
        "token",
        "--key",
        "private.pem",
        "--alg",
        "RS256",
        "--issuer",
        "https://login.example",
        "--audience",
        "sluice-demo",
        "--tenant",
        "acme",
        "--tenant-claim",
        "org.id",
        "--user",
        "u-17",
        "--group",
        "a",
        "--group",
        "b",
        "--ttl",
        "1h",
    ];
    let output = sluice(folder.path(), arguments, "");
    output.exits(0);
    let token = output.stdout.trim();
    let explained = sluice(
        folder.path(),
        ["explain", "--token", token, "GET", "/api/dispatch/v2/board"],
        "",
    );
    explained.exits(0);
    assert!(
        explained.stdout.contains("tenant acme, user u-17"),
        "{}",
        explained.stdout
    );
    assert!(
        explained
            .stdout
            .contains("  claim org.id; issuer https://login.example, "),
        "{}",
        explained.stdout
    );
    assert!(explained.stdout.contains(" min left"), "{}", explained.stdout);
}

#[test]
fn a_missing_or_invalid_key_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("no.pem"), "nothing").unwrap();
    let token = |key: &str| {
        sluice(
            folder.path(),
            [
                "token",
                "--key",
                key,
                "--issuer",
                "i",
                "--audience",
                "a",
                "--tenant",
                "t",
            ],
            "",
        )
    };
    let missing = token("missing.pem");
    missing.exits(1).reports("can't read the key missing.pem");
    let none = token("no.pem");
    none.exits(1).reports("can't sign with no.pem");
}

#[test]
fn an_unknown_algorithm_or_duration_is_a_usage_error() {
    let folder = tempfile::tempdir().unwrap();
    let base = [
        "token",
        "--key",
        "k",
        "--issuer",
        "i",
        "--audience",
        "a",
        "--tenant",
        "t",
    ];
    for wrong in [
        ["--alg", "none"],
        ["--alg", "RS1"],
        ["--ttl", "5 parsecs"],
        ["--ttl", "h"],
    ] {
        let output = sluice(folder.path(), base.iter().chain(&wrong), "");
        output.exits(2);
    }
}
