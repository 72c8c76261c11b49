//! Sets `SLUICE_VERSION`, the text of `sluice --version`: the version, and for a release build its commit and its date;
//! and `SLUICE_BUILD_COMMIT`, that commit, empty for other builds.
#![allow(
    clippy::print_stdout,
    reason = "cargo reads the instructions of a build script from its output"
)]

use std::env;
use std::process::Command;

use time::OffsetDateTime;
use time::macros::format_description;

/// The variables that replace what this script finds: for builds without the repository, and reproducible ones.
const COMMIT: &str = "SLUICE_COMMIT";
const DATE: &str = "SLUICE_BUILD_DATE";
/// Seconds since 1970 (<https://reproducible-builds.org/specs/source-date-epoch/>).
const EPOCH: &str = "SOURCE_DATE_EPOCH";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for name in [COMMIT, DATE, EPOCH] {
        println!("cargo:rerun-if-env-changed={name}");
    }
    let number = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let (build, commit) = match env::var("PROFILE").as_deref() {
        Ok("release") => {
            let commit = commit();
            (format!("commit {commit}, built {}", date()), commit)
        }
        // Without the commit: it would rebuild the binary after each one.
        _ => ("debug build".to_owned(), String::new()),
    };
    println!("cargo:rustc-env=SLUICE_VERSION={number} ({build})");
    println!("cargo:rustc-env=SLUICE_BUILD_COMMIT={commit}");
}

/// Returns the commit of the sources, 12 digits, with `+` if they differ from it; `unknown` outside of a repository.
fn commit() -> String {
    if let Some(given) = variable(COMMIT) {
        return given;
    }
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo:rerun-if-changed={log}");
    }
    let Some(commit) = git(&["rev-parse", "--short=12", "HEAD"]) else {
        return "unknown".to_owned();
    };
    let is_changed =
        git(&["status", "--porcelain", "--untracked-files=no"]).is_some_and(|lines| !lines.is_empty());
    if is_changed { commit + "+" } else { commit }
}

fn date() -> String {
    if let Some(given) = variable(DATE) {
        return given;
    }
    let epoch =
        variable(EPOCH).and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds.parse().ok()?).ok());
    let date = epoch.unwrap_or_else(OffsetDateTime::now_utc).date();
    date.format(format_description!("[year]-[month]-[day]"))
        .unwrap_or_default()
}

fn variable(name: &str) -> Option<String> {
    env::var(name)
        .ok()
        .filter(|value| !value.is_empty() && value != "unknown")
}

/// Returns the output of a git command in this repository; none if it fails.
fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}
