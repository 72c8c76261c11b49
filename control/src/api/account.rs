//! Who is signed in, and the contract of the API.

use changes::Role;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::answer::Answer;
use super::ask::Ask;
use super::problem::Problem;

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoAmI<'a> {
    /// The name of the static token, or the subject of the issuer's.
    name: &'a str,
    /// The role.
    #[schema(value_type = RoleName)]
    role: Role,
    /// For an org's admin, its org.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    org: Option<&'a str>,
}

/// A role.
#[derive(ToSchema)]
#[schema(as = Role, rename_all = "kebab-case")]
#[expect(dead_code, reason = "it is the form of `Role`")]
pub(crate) enum RoleName {
    OrgAdmin,
    Viewer,
    Operator,
    PlatformAdmin,
}

pub(crate) fn whoami(_: &Api, ask: &Ask) -> Result<Answer, Problem> {
    Answer::json(&WhoAmI {
        name: &ask.actor.name,
        role: ask.actor.role,
        org: ask.actor.org.as_deref(),
    })
}

pub(crate) fn openapi(_: &Api, _: &Ask) -> Result<Answer, Problem> {
    Answer::json(&super::openapi::document())
}
