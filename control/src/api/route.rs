//! What a route is: where it is, who may use it, what it takes and what answers it.

use changes::{Event, Permission, Role};
use serde_json::Value;
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::handler::Handler;
use super::query::Parameter;

/// What every path begins with.
pub const PREFIX: &str = "/api/v1";

/// A route of the API.
#[derive(Clone, Copy)]
pub struct Route {
    /// Its method.
    pub method: Verb,
    /// Its path after [`PREFIX`].
    pub path: &'static str,
    /// Its name in the OpenAPI document.
    pub name: &'static str,
    /// In one sentence, what it does.
    pub summary: &'static str,
    /// What whoever uses it must hold, for the org that its path names.
    pub permission: Permission,
    /// What it does to the state of things.
    pub(crate) access: Access,
    /// By which way its requests come to be worked on.
    pub(crate) lane: Lane,
    /// What its query may say; writes know some parameters more.
    pub(crate) query: &'static [Parameter],
    /// The function that answers it, and the schemas of its bodies.
    pub(crate) handler: Handler,
}

/// A method of HTTP that routes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// GET, and HEAD.
    Get,
    /// POST.
    Post,
    /// PUT.
    Put,
    /// PATCH.
    Patch,
    /// DELETE.
    Delete,
}

impl Verb {
    /// As requests write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// What a route does to the state of things.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Nothing.
    Read,
    /// It changes what is kept: takes `If-Match`, `dry_run`, `force`, and its refusal is this event's.
    Change(Event),
    /// It does something else that only some may.
    Act(Event),
}

/// By which way requests come to be worked on. Each has places of its own, and the urgent ones a reserve beyond the
/// quota of all, so that they don't wait for looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Most do.
    Common,
    /// What takes a feature away, or gives it back in a hurry. To only try it is not urgent.
    Urgent,
}

/// What the body of a request is.
#[derive(Clone, Copy)]
pub(crate) enum RequestSchema {
    /// There is none.
    None,
    /// JSON of this form, of at most so many bytes.
    Json(Form, usize),
    /// JSON of this form that is a record as the document has it, so that a reason stands in the query.
    Record(Form, usize),
    /// A flags document in JSON or YAML, of at most so many bytes.
    Document(usize),
}

/// What a good answer holds.
#[derive(Clone, Copy)]
pub(crate) enum ResponseSchema {
    /// JSON of this form.
    Json(Form),
    /// A JSON object on each line, of this form.
    Lines(Form),
    /// Bytes.
    Bytes,
}

/// The form of JSON, for the OpenAPI document: puts its definitions in, and gives a reference.
pub(crate) type Form = fn(&mut Vec<(String, RefOr<Schema>)>) -> Value;

/// The form of a type.
pub(crate) fn form<T: ToSchema + PartialSchema>(definitions: &mut Vec<(String, RefOr<Schema>)>) -> Value {
    let name = T::name();
    definitions.push((name.to_string(), T::schema()));
    T::schemas(definitions);
    serde_json::to_value(Ref::from_schema_name(name)).unwrap_or_default()
}

/// Any object: its form is said elsewhere.
pub(crate) fn any_object(_: &mut Vec<(String, RefOr<Schema>)>) -> Value {
    serde_json::json!({ "type": "object" })
}

impl ResponseSchema {
    /// Returns the media type of the body.
    pub(crate) fn media_type(self) -> &'static str {
        match self {
            Self::Json(_) => "application/json",
            Self::Lines(_) => "application/jsonl",
            Self::Bytes => "application/octet-stream",
        }
    }
}

impl Route {
    /// Returns true if somebody in this role may use it, for its own org where it is an org's admin.
    #[must_use]
    pub fn allows(&self, role: Role) -> bool {
        self.permission.roles().contains(&role)
    }

    /// The names in its path.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Everything that its query may say.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static Parameter> + Clone {
        let of_writes: &[Parameter] = match (self.access, self.handler.request) {
            (Access::Change(_), RequestSchema::Json(..)) => super::query::OF_CHANGES,
            (
                Access::Change(_),
                RequestSchema::None | RequestSchema::Record(..) | RequestSchema::Document(_),
            ) => super::query::OF_BARE_CHANGES,
            (Access::Read | Access::Act(_), _) => &[],
        };
        self.query.iter().chain(of_writes)
    }
}
