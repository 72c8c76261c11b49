//! The families of metrics that the source names.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::page::Family;
use crate::security::root;

/// The folders with the source of the process.
const FOLDERS: [&str; 4] = ["proxy/src", "control/src", "logging/src", "src"];

/// Adds the texts of the Rust files of a folder, without their unit tests.
fn texts_in(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("tests") {
            texts_in(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            found.push(code.to_owned());
        }
    }
}

fn texts() -> Vec<String> {
    let mut texts = Vec::new();
    for folder in FOLDERS {
        texts_in(&root().join(folder), &mut texts);
    }
    texts
}

/// Returns true for the name of a metric: `sluice_` and a word, and not the beginning of a static token.
fn is_name(text: &str) -> bool {
    let rest = text.strip_prefix("sluice_").unwrap_or_default();
    !rest.is_empty()
        && rest
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// Returns the names of all metrics.
pub(super) fn names() -> BTreeSet<String> {
    let texts = texts();
    let literals = texts.iter().flat_map(|text| text.split('"').skip(1).step_by(2));
    literals.filter(|text| is_name(text)).map(str::to_owned).collect()
}

/// Returns the counters that are registered by their name, help and one label, in this order. Those that nothing has
/// counted yet are in no scrape.
pub(super) fn labelled_counters() -> Vec<Family> {
    let mut found = Vec::new();
    for text in texts() {
        let parts: Vec<&str> = text.split('"').collect();
        for window in parts.windows(6) {
            let [name, first, help, second, label, _] = window else {
                continue;
            };
            let is_next = |between: &str| between.trim() == ",";
            if is_name(name)
                && name.ends_with("_total")
                && is_next(first)
                && is_next(second)
                && help.ends_with('.')
            {
                found.push(Family {
                    name: (*name).to_owned(),
                    kind: "counter".to_owned(),
                    help: (*help).to_owned(),
                    labels: vec![(*label).to_owned()],
                });
            }
        }
    }
    found
}
