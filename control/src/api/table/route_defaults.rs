//! The defaults of routes, which each route completes.

use changes::{Event, Permission};

use crate::api::account;
use crate::api::handler::handler;
use crate::api::route::{Access, ApiRoute, Lane, Verb};

/// The defaults of a route that reads.
pub(super) const READ: ApiRoute = ApiRoute {
    method: Verb::Get,
    path: "",
    name: "",
    summary: "",
    permission: Permission::Read,
    access: Access::Read,
    lane: Lane::Common,
    query: &[],
    handler: handler!(account::whoami),
};
/// The defaults of a route that changes the state.
pub(super) const CHANGE: ApiRoute = ApiRoute {
    method: Verb::Post,
    permission: Permission::Operate,
    access: Access::Change(Event::TenantChanged),
    ..READ
};
