//! The cases of the specification, for the tests of each part.

use std::{fs, path::Path};

use serde_json::Value;

/// Returns the cases of every file in `folder` of the specification.
pub(crate) fn spec_cases(folder: &str) -> Vec<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("spec").join(folder);
    let mut cases = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "json") {
            let file: Vec<Value> = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            cases.extend(file);
        }
    }
    cases
}
