//! Every file in deploy/ is loaded, linted or run. `scripts/install-deploy-tools` installs the tools; a test whose tool is
//! missing says so and is skipped.

#![allow(
    clippy::print_stderr,
    reason = "a test says what it skips, and how long an alert takes"
)]

mod alerts;
mod container;
mod grafana;
mod kubernetes;
mod package;
mod rules;
mod systemd;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the path of a file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Returns the path of the first of these that exists, from the root of the repository. If there is none, the calling test
/// is skipped.
fn tool(paths: &[&str]) -> Option<PathBuf> {
    let found = paths
        .iter()
        .map(|path| repository(path))
        .find(|path| path.exists());
    if found.is_none() {
        eprintln!(
            "{} is not installed: `make test` installs it; skipped",
            paths.join(" or ")
        );
    }
    found
}

/// Returns true for root. Otherwise the calling test is skipped.
fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("this test mounts file systems, which only root may do; skipped");
    }
    is_root
}

/// Runs a command in the root of the repository, and returns its standard output.
///
/// # Errors
/// The command failed: everything that it printed.
fn run<S: AsRef<OsStr>>(program: &Path, arguments: impl IntoIterator<Item = S>) -> Result<String, String> {
    run_with(program, arguments, &[])
}

/// Does the same as [`run`], with these variables.
fn run_with<S: AsRef<OsStr>>(
    program: &Path,
    arguments: impl IntoIterator<Item = S>,
    variables: &[(&str, &OsStr)],
) -> Result<String, String> {
    let output = Command::new(program)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(repository(""))
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", program.display()));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        Ok(text(&output.stdout))
    } else {
        Err(text(&[&*output.stdout, &*output.stderr].concat()))
    }
}

/// Returns a copy of the binary without debug information, as users get it.
fn stripped_binary(folder: &Path) -> PathBuf {
    let stripped = folder.join("sluice");
    let binary = Path::new(env!("CARGO_BIN_EXE_sluice"));
    run(
        Path::new("objcopy"),
        [
            OsStr::new("--strip-all"),
            binary.as_os_str(),
            stripped.as_os_str(),
        ],
    )
    .unwrap();
    stripped
}
