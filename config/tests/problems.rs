//! One bad document for every problem, and the exact text that `sluice check` prints for it.
//! `UPDATE_GOLDEN=1 cargo test -p config` writes the texts anew: read the difference before committing it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

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
    cases.sort();
    cases
}

fn name(case: &Path) -> String {
    case.file_name().unwrap().to_string_lossy().into_owned()
}

/// What checking the document of `case` reports.
fn check(case: &Path) -> Report {
    let flags = if case.join("flags.d").is_dir() {
        "flags.d"
    } else {
        "flags.yaml"
    };
    config::load_flags(&case.join(flags), Eligibility::Enforced)
        .map(|_| ())
        .expect_err(&name(case))
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
fn every_case_shows_the_problem_it_is_named_after() {
    for case in cases() {
        let codes: BTreeSet<String> = check(&case)
            .problems()
            .iter()
            .map(|p| p.code.to_owned())
            .collect();
        let name = name(&case);
        let shown = codes.iter().any(|code| name.starts_with(code.as_str()));
        assert!(shown, "{name} shows {codes:?}");
    }
}
