//! The page on security names only tests that exist.

use std::{fs, path::Path};

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Adds the names of all tests below a folder to `found`.
pub(crate) fn tests_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            tests_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            let is_test = |number: usize| {
                let attributes = lines[..number].iter().rev();
                attributes
                    .take_while(|line| line.starts_with("#["))
                    .any(|line| line.contains("test"))
            };
            let name = |line: &str| {
                let (_, name) = line.split_once("fn ")?;
                Some(name.split(['(', '<']).next()?.to_owned())
            };
            let tests = (0..lines.len()).filter(|number| is_test(*number));
            found.extend(tests.filter_map(|number| name(lines[number])));
        }
    }
}

/// Returns the last cells of the rows of the page's tables of threats, without their headings.
fn proofs(page: &str) -> Vec<&str> {
    let tables = page.split("\n\n").filter(|part| part.starts_with("| threat"));
    let rows = tables.flat_map(|table| table.lines().skip(2));
    rows.map(|row| row.trim_end_matches([' ', '|']).rsplit('|').next().unwrap())
        .collect()
}

#[test]
fn every_threat_names_an_existing_test() {
    let mut tests = Vec::new();
    for folder in [
        "src",
        "tests",
        "rules",
        "tokens",
        "wire",
        "redact",
        "logging",
        "config",
        "proxy",
        "changes",
        "control",
        "console",
        "testkit",
        "properties",
    ] {
        tests_in(&root().join(folder), &mut tests);
    }
    assert!(tests.len() > 300, "the tests were not found");
    let page = fs::read_to_string(root().join("docs/security.md")).unwrap();
    let proofs = proofs(&page);
    assert!(proofs.len() > 30, "the tables were not found");
    let mut problems = Vec::new();
    for proof in proofs {
        let mut names = proof.split('`').skip(1).step_by(2).peekable();
        if names.peek().is_none() {
            problems.push(format!("no test is named:{proof}"));
        }
        let unknown = names.filter(|name| !tests.iter().any(|test| test == name));
        problems.extend(unknown.map(|name| format!("there is no test {name}")));
    }
    assert!(problems.is_empty(), "\n{}\n", problems.join("\n"));
}
