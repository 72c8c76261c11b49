//! The table of all routes: method, path, permission, parameters and handler of each.

mod flag_routes;
mod rollout_routes;
mod route_defaults;
mod tenant_routes;
mod traffic_routes;

use changes::{Event, Permission};

use self::flag_routes::FLAG_ROUTES;
use self::rollout_routes::ROLLOUT_ROUTES;
use self::route_defaults::{CHANGE, READ};
use self::tenant_routes::TENANT_ROUTES;
use self::traffic_routes::TRAFFIC_ROUTES;
use super::handler::handler;
use super::query::{
    ABOUT_FLAG, ACTION, AFTER_ENTRY, DECISION_MAKER, FROM, INCIDENT, LIMIT, OF_ACTOR, OF_ORG, UNTIL,
    boolean_parameter,
};
use super::route::{Access, ApiRoute, Verb};
use super::{account, audit, backup, document, explain, log_level, nodes};

/// The routes by their subjects, in the order of the OpenAPI document.
const TABLES: [&[ApiRoute]; 6] = [
    SERVICE_ROUTES,
    FLAG_ROUTES,
    ROLLOUT_ROUTES,
    TENANT_ROUTES,
    TRAFFIC_ROUTES,
    RECORD_ROUTES,
];

/// Returns every route of the API.
pub fn routes() -> impl Iterator<Item = &'static ApiRoute> {
    TABLES.into_iter().flatten()
}

/// The routes of the service itself.
const SERVICE_ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/whoami",
        name: "whoAmI",
        summary: "Returns the signed-in actor.",
        permission: Permission::ReadOwnOrg,
        handler: handler!(account::whoami),
        ..READ
    },
    ApiRoute {
        path: "/openapi.json",
        name: "openApi",
        summary: "Returns this document.",
        permission: Permission::ReadOwnOrg,
        handler: handler!(account::openapi),
        ..READ
    },
    ApiRoute {
        path: "/log-level",
        name: "showLogLevel",
        summary: "Returns the levels of the process log.",
        permission: Permission::Administer,
        handler: handler!(log_level::show),
        ..READ
    },
    ApiRoute {
        method: Verb::Put,
        path: "/log-level",
        name: "setLogLevel",
        summary: "Sets the levels of the process log, with a time after which the former ones return.",
        permission: Permission::Administer,
        access: Access::Audited(Event::LogLevelSet),
        handler: handler!(log_level::set),
        ..READ
    },
    ApiRoute {
        path: "/platform/nodes",
        name: "listNodes",
        summary: "Lists the nodes with their revision and state.",
        handler: handler!(nodes::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/health",
        name: "showHealth",
        summary: "Returns the health of the node that answers: documents, keys, upstreams, store.",
        handler: handler!(nodes::health),
        ..READ
    },
];

/// The routes of the audit log, of explanations, of the document and of the store.
const RECORD_ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/platform/audit",
        name: "listAudit",
        summary: "Lists the audit log, newest entry first.",
        query: &[
            LIMIT,
            AFTER_ENTRY,
            ABOUT_FLAG,
            OF_ORG,
            OF_ACTOR,
            ACTION,
            FROM,
            UNTIL,
        ],
        handler: handler!(audit::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/audit/verify",
        name: "verifyAudit",
        summary: "Verifies that no entry is missing or altered.",
        handler: handler!(audit::verify_log),
        ..READ
    },
    ApiRoute {
        path: "/platform/audit/export",
        name: "exportAudit",
        summary: "Returns the audit log as JSON lines, oldest entry first.",
        query: &[AFTER_ENTRY],
        handler: handler!(audit::export),
        ..READ
    },
    ApiRoute {
        path: "/orgs/{org}/audit",
        name: "listOrgAudit",
        summary: "Lists the audit log of an org, newest entry first.",
        permission: Permission::ReadOwnOrg,
        query: &[LIMIT, AFTER_ENTRY, ABOUT_FLAG, OF_ACTOR, ACTION, FROM, UNTIL],
        handler: handler!(audit::list_of_org),
        ..READ
    },
    ApiRoute {
        path: "/explain",
        name: "explain",
        summary: "Explains the decision of a flag or the handling of a request, with every step.",
        method: Verb::Post,
        handler: handler!(explain::explain),
        ..READ
    },
    ApiRoute {
        path: "/platform/document",
        name: "exportDocument",
        summary: "Returns the whole document as served.",
        handler: handler!(document::export),
        ..READ
    },
    ApiRoute {
        method: Verb::Put,
        path: "/platform/document",
        name: "applyDocument",
        summary: "Applies a flags document: replaces the fields that documents own, and creates what is missing.",
        access: Access::Change(Event::DocumentApplied),
        permission: Permission::Administer,
        query: &[
            boolean_parameter("prune", "Removes flags and segments that the document omits."),
            boolean_parameter(
                "adopt",
                "Creates new flags with the lifecycle, tiers and rollout of the document, under the conditions of a promotion.",
            ),
            DECISION_MAKER,
            INCIDENT,
        ],
        handler: handler!(document::apply),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/backup",
        name: "backup",
        summary: "Returns a consistent copy of the store.",
        permission: Permission::Administer,
        access: Access::Audited(Event::BackupTaken),
        handler: handler!(backup::backup),
        ..READ
    },
];

#[cfg(test)]
mod tests;
