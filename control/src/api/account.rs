//! Endpoints about the API itself: the signed-in actor and the OpenAPI document.

use changes::Role;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::handler::{AnyObject, NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// The signed-in actor.
#[derive(Serialize, ToSchema)]
pub(crate) struct WhoAmI {
    /// The name that identifies the actor: that of the static token, or `oidc:ISSUER#SUBJECT`.
    name: String,
    /// The name that the issuer's token displays.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    display_name: Option<String>,
    /// Its role.
    role: RoleName,
    /// Its org; only for the role org-admin.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    org: Option<String>,
}

/// The role of an actor.
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

pub(crate) fn whoami(_: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<WhoAmI>, ApiProblem> {
    Ok(Reply::new(WhoAmI {
        name: request.actor.name.clone(),
        display_name: request.actor.display_name.clone(),
        role: request.actor.role.into(),
        org: request.actor.org.clone(),
    }))
}

pub(crate) fn openapi(_: &Api, _: &ApiRequest, _: NoBody) -> Result<Reply<AnyObject<Value>>, ApiProblem> {
    Ok(Reply::new(AnyObject(super::openapi::document())))
}
