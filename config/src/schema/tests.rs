//! The JSON Schemas say the same of documents as the validator, since both are made of the same tables: what
//! loads is valid, and what has the wrong form is not.
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{flags_schema, sluice_schema};
use crate::source::Sources;
use crate::{json, parse};

/// Codes that say that the form is wrong, and that a schema can see.
const OF_FORM: [&str; 17] = [
    "conflicting-fields",
    "empty",
    "invalid-duration",
    "invalid-flag-key",
    "invalid-percentage",
    "invalid-size",
    "invalid-tenant-id",
    "limit",
    "missing-field",
    "out-of-range",
    "reserved-attribute",
    "secret-in-document",
    "too-few-variants",
    "unknown-field",
    "unknown-value",
    "unsupported-version",
    "wrong-type",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

/// Reads a document the way the program does; none where it is not even YAML.
fn read(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    let source = Sources::default().add(path, text)?;
    let root = parse::parse(&source, &mut Vec::new())?;
    Some(json::value(&root))
}

fn is_valid(schema: &Value, document: &Value) -> bool {
    jsonschema::draft202012::new(schema)
        .expect("the schema is none")
        .is_valid(document)
}

#[test]
fn the_schemas_are_schemas() {
    for schema in [sluice_schema(), flags_schema()] {
        assert!(jsonschema::meta::is_valid(&schema));
    }
}

#[test]
fn documents_that_load_are_valid() {
    let sluice = sluice_schema();
    let flags = flags_schema();
    let examples = root().join("../examples");
    let mut checked = 0;
    for folder in [root().join("tests/good"), examples] {
        for case in std::fs::read_dir(folder).unwrap() {
            let case = case.unwrap().path();
            for (name, schema) in [("sluice.yaml", &sluice), ("flags.yaml", &flags)] {
                if let Some(document) = read(&case.join(name)) {
                    assert!(is_valid(schema, &document), "{}/{name}", case.display());
                    checked += 1;
                }
            }
        }
    }
    assert!(checked >= 4, "only {checked} documents");
}

#[test]
fn documents_of_the_wrong_form_are_not_valid() {
    let sluice = sluice_schema();
    let flags = flags_schema();
    let mut checked = 0;
    for case in std::fs::read_dir(root().join("tests/problems")).unwrap() {
        let case = case.unwrap().path();
        let expected = std::fs::read_to_string(case.join("expected.txt")).unwrap();
        for (name, schema) in [("sluice.yaml", &sluice), ("flags.yaml", &flags)] {
            let Some(document) = read(&case.join(name)) else {
                continue;
            };
            // Limits of flags are found by rules, which no schema sees.
            let of_form = OF_FORM.iter().any(|code| {
                let found_by_rules = name == "flags.yaml" && *code == "limit";
                !found_by_rules && in_file(&expected, code, name)
            });
            if of_form {
                assert!(!is_valid(schema, &document), "{}/{name} is valid", case.display());
                checked += 1;
            }
        }
    }
    assert!(checked >= 15, "only {checked} documents");
}

/// Whether the report shows a problem with this code in this file.
fn in_file(report: &str, code: &str, file: &str) -> bool {
    let start = format!("error[{code}]");
    report.split("\n\n").any(|problem| {
        let place = problem.lines().nth(1).unwrap_or_default();
        problem.starts_with(&start) && place.contains(&format!("--> {file}:"))
    })
}
