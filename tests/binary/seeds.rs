//! The page on requirements names only tests that exist.

use std::fs;

use crate::security::{root, tests_in};

/// Every workspace folder with tests in it.
const FOLDERS: [&str; 13] = [
    "src",
    "tests",
    "rules",
    "tokens",
    "wire",
    "config",
    "proxy",
    "changes",
    "control",
    "console",
    "testkit",
    "properties",
    "verdicts",
];

#[test]
fn every_seed_requirement_names_an_existing_test() {
    let mut tests = Vec::new();
    for folder in FOLDERS {
        tests_in(&root().join(folder), &mut tests);
    }
    assert!(tests.len() > 300, "the tests were not found");
    let page = fs::read_to_string(root().join("docs/contributing/seeds.md")).unwrap();
    let tables = page
        .split("\n\n")
        .filter(|part| part.starts_with("| requirement") || part.starts_with("| guarantee"));
    let rows: Vec<&str> = tables.flat_map(|table| table.lines().skip(2)).collect();
    assert!(rows.len() > 60, "{} rows", rows.len());
    let mut missing = Vec::new();
    for row in rows {
        let proofs = row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap();
        let names: Vec<&str> = proofs.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test in `{row}`");
        missing.extend(
            names
                .into_iter()
                .filter(|name| !tests.iter().any(|test| test == name)),
        );
    }
    assert_eq!(missing, Vec::<&str>::new());
}
