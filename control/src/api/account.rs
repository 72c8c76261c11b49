//! Who is signed in, and the contract of the API.

use changes::Role;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::ask::Ask;
use super::handler::{AnyObject, NoBody, Reply};
use super::problem::Problem;

/// Who is signed in.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoAmI {
    /// The name of the static token, or the subject of the issuer's.
    name: String,
    /// The role.
    role: RoleName,
    /// For an org's admin, its org.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    org: Option<String>,
}

/// A role.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = Role)]
pub(crate) enum RoleName {
    OrgAdmin,
    Viewer,
    Operator,
    PlatformAdmin,
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::OrgAdmin => Self::OrgAdmin,
            Role::Viewer => Self::Viewer,
            Role::Operator => Self::Operator,
            Role::PlatformAdmin => Self::PlatformAdmin,
        }
    }
}

pub(crate) fn whoami(_: &Api, ask: &Ask, _: NoBody) -> Result<Reply<WhoAmI>, Problem> {
    Ok(Reply::new(WhoAmI {
        name: ask.actor.name.clone(),
        role: ask.actor.role.into(),
        org: ask.actor.org.clone(),
    }))
}

pub(crate) fn openapi(_: &Api, _: &Ask, _: NoBody) -> Result<Reply<AnyObject<Value>>, Problem> {
    Ok(Reply::new(AnyObject(super::openapi::document())))
}
