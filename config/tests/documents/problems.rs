//! One invalid document for every problem, with the exact text that `sluice check` prints for it.
//! `UPDATE_GOLDEN=1 cargo test -p config` writes the texts anew: read the difference before you commit it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use config::{Colour, Report};
use rules::Eligibility;

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/problems");
    let mut cases: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    // A build without the export of traces rejects all of them with one text.
    let has_traces = |case: &Path| {
        let document = std::fs::read_to_string(case.join("sluice.yaml")).unwrap_or_default();
        document.contains("\ntraces:")
    };
    cases.retain(|case| cfg!(feature = "otlp") || !has_traces(case));
    cases.sort();
    cases
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// Returns the value of an environment variable of the cases.
pub(crate) fn variable(name: &str) -> Option<String> {
    let value = match name {
        "JWT_SECRET" => "0123456789abcdef0123456789abcdef",
        "HOOK_SECRET" => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "GARBLED_HOOK_SECRET" => "whsec_hunter2 hunter2",
        "SHORT_HOOK_SECRET" => "whsec_aHVudGVyMg==",
        "COLLECTOR_TOKEN" => "Bearer hunter2",
        "TWO_LINES" => "hunter2\nhunter2",
        "LONG_HOOK_SECRET" => LONG_HOOK_SECRET,
        _ => return None,
    };
    Some(value.to_owned())
}

/// Returns the report of the documents of a case.
fn check(case: &Path) -> Report {
    let gateway = case.join("sluice.yaml");
    let report = if gateway.exists() {
        config::load(&gateway, &variable).map(|loaded| loaded.warnings)
    } else {
        let flags = if case.join("flags.d").is_dir() {
            "flags.d"
        } else {
            "flags.yaml"
        };
        config::load_flags(&case.join(flags), Eligibility::Enforced).map(|_| panic!("{} is good", name(case)))
    };
    report.unwrap_or_else(|report| report)
}

/// 66 bytes.
const LONG_HOOK_SECRET: &str =
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZI";

fn codes(case: &Path) -> BTreeSet<String> {
    check(case)
        .problems()
        .iter()
        .map(|problem| problem.code.to_owned())
        .collect()
}

#[test]
fn every_bad_document_is_reported_with_its_exact_text() {
    let mut differences = String::new();
    for case in cases() {
        let report = check(&case).render(Colour::Never);
        let report = report.replace(&format!("{}/", case.display()), "");
        let expected = case.join("expected.txt");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&expected, &report).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        if expected != report {
            write!(differences, "--- {}\n{report}\n", name(&case)).unwrap();
        }
    }
    assert!(differences.is_empty(), "{differences}");
}

#[test]
fn every_case_has_the_problem_in_its_name() {
    for case in cases() {
        let (name, codes) = (name(&case), codes(&case));
        let shown = codes.iter().any(|code| name.starts_with(code.as_str()));
        assert!(shown, "{name} shows {codes:?}");
    }
}

/// Codes whose documents are too large for a folder, which `reports.rs` and the tests of `parse` generate; and of a
/// document beside an empty store, in `managed.rs`.
const MADE: [&str; 4] = [
    "config-map-size",
    "document-size",
    "empty-store",
    "file-too-large",
];

#[test]
fn every_code_has_a_bad_document() {
    let mut shown: BTreeSet<String> = cases().iter().flat_map(|case| codes(case)).collect();
    shown.extend(MADE.map(str::to_owned));
    let all: BTreeSet<String> = config::CODES.iter().map(|&code| code.to_owned()).collect();
    assert_eq!(shown, all);
}

#[test]
fn every_problem_has_a_help() {
    for case in cases() {
        for problem in check(&case).problems() {
            assert!(problem.help.is_some(), "{}: {}", name(&case), problem.title);
        }
    }
}
