//! The forms of bodies, and their schemas in the OpenAPI document.

use serde_json::Value;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// The form of a request body.
#[derive(Clone, Copy)]
pub(crate) enum RequestSchema {
    /// No body.
    None,
    /// JSON of this form, up to this number of bytes.
    Json(SchemaFn, usize),
    /// JSON as above, or no body, which means an empty object. The reason may also be in the query.
    OptionalJson(SchemaFn, usize),
    /// A record as in the flags document, of this form, up to this number of bytes. The reason is in the query.
    Record(SchemaFn, usize),
    /// A document in JSON or YAML: its name, and the largest number of bytes. The reason is in the query.
    Document(&'static str, usize),
}

/// The form of the body of a successful answer.
#[derive(Clone, Copy)]
pub(crate) enum ResponseSchema {
    /// JSON of this form.
    Json(SchemaFn),
    /// A JSON object on each line, of this form.
    JsonLines(SchemaFn),
    /// Server-sent events with data of this form.
    Events(SchemaFn),
    /// Text in Markdown.
    Markdown,
    /// Bytes.
    Bytes,
}

/// The schemas of the OpenAPI document, by name.
pub(crate) type SchemaDefinitions = Vec<(String, RefOr<Schema>)>;

/// A function that adds the definitions of a type to the OpenAPI document and returns the schema.
pub(crate) type SchemaFn = fn(&mut SchemaDefinitions) -> Value;

/// Adds the definitions of a type, and returns a reference to it.
pub(crate) fn schema_of<T: ToSchema + PartialSchema>(definitions: &mut SchemaDefinitions) -> Value {
    let name = T::name();
    definitions.push((name.to_string(), T::schema()));
    T::schemas(definitions);
    serde_json::to_value(Ref::from_schema_name(name)).unwrap_or_default()
}

/// Returns the schema of any object, whose form is described elsewhere.
pub(crate) fn any_object(_: &mut SchemaDefinitions) -> Value {
    serde_json::json!({ "type": "object" })
}

impl ResponseSchema {
    /// Returns the media type of the body.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::JsonLines(_) => "application/jsonl",
            Self::Events(_) => "text/event-stream",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Bytes => "application/octet-stream",
        }
    }
}
