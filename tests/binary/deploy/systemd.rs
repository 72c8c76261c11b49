//! deploy/systemd: the units.

use std::ffi::OsStr;
use std::fmt;
use std::fs;
use std::path::Path;

use super::{is_root, repository, run, run_with, stripped_binary, tool};

/// Returns true if this machine has the tool. Otherwise the calling test is skipped.
fn has_systemd_analyze() -> bool {
    let found = Path::new("/usr/bin/systemd-analyze").exists();
    if !found {
        eprintln!("systemd-analyze is not installed; skipped");
    }
    found
}

#[test]
fn the_unit_is_hardened() {
    if !has_systemd_analyze() {
        return;
    }
    let arguments = [
        "security",
        "--offline=true",
        "--no-pager",
        "--threshold=19",
        "deploy/systemd/sluice.service",
    ];
    let printed = run(Path::new("systemd-analyze"), arguments).unwrap();
    let level = printed
        .lines()
        .find(|line| line.contains("Overall exposure level"))
        .unwrap();
    let level: f64 = level
        .split("service: ")
        .nth(1)
        .unwrap()
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(level < 2.0, "{level}");
}

#[test]
fn the_units_are_valid() {
    if !has_systemd_analyze() {
        return;
    }
    let units = ["deploy/systemd/sluice.service", "deploy/systemd/sluice.socket"];
    // It fails where the binary and the manual page are not installed. An unknown or misspelt setting is reported in the same
    // way.
    let printed = run(Path::new("systemd-analyze"), ["verify"].into_iter().chain(units));
    let printed = printed.unwrap_or_else(|printed| printed);
    let others = printed.lines().filter(|line| {
        !line.contains("/usr/bin/sluice is not executable") && !line.contains("man sluice(1)")
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// The output of a check that failed. The test ends with its lines, readable and below everything else.
struct FailedCheck(String);

impl fmt::Debug for FailedCheck {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// Boots a small Debian with systemd, which runs the service of the package: see deploy/systemd/check-inside.
#[test]
fn the_package_runs_under_systemd() -> Result<(), FailedCheck> {
    let Some(_) = tool(&["target/deploy-tools/system/sbin/init"]) else {
        return Ok(());
    };
    if !is_root() {
        return Ok(());
    }
    let folder = tempfile::tempdir().unwrap();
    let binary = stripped_binary(folder.path());
    let packages = folder.path().join("packages");
    let quick = [("DPKG_DEB_COMPRESSOR_TYPE", OsStr::new("gzip"))];
    run_with(&repository("scripts/package"), [&binary, &packages], &quick).unwrap();
    let mut entries = fs::read_dir(&packages)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let package = entries
        .find(|path| path.extension() == Some(OsStr::new("deb")))
        .unwrap();
    let printed = run(&repository("deploy/systemd/check"), [package]).map_err(FailedCheck)?;
    for step in [
        "the package is installed, the service is not started: inactive",
        "started, ready, as user sluice",
        "reload with a check",
        "upgrade: systemd follows the new process, no failed request",
        "stopped with success",
        "socket activation, an upgrade of it, and a restart without a refused connection",
        "watchdog: a process that hangs is replaced",
        "removed",
    ] {
        assert!(printed.contains(&format!("ok: {step}")), "{step}: {printed}");
    }
    Ok(())
}
