//! JSON Schema (draft 2020-12) of both documents, for editors, made from the shapes that the validator uses.

use serde_json::{Map, Value, json};

use rules::{MAX_FLAG_KEY, MAX_TENANT_ID, RESERVED_ATTRIBUTES};

use crate::form::{Form, Text};
use crate::quantity::{DURATION_UNITS, SIZE_UNITS};
use crate::shape::flags::FlagsDocument;
use crate::shape::sluice::GatewayDocument;
use crate::shape::text::{AttributeName, FlagKey, TenantId};
use crate::shape::{FieldShape, ListShape, MapShape, Needs, ObjectShape, Shape, UNBOUNDED, UnionShape, When};
use crate::validate::VERSION;

/// Returns the JSON Schema of the flags document.
#[must_use]
pub fn flags_schema() -> Value {
    document(FlagsDocument::SHAPE, "flags.yaml", Definitions::default())
}

/// Returns the JSON Schema of `sluice.yaml`.
#[must_use]
pub fn sluice_schema() -> Value {
    let definitions = Definitions {
        takes_references: true,
        ..Definitions::default()
    };
    document(GatewayDocument::SHAPE, "sluice.yaml", definitions)
}

fn document(root: Shape, title: &str, mut definitions: Definitions) -> Value {
    let reference = definitions.shape(root);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": title,
        "$ref": reference.get("$ref"),
        "$defs": definitions.made,
    })
}

/// The definitions so far, by name.
#[derive(Default)]
struct Definitions {
    made: Map<String, Value>,
    /// True if scalars may contain references to environment variables.
    takes_references: bool,
}

impl Definitions {
    fn shape(&mut self, shape: Shape) -> Value {
        let schema = self.written(shape);
        match shape {
            Shape::Choice(_)
            | Shape::Boolean
            | Shape::Integer(..)
            | Shape::Number
            | Shape::Share
            | Shape::Duration
            | Shape::Size
                if self.takes_references =>
            {
                json!({ "anyOf": [schema, { "type": "string", "pattern": "\\$\\{" }] })
            }
            _ => schema,
        }
    }

    /// Returns the schema of a value without references to environment variables.
    fn written(&mut self, shape: Shape) -> Value {
        match shape {
            Shape::Object(object) => self.object(object()),
            Shape::Map(map) => self.map(map),
            Shape::List(list) => self.list(list),
            Shape::Union(union) => self.union(union()),
            Shape::Choice(values) => json!({ "enum": values }),
            Shape::Text(FlagKey::WHAT) => flag_key(),
            Shape::Text(_) | Shape::Prose => json!({ "type": "string" }),
            Shape::Name(_) => json!({ "type": "string", "minLength": 1 }),
            Shape::Boolean => json!({ "type": "boolean" }),
            Shape::Integer(min, max) => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Shape::Percentage => json!({ "type": "number", "minimum": 0, "maximum": 100 }),
            Shape::Share => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
            Shape::Number => json!({ "type": "number" }),
            Shape::Scalar => json!({ "type": ["string", "number", "boolean"] }),
            Shape::Variant => json!({ "type": ["string", "boolean"] }),
            Shape::Any => json!(true),
            Shape::Version => json!({ "const": VERSION }),
            Shape::Duration => json!({ "type": "string", "pattern": quantity(&DURATION_UNITS) }),
            Shape::Size => json!({ "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": quantity(&SIZE_UNITS) },
            ] }),
            Shape::Secret(_) => json!({ "type": "string", "pattern": "^\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}$" }),
        }
    }

    fn object(&mut self, object: &'static ObjectShape) -> Value {
        let name = definition(object.name);
        let made = json!({ "$ref": reference(object.name) });
        if self.made.contains_key(&name) {
            return made;
        }
        // Conditions contain conditions: insert the name before the fields are visited, so that the recursion ends.
        self.made.insert(name.clone(), Value::Null);
        let mut properties = Map::new();
        for field in object.fields() {
            let mut schema = self.shape(field.shape);
            if let Some(schema) = schema.as_object_mut() {
                schema.insert("description".to_owned(), field.doc.into());
            }
            properties.insert(field.name.to_owned(), schema);
        }
        let names = |fields: &mut dyn Iterator<Item = &'static FieldShape>| -> Vec<_> {
            fields.map(|field| field.name).collect()
        };
        let required = names(&mut object.fields().filter(|field| field.required));
        let mut schema = json!({
            "description": object.doc,
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        });
        let one_of = match object.needs {
            Needs::Nothing => None,
            Needs::AtLeastOne => Some(("anyOf", object.names())),
            Needs::ExactlyOne(fields, _) => Some(("oneOf", names(&mut fields.iter()))),
        };
        if let (Some(schema), Some((word, names))) = (schema.as_object_mut(), one_of) {
            let one = names.iter().map(|name| json!({ "required": [name] }));
            schema.insert(word.to_owned(), one.collect());
        }
        self.made.insert(name, schema);
        made
    }

    fn map(&mut self, map: &'static MapShape) -> Value {
        let mut schema = json!({ "type": "object", "additionalProperties": self.shape(map.value) });
        if let (Some(schema), Some(names)) = (schema.as_object_mut(), names(map.key)) {
            schema.insert("propertyNames".to_owned(), names);
        }
        limits(
            &mut schema,
            ("minProperties", map.min),
            ("maxProperties", map.max),
        );
        schema
    }

    fn list(&mut self, list: &'static ListShape) -> Value {
        let mut schema = json!({ "type": "array", "items": self.shape(list.item) });
        limits(&mut schema, ("minItems", list.min), ("maxItems", list.max));
        schema
    }

    fn union(&mut self, union: &'static UnionShape) -> Value {
        let name = definition(union.name);
        let made = json!({ "$ref": reference(union.name) });
        if !self.made.contains_key(&name) {
            self.made.insert(name.clone(), Value::Null);
            let cases: Vec<Value> = union.cases.iter().map(|case| self.shape(case.shape)).collect();
            let named = union.cases.iter().any(|case| case.when == When::Key);
            // Cases with a key exclude each other by their fields, so that exactly one can match.
            let schema = if named {
                json!({ "oneOf": cases })
            } else {
                json!({ "anyOf": cases })
            };
            self.made.insert(name, schema);
        }
        made
    }
}

/// Returns the pattern of whole numbers with one of these units.
fn quantity(units: &[(&str, u64)]) -> String {
    let units: Vec<&str> = units.iter().map(|(unit, _)| *unit).collect();
    format!("^[0-9]+({})$", units.join("|"))
}

fn flag_key() -> Value {
    let longest = MAX_FLAG_KEY - 1;
    json!({ "type": "string", "pattern": format!("^[A-Za-z][A-Za-z0-9._-]{{0,{longest}}}$") })
}

/// Returns the schema of the keys of a mapping, if they have a pattern.
fn names(what: &str) -> Option<Value> {
    match what {
        FlagKey::WHAT => Some(flag_key()),
        TenantId::WHAT => Some(json!({ "pattern": format!("^[!-~]{{1,{MAX_TENANT_ID}}}$") })),
        AttributeName::WHAT => Some(json!({ "not": { "enum": RESERVED_ATTRIBUTES } })),
        _ => None,
    }
}

fn limits(schema: &mut Value, (min_name, min): (&str, usize), (max_name, max): (&str, usize)) {
    let Some(schema) = schema.as_object_mut() else {
        return;
    };
    if min > 0 {
        schema.insert(min_name.to_owned(), min.into());
    }
    if max != UNBOUNDED {
        schema.insert(max_name.to_owned(), max.into());
    }
}

/// Returns the name of a definition: without its article and without characters that a reference would have to escape.
fn definition(name: &str) -> String {
    let name = name
        .strip_prefix("a ")
        .or_else(|| name.strip_prefix("an "))
        .unwrap_or(name);
    let words = name
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").to_lowercase()
}

fn reference(name: &str) -> String {
    format!("#/$defs/{}", definition(name))
}

#[cfg(test)]
mod tests;
