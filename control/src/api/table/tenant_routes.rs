//! The routes of tenants (orgs), those of their own admins included.

use changes::{Event, Permission};

use super::route_defaults::{CHANGE, READ};
use crate::api::handler::handler;
use crate::api::query::{
    AFTER, LIMIT, ONLY_FLAGS, boolean_parameter, search_parameter, text_parameter, word_parameter,
};
use crate::api::route::{Access, ApiRoute, Lane, Verb};
use crate::api::{org_flags, orgs, reports, tenant_flags};

/// The routes of tenants.
pub(super) const TENANT_ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/platform/orgs",
        name: "listOrgs",
        summary: "Lists tenants and their records.",
        query: &[
            LIMIT,
            AFTER,
            search_parameter("Lists only tenants whose id contains this text, in any case."),
            text_parameter("tier", "Lists only tenants of this tier."),
            word_parameter(
                "channel",
                &["stable", "latest"],
                "Lists only tenants of this channel; a record without one is `stable`.",
            ),
        ],
        handler: handler!(orgs::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/orgs:import",
        name: "importOrgs",
        summary: "Imports many tenants in one revision, with a result for each.",
        access: Access::Change(Event::TenantsImported),
        handler: handler!(orgs::import),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/orgs/{org}",
        name: "showOrg",
        summary: "Returns a tenant and its record.",
        handler: handler!(orgs::show),
        ..READ
    },
    ApiRoute {
        method: Verb::Put,
        path: "/platform/orgs/{org}",
        name: "putOrg",
        summary: "Replaces the record of a tenant.",
        access: Access::Change(Event::TenantChanged),
        handler: handler!(orgs::put),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Patch,
        path: "/platform/orgs/{org}",
        name: "patchOrg",
        summary: "Changes fields of the record of a tenant (RFC 7396).",
        access: Access::Change(Event::TenantChanged),
        handler: handler!(orgs::patch),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Delete,
        path: "/platform/orgs/{org}",
        name: "deleteOrg",
        summary: "Removes the record of a tenant.",
        access: Access::Change(Event::TenantRemoved),
        handler: handler!(orgs::delete),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/orgs/{org}/feature-flags",
        name: "listTenantFlags",
        summary: "Lists all flags as they are decided for a tenant.",
        query: &[
            LIMIT,
            AFTER,
            search_parameter("Lists only flags whose key or description contains this text, in any case."),
            boolean_parameter(
                "on",
                "Lists only flags that the tenant has on, or only those that it has off.",
            ),
        ],
        handler: handler!(tenant_flags::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/orgs/{org}/feature-flags/{flag}",
        name: "setOverride",
        summary: "Sets or removes the override of a flag for a tenant.",
        access: Access::Change(Event::FlagEnabled),
        lane: Lane::Urgent,
        handler: handler!(orgs::set_override),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Put,
        path: "/platform/orgs/{org}/beta/{flag}",
        name: "allowBeta",
        summary: "Adds a flag to the beta allowlist of a tenant.",
        access: Access::Change(Event::BetaAllowed),
        handler: handler!(orgs::allow),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Delete,
        path: "/platform/orgs/{org}/beta/{flag}",
        name: "disallowBeta",
        summary: "Removes a flag from the beta allowlist of a tenant.",
        access: Access::Change(Event::BetaDisallowed),
        lane: Lane::Urgent,
        handler: handler!(orgs::disallow),
        ..CHANGE
    },
    ApiRoute {
        path: "/orgs/{org}/feature-flags",
        name: "listOrgFlags",
        summary: "Lists the beta and ga flags of an org.",
        permission: Permission::ReadOwnOrg,
        query: &[LIMIT, AFTER, ONLY_FLAGS],
        handler: handler!(org_flags::list),
        ..READ
    },
    ApiRoute {
        path: "/orgs/{org}/feature-flags/{flag}/opt-in",
        name: "optIn",
        summary: "Opts the org in to a flag.",
        access: Access::Change(Event::OptedIn),
        permission: Permission::ChooseOptIns,
        handler: handler!(org_flags::opt_in),
        ..CHANGE
    },
    ApiRoute {
        path: "/orgs/{org}/feature-flags/{flag}/opt-out",
        name: "optOut",
        summary: "Opts the org out of a flag.",
        access: Access::Change(Event::OptedOut),
        permission: Permission::ChooseOptIns,
        handler: handler!(org_flags::opt_out),
        ..CHANGE
    },
    ApiRoute {
        path: "/orgs/{org}/feature-flags/{flag}/reports",
        name: "reportOfOrg",
        summary: "Reports a problem of the org with a flag.",
        access: Access::Change(Event::Reported),
        permission: Permission::Report,
        handler: handler!(reports::report_of_org),
        ..CHANGE
    },
];
