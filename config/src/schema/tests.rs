//! The JSON Schemas accept the same documents as the validator: documents that load are valid, and documents of the
//! wrong form are not.
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{definition, flags_schema, sluice_schema};
use crate::form::Form;
use crate::shape::flags::FlagsDocument;
use crate::shape::sluice::GatewayDocument;
use crate::shape::{ObjectShape, Shape, UnionShape};
use crate::source::Sources;
use crate::{json, parse};

/// Codes of problems of the form that a schema can detect.
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

/// Reads a document as the program does. Returns none if it is not YAML.
fn read(path: &Path) -> Option<Value> {
    let text = std::fs::read_to_string(path).ok()?;
    let source = Sources::default().add(path, text)?;
    let root = parse::parse(&source, &mut Vec::new())?;
    Some(json::value(&root))
}

fn is_valid(schema: &Value, document: &Value) -> bool {
    jsonschema::draft202012::new(schema)
        .expect("the schema is invalid")
        .is_valid(document)
}

#[test]
fn published_schemas_are_valid_json_schemas() {
    for schema in [sluice_schema(), flags_schema()] {
        assert!(jsonschema::meta::is_valid(&schema));
    }
}

/// The objects and unions below a shape, by the name of their definition.
#[derive(Default)]
struct DefinedNames(BTreeMap<String, Defined>);

/// An owner of a definition, compared by its address.
#[derive(Debug, Clone, Copy)]
enum Defined {
    Object(&'static ObjectShape),
    Union(&'static UnionShape),
}

impl DefinedNames {
    /// Adds a name. Returns true if it is new, and panics if another object or union has it.
    fn add(&mut self, name: &str, new: Defined) -> bool {
        let Some(known) = self.0.insert(definition(name), new) else {
            return true;
        };
        let is_same = match (known, new) {
            (Defined::Object(known), Defined::Object(new)) => std::ptr::eq(known, new),
            (Defined::Union(known), Defined::Union(new)) => std::ptr::eq(known, new),
            _ => false,
        };
        assert!(is_same, "two forms are named `{name}`");
        false
    }

    fn visit(&mut self, shape: Shape) {
        match shape {
            Shape::Object(object) if self.add(object().name, Defined::Object(object())) => {
                object().fields().for_each(|field| self.visit(field.shape));
            }
            Shape::Union(union) if self.add(union().name, Defined::Union(union())) => {
                union().cases.iter().for_each(|case| self.visit(case.shape));
            }
            Shape::Map(map) => self.visit(map.value),
            Shape::List(list) => self.visit(list.item),
            _ => {}
        }
    }
}

#[test]
fn forms_have_unique_names() {
    // A schema defines each object and union once, by its name: a second one of that name would be lost.
    for root in [GatewayDocument::SHAPE, FlagsDocument::SHAPE] {
        let mut definitions = DefinedNames::default();
        definitions.visit(root);
        assert!(definitions.0.len() > 10, "only {} forms", definitions.0.len());
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
            // `rules` reports limits of flags, which no schema can detect.
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

/// Returns true if the report shows a problem with this code in this file.
fn in_file(report: &str, code: &str, file: &str) -> bool {
    let start = format!("error[{code}]");
    report.split("\n\n").any(|problem| {
        let place = problem.lines().nth(1).unwrap_or_default();
        problem.starts_with(&start) && place.contains(&format!("--> {file}:"))
    })
}
