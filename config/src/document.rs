//! Flags documents as one JSON value, for stores of flags: parsed, validated against their form, directories merged.
//! They are not compiled here, because they may refer to flags of the store.

use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::files::Files;
use crate::json;
use crate::load_context::LoadContext;
use crate::lower::{self, Document};
use crate::problem::{Label, Problem};
use crate::report::Report;
use crate::shape::ALLOW;
use crate::shape::flags::FlagsDocument;
use crate::source::Source;
use crate::validate::VERSION;

/// The sections whose entries are merged.
const SECTIONS: [&str; 3] = [
    FlagsDocument::SEGMENTS,
    FlagsDocument::FLAGS,
    FlagsDocument::TENANTS,
];

/// A flags document as JSON.
#[derive(Debug)]
pub struct JsonDocument {
    /// The document.
    pub value: Value,
    /// The warnings about its values.
    pub warnings: Report,
}

/// Returns the flags document at `path`, or those of a directory merged, as JSON. It has the form of a flags
/// document; names and numbers are not checked further.
///
/// # Errors
/// All problems of reading, syntax and form, and names that occur twice.
pub fn flags_document(files: Files, path: &Path) -> Result<JsonDocument, Report> {
    let mut context = LoadContext::of(files);
    let is_directory = context.files.is_directory(path);
    let sources: Vec<Arc<Source>> = context.flags_sources(path, is_directory, None);
    let (documents, read) = context.read_documents::<FlagsDocument>(&sources);
    lower::flags::merge(read, &mut context.problems);
    refuse_twice(&documents, &mut context.problems);
    if !context.problems.is_empty() {
        return Err(context.into_report());
    }
    let value = merged(&documents);
    let warnings = context.into_report();
    Ok(JsonDocument { value, warnings })
}

/// Reports entries of one section that two documents have.
pub(crate) fn refuse_twice(documents: &[Document<'_>], problems: &mut Vec<Problem>) {
    for section in SECTIONS {
        let mut seen: std::collections::HashMap<&str, Label> = std::collections::HashMap::new();
        for document in documents {
            let entries = document.root.field(section).and_then(|node| node.entries());
            for entry in entries.unwrap_or_default() {
                let first = Label::new(document.source, entry.key_span, "first here");
                let Some(before) = seen.insert(&entry.key, first) else {
                    continue;
                };
                let title = format!("`{}` is written twice in `{section}`", entry.key);
                let again = Label::new(document.source, entry.key_span, "again here");
                let problem = Problem::error("duplicate", title, again).also(before);
                problems.push(problem.help("the documents are merged: keep one of them"));
            }
        }
    }
}

fn merged(documents: &[Document<'_>]) -> Value {
    let mut whole = Map::new();
    whole.insert("version".to_owned(), VERSION.into());
    for document in documents {
        let entries = document.root.entries().unwrap_or_default().iter();
        // The warnings that are allowed are those of the file.
        for entry in entries.filter(|entry| entry.key != ALLOW) {
            let value = json::value(&entry.value);
            match (SECTIONS.contains(&&*entry.key), whole.get_mut(&*entry.key), value) {
                (true, Some(Value::Object(there)), Value::Object(more)) => there.extend(more),
                (_, _, value) => drop(whole.insert(entry.key.to_string(), value)),
            }
        }
    }
    whole.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(files: &[(&str, &str)]) -> Result<JsonDocument, String> {
        let folder = Path::new("flags");
        let path = match files {
            [(name, _)] => folder.join(name),
            _ => folder.to_owned(),
        };
        let files = files
            .iter()
            .map(|(name, text)| (folder.join(name), text.as_bytes().to_vec()));
        let found = flags_document(Files::Memory(files.collect()), &path);
        found.map_err(|report| report.render(crate::Colour::Never))
    }

    fn read(files: &[(&str, &str)]) -> Result<Value, String> {
        read_all(files).map(|document| document.value)
    }

    #[test]
    fn warnings_come_with_the_document_unless_it_allows_them() {
        let warnings = |more| {
            let text = format!("version: 1\ntenants: {{ t: {{ attributes: {{ zip: 01234 }} }} }}\n{more}");
            read_all(&[("flags.yaml", &text)]).unwrap()
        };
        let warned = warnings("");
        assert_eq!(warned.warnings.warnings(), 1);
        assert!(warned.warnings.to_string().contains("ambiguous-number"));
        let allowed = warnings("allow: [ambiguous-number]\n");
        assert!(allowed.warnings.is_empty());
        assert_eq!(allowed.value, warned.value);
    }

    #[test]
    fn a_document_is_json_with_its_order() {
        let document = read(&[(
            "flags.yaml",
            "version: 1\ntiers: [b, a]\nflags:\n  z: { default: { split: { on: 30, off: 70 } } }\n  a: {}\n",
        )]);
        assert_eq!(
            document.unwrap().to_string(),
            r#"{"version":1,"tiers":["b","a"],"flags":{"z":{"default":{"split":{"on":30,"off":70}}},"a":{}}}"#
        );
    }

    #[test]
    fn a_directory_is_merged() {
        let document = read(&[
            ("a.yaml", "version: 1\nflags: { a: {} }\n"),
            (
                "b.yaml",
                "version: 1\nflags: { b: {} }\ntenants: { t: { tier: x } }\n",
            ),
        ]);
        assert_eq!(
            document.unwrap().to_string(),
            r#"{"version":1,"flags":{"a":{},"b":{}},"tenants":{"t":{"tier":"x"}}}"#
        );
    }

    #[test]
    fn problems_have_lines_and_unknown_flags_are_accepted() {
        let wrong = read(&[("flags.yaml", "version: 1\nflags: { a: { lifecicle: beta } }\n")]).unwrap_err();
        assert!(
            wrong.contains("flags.yaml:2") && wrong.contains("lifecycle"),
            "{wrong}"
        );
        assert!(read(&[("a.yaml", "version: [\n")]).is_err());
        let twice = read(&[
            ("a.yaml", "version: 1\ntiers: [a]\n"),
            ("b.yaml", "version: 1\ntiers: [b]\n"),
        ]);
        assert!(twice.unwrap_err().contains("error[duplicate]"));
        let twice = read(&[
            ("a.yaml", "version: 1\nflags: { a: {} }\n"),
            ("b.yaml", "version: 1\nflags: { a: {} }\n"),
        ]);
        let twice = twice.unwrap_err();
        assert!(
            twice.contains("error[duplicate]: `a` is written twice in `flags`"),
            "{twice}"
        );
        assert!(
            read(&[(
                "flags.yaml",
                "version: 1\nflags: { a: { requires: [elsewhere] } }\n"
            )])
            .is_ok()
        );
    }

    fn check(files: &[(&str, &str)], expected: Result<Value, &str>) {
        let files = files
            .iter()
            .map(|(name, text)| (Path::new("flags").join(name), text.as_bytes().to_vec()));
        let found = flags_document(Files::Memory(files.collect()), Path::new("flags"));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found.value, expected),
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
    fn problems_of_the_form_are_reported() {
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
