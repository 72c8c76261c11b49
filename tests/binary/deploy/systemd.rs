//! deploy/systemd: the units.

use std::path::Path;

use super::run;

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
    // It fails, because the binary and the manual page are not installed here. An unknown or misspelt setting is reported in
    // the same way.
    let printed = run(Path::new("systemd-analyze"), ["verify"].into_iter().chain(units)).unwrap_err();
    let others = printed.lines().filter(|line| {
        !line.contains("/usr/bin/sluice is not executable") && !line.contains("man sluice(1)")
    });
    assert_eq!(others.collect::<Vec<_>>(), Vec::<&str>::new());
}
