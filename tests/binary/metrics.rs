//! The metrics of a real process: `promtool` accepts them, the rules of Prometheus name those that exist, and the page of
//! the documentation has each one. With `SLUICE_DOCS=write` the page is rewritten.

mod every_kind;
mod page;
mod sources;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use self::page::MetricsPage;
use crate::security::root;

/// A scrape with series of every kind.
static SCRAPE: LazyLock<String> = LazyLock::new(every_kind::scrape);

/// Returns the path of the binary that `scripts/install-prometheus` unpacks, or that of the system.
fn promtool() -> Option<PathBuf> {
    let unpacked = root().join("target/prometheus/usr/bin/promtool");
    [unpacked, PathBuf::from("/usr/bin/promtool")]
        .into_iter()
        .find(|path| path.exists())
}

#[test]
fn promtool_accepts_the_metrics() {
    let Some(promtool) = promtool() else {
        eprintln!("promtool is not installed: `scripts/install-prometheus` does it; skipped");
        return;
    };
    let mut checking = Command::new(promtool)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Its own descriptor, closed before the end is awaited.
    checking
        .stdin
        .take()
        .unwrap()
        .write_all(SCRAPE.as_bytes())
        .unwrap();
    let checked = checking.wait_with_output().unwrap();
    let said = [checked.stdout, checked.stderr].concat();
    assert_eq!(
        (checked.status.code(), &*String::from_utf8_lossy(&said)),
        (Some(0), "")
    );
}

#[test]
fn the_page_of_metrics_is_current() {
    let path = root().join("docs/metrics.md");
    let page = fs::read_to_string(&path).unwrap();
    let written = MetricsPage::of(&SCRAPE).replaced_in(&page);
    if std::env::var_os("SLUICE_DOCS").is_some_and(|value| value == "write") {
        fs::write(&path, written).unwrap();
        return;
    }
    assert_eq!(page, written, "write it with SLUICE_DOCS=write");
}

#[test]
fn every_metric_has_a_help_and_is_on_the_page() {
    let families = MetricsPage::of(&SCRAPE).families;
    let without: Vec<&str> = families
        .iter()
        .filter(|family| !family.help.ends_with('.') && !family.name.starts_with("process_"))
        .map(|family| &*family.name)
        .collect();
    assert_eq!(without, Vec::<&str>::new(), "the help is no sentence");
    let names: BTreeSet<&str> = families.iter().map(|family| &*family.name).collect();
    let in_sources = sources::names();
    assert!(
        in_sources.len() > 50,
        "the sources were not found: {in_sources:?}"
    );
    let missing: Vec<&String> = in_sources
        .iter()
        .filter(|name| !names.contains(&***name))
        .collect();
    assert_eq!(
        missing,
        Vec::<&String>::new(),
        "`every_kind` causes no series of it"
    );
}

#[test]
fn every_metric_of_the_rules_exists() {
    let families = MetricsPage::of(&SCRAPE).families;
    let rules = fs::read_to_string(root().join("deploy/prometheus/rules.yaml")).unwrap();
    let named = page::identifiers(&rules, "sluice_");
    assert!(named.len() > 15, "{named:?}");
    let is_known = |name: &str| {
        let histogram = name.strip_suffix("_bucket").unwrap_or(name);
        families.iter().any(|family| family.name == histogram)
    };
    let unknown: Vec<&String> = named.iter().filter(|name| !is_known(name)).collect();
    assert_eq!(unknown, Vec::<&String>::new());
    // The bound of the alert about slow flags.
    let bound = "sluice_flag_request_duration_seconds_bucket{flag=\"board\",arm=\"treatment\",le=\"2\"}";
    assert!(SCRAPE.contains(bound), "{}", *SCRAPE);
}

#[test]
fn no_series_has_a_tenant_unless_it_is_configured() {
    let selected = "sluice_tenant_requests_total{tenant=\"acme\",outcome=\"forwarded\",status=\"2xx\"} ";
    let other = "sluice_tenant_requests_total{tenant=\"__other__\",outcome=\"forwarded\",status=\"2xx\"} 1\n";
    assert!(SCRAPE.contains(selected) && SCRAPE.contains(other), "{}", *SCRAPE);
    let without = every_kind::scrape_without_tenants();
    assert!(
        !without.contains("tenant=") && !without.contains("acme"),
        "{without}"
    );
}

/// Returns the text of a file in the repository, if it is there.
fn read(path: &str) -> Option<String> {
    fs::read_to_string(root().join(Path::new(path))).ok()
}
