//! Flags documents as one JSON value, for whoever keeps flags elsewhere than in files.

use std::path::Path;

use serde_json::{Map, Value};

use crate::files::Files;
use crate::json;
use crate::loading::Loading;
use crate::report::Report;
use crate::shape::flags;

/// The flags document at `path`, or those of a directory merged, as JSON. It has the form of one; whether its names
/// are known and its numbers make sense is not looked at.
///
/// # Errors
/// What can't be read, is no YAML, or is not of the form.
pub fn flags_document(files: Files, path: &Path) -> Result<Value, Report> {
    let mut loading = Loading::of(files);
    let is_directory = loading.files.is_directory(path);
    let sources = loading.flags_sources(path, is_directory, None);
    let documents = loading.documents(&sources, &flags::DOCUMENT);
    // Reports keys that are written twice, in one document or in two.
    let definition = crate::lower::flags::flags(&documents, &mut loading.problems);
    drop(definition);
    let mut merged = Map::new();
    for document in &documents {
        let Value::Object(fields) = json::value(&document.root) else {
            continue;
        };
        for (name, value) in fields {
            match (merged.get_mut(&name), value) {
                (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
                (Some(_), _) => {}
                (None, value) => drop(merged.insert(name, value)),
            }
        }
    }
    if loading.problems.is_empty() {
        Ok(Value::Object(merged))
    } else {
        Err(loading.into_report())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[(&str, &str)], expected: Result<Value, &str>) {
        let files = files
            .iter()
            .map(|(name, text)| (Path::new("flags").join(name), text.as_bytes().to_vec()));
        let found = flags_document(Files::Memory(files.collect()), Path::new("flags"));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected),
            (Err(report), Err(code)) => assert!(report.to_string().contains(code), "{report}"),
            (found, expected) => panic!("{found:?}, not {expected:?}"),
        }
    }

    #[test]
    fn documents_are_merged_into_one_value() {
        check(
            &[
                (
                    "a.yaml",
                    "version: 1\ntiers: [small]\nflags: { a: { default: on } }\n",
                ),
                (
                    "b.json",
                    r#"{"version": 1, "flags": {"b": {"variants": {"off": null, "x": 1.5}}}}"#,
                ),
            ],
            Ok(serde_json::json!({
                "version": 1,
                "tiers": ["small"],
                "flags": { "a": { "default": "on" }, "b": { "variants": { "off": null, "x": 1.5 } } },
            })),
        );
    }

    #[test]
    fn what_is_not_of_the_form_is_reported() {
        check(&[("a.yaml", "version: 1\nflag: {}\n")], Err("unknown-field"));
        check(&[("a.yaml", "version: [\n")], Err("error["));
        check(
            &[
                ("a.yaml", "version: 1\ntiers: [a]\n"),
                ("b.yaml", "version: 1\ntiers: [b]\n"),
            ],
            Err("duplicate"),
        );
    }
}
