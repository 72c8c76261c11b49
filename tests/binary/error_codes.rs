//! docs/errors.md has each code of the source, with its cause and fix, and no other code.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::documents::quoted;
use crate::security::root;

/// Returns the codes in the first column of the tables below a heading of the page.
fn listed(heading: &str) -> BTreeSet<String> {
    let page = fs::read_to_string(root().join("docs/errors.md")).unwrap();
    let section = page
        .split("\n## ")
        .find_map(|section| section.strip_prefix(heading))
        .unwrap_or_else(|| panic!("docs/errors.md has no section `{heading}`"));
    let mut codes = BTreeSet::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let code = line.split('`').nth(1).unwrap();
        let mut cells = line.trim_matches('|').split(" | ");
        assert!(
            cells.all(|cell| !cell.trim().is_empty()),
            "`{code}` has an empty cell"
        );
        assert!(codes.insert(code.to_owned()), "`{code}` is listed twice");
    }
    codes
}

/// Returns the texts in quotes of a source file that are codes: in capitals.
fn codes_in(path: &str) -> BTreeSet<String> {
    let source = fs::read_to_string(root().join(path)).unwrap();
    let source = source.split("#[cfg(test)]").next().unwrap();
    let is_code = |text: &&str| text.len() > 3 && text.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let codes: BTreeSet<String> = quoted(source).filter(is_code).map(str::to_owned).collect();
    assert!(codes.len() > 5, "{path}: {codes:?}");
    codes
}

#[test]
fn every_code_of_an_answer_is_in_the_reference() {
    assert_eq!(
        listed("Answers of Sluice's own"),
        codes_in("proxy/src/answer/code.rs")
    );
}

#[test]
fn every_code_of_the_admin_api_is_in_the_reference() {
    let of_api = control::api::API_CODES.iter().map(|(code, _)| *code);
    let of_changes = control::Code::ALL.map(control::Code::as_str);
    let codes: BTreeSet<String> = of_api.chain(of_changes).map(str::to_owned).collect();
    assert_eq!(listed("The admin API"), codes);
    assert_eq!(
        listed("Break-glass"),
        codes_in("control/src/break_glass/problem.rs")
    );
}

/// Returns the codes of the problems that the pages of the console create.
fn codes_of_the_console(folder: &Path, codes: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            codes_of_the_console(&path, codes);
            continue;
        }
        let source = fs::read_to_string(path).unwrap();
        for start in ["Problem::rejected(", "code: "] {
            let created = source.split(start).skip(1).filter_map(|rest| {
                let code = rest.trim_start().strip_prefix('"')?.split('"').next()?;
                let is_code = code.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
                is_code.then(|| code.to_owned())
            });
            codes.extend(created);
        }
    }
}

#[test]
fn every_code_of_the_console_is_in_the_reference() {
    let mut codes = BTreeSet::new();
    codes_of_the_console(&root().join("console/src"), &mut codes);
    let of_api: BTreeSet<String> = listed("The admin API");
    let own: BTreeSet<String> = codes.difference(&of_api).cloned().collect();
    assert_eq!(listed("The console"), own);
}

#[test]
fn every_problem_of_a_document_is_in_the_reference() {
    let mut pages = listed("Problems of documents");
    let warnings = listed("Warnings of documents");
    for code in config::WARNINGS {
        assert!(warnings.contains(code), "{code} is not among the warnings");
    }
    pages.extend(warnings);
    let codes: BTreeSet<String> = config::CODES.map(str::to_owned).into();
    assert_eq!(pages, codes);
}
