//! Valid and invalid requests that schemathesis generates from the contract: every answer must be one that the contract
//! describes. Skipped, with a message, unless `scripts/install-schemathesis` has installed schemathesis.

use std::path::{Path, PathBuf};
use std::process::Command;

use control::Role;

use crate::api::server::Server;

/// The path of schemathesis: `SCHEMATHESIS`, or the place where `make schemathesis` installs it.
fn installed() -> Option<PathBuf> {
    let path = std::env::var_os("SCHEMATHESIS").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/schemathesis/bin/schemathesis"),
        PathBuf::from,
    );
    path.exists().then_some(path)
}

#[test]
fn generated_requests_get_answers_of_the_contract() {
    let Some(schemathesis) = installed() else {
        println!("skipped: schemathesis is not installed; `make schemathesis` installs and runs it");
        return;
    };
    let server = Server::with_store_on_disk();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let folder = tempfile::tempdir().unwrap();
    let output = Command::new(schemathesis)
        .current_dir(folder.path())
        .arg("--config-file")
        .arg(root.join("scripts/schemathesis.toml"))
        .arg("run")
        .arg(root.join("docs/openapi.json"))
        .args(["--url", &format!("http://{}", server.address())])
        .args([
            "--header",
            &format!("Authorization: Bearer {}", server.token(Role::PlatformAdmin)),
        ])
        .output()
        .unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stdout}\n{stderr}");
}
