//! Routes: method, path, permission, parameters and handler.

use changes::{Event, Permission, Role};

use super::handler::Handler;
use super::query::Parameter;
use super::schema::RequestSchema;

/// The prefix of every path.
pub const PREFIX: &str = "/api/v1";

/// A route of the API.
#[derive(Clone, Copy)]
pub struct ApiRoute {
    /// Its method.
    pub method: Verb,
    /// Its path after [`PREFIX`].
    pub path: &'static str,
    /// Its name in the OpenAPI document.
    pub name: &'static str,
    /// Its effect, in one sentence.
    pub summary: &'static str,
    /// The permission that its caller needs, for the org in the path.
    pub permission: Permission,
    /// Its effect on the state.
    pub(crate) access: Access,
    /// The lane in which its requests wait.
    pub(crate) lane: Lane,
    /// The parameters of its query, without those that all changes have.
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
    /// Returns the method as in requests.
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

/// The effect of a route on the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// It has none.
    Read,
    /// It changes the stored state. It accepts `If-Match`, `dry_run` and `force`; a rejection is audited as this event.
    Change(Event),
    /// It changes no state, but is audited as this event.
    Audited(Event),
}

/// The lane in which requests wait. Each lane has its own slots, and urgent requests a quota in addition to the common
/// one, so that they don't wait for reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// The lane of most requests.
    Common,
    /// The lane of changes that turn a feature off or restore it. A dry run is not urgent.
    Urgent,
}

impl ApiRoute {
    /// Returns true if the role may use the route; the role org-admin, for its own org.
    #[must_use]
    pub fn allows(&self, role: Role) -> bool {
        self.permission.roles().contains(&role)
    }

    /// Returns the names in its path.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
    }

    /// Returns all parameters of its query.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &'static Parameter> + Clone {
        let of_changes: &[Parameter] = match (self.access, self.handler.request) {
            (Access::Change(_), RequestSchema::Json(..)) => super::query::CHANGE_PARAMETERS,
            (
                Access::Change(_),
                RequestSchema::None
                | RequestSchema::OptionalJson(..)
                | RequestSchema::Record(..)
                | RequestSchema::Document(..),
            ) => super::query::BARE_CHANGE_PARAMETERS,
            (Access::Read | Access::Audited(_), _) => &[],
        };
        self.query.iter().chain(of_changes)
    }
}
