//! The table of all routes: method, path, permission, parameters and handler of each.

use changes::{Event, Permission};

use super::handler::handler;
use super::query::{ACTION, AFTER, AFTER_ENTRY, LIMIT, named, switch, time};
use super::route::{Access, Lane, Route, Verb};
use super::{account, audit, backup, document, explain, flag_changes, flags, org_flags, orgs};

/// The defaults of a route that reads.
const READ: Route = Route {
    method: Verb::Get,
    path: "",
    name: "",
    summary: "",
    permission: Permission::Look,
    access: Access::Read,
    lane: Lane::Common,
    query: &[],
    handler: handler!(account::whoami),
};
/// The defaults of a route that changes the state.
const CHANGE: Route = Route {
    method: Verb::Post,
    path: "",
    name: "",
    summary: "",
    permission: Permission::Operate,
    access: Access::Change(Event::TenantChanged),
    lane: Lane::Common,
    query: &[],
    handler: handler!(account::whoami),
};

/// Every route of the API.
pub const ROUTES: &[Route] = &[
    Route {
        path: "/whoami",
        name: "whoAmI",
        summary: "Who is signed in.",
        permission: Permission::LookAtOwn,
        handler: handler!(account::whoami),
        ..READ
    },
    Route {
        path: "/openapi.json",
        name: "openApi",
        summary: "This document.",
        permission: Permission::LookAtOwn,
        handler: handler!(account::openapi),
        ..READ
    },
    Route {
        path: "/platform/feature-flags",
        name: "listFlags",
        summary: "Flags with their state, and who has them on.",
        query: &[
            LIMIT,
            AFTER,
            switch("stale", "Only those that have outlived their purpose."),
        ],
        handler: handler!(flags::list),
        ..READ
    },
    Route {
        path: "/platform/feature-flags/{flag}",
        name: "showFlag",
        summary: "A flag with its state, and who has it on.",
        handler: handler!(flags::show),
        ..READ
    },
    Route {
        path: "/platform/feature-flags/{flag}/state",
        name: "setState",
        summary: "Promotes or reverts a flag.",
        access: Access::Change(Event::StateChanged),
        lane: Lane::Urgent,
        handler: handler!(flag_changes::set_state),
        ..CHANGE
    },
    Route {
        path: "/platform/feature-flags/{flag}/kill",
        name: "killFlag",
        summary: "Turns a flag off for everyone.",
        access: Access::Change(Event::FlagKilled),
        lane: Lane::Urgent,
        handler: handler!(flag_changes::kill),
        ..CHANGE
    },
    Route {
        path: "/platform/feature-flags/{flag}/restore",
        name: "restoreFlag",
        summary: "Ends a kill.",
        access: Access::Change(Event::FlagRestored),
        lane: Lane::Urgent,
        handler: handler!(flag_changes::restore),
        ..CHANGE
    },
    Route {
        method: Verb::Put,
        path: "/platform/feature-flags/{flag}/tiers",
        name: "setTiers",
        summary: "Sets tier defaults.",
        access: Access::Change(Event::TiersChanged),
        handler: handler!(flag_changes::set_tiers),
        ..CHANGE
    },
    Route {
        method: Verb::Put,
        path: "/platform/feature-flags/{flag}/rollout",
        name: "setRollout",
        summary: "Sets or removes the percentage rollout.",
        access: Access::Change(Event::RolloutChanged),
        handler: handler!(flag_changes::set_rollout),
        ..CHANGE
    },
    Route {
        path: "/platform/feature-flags/{flag}/sign-offs",
        name: "signOff",
        summary: "Answers for the promotion of a flag on behalf of a role.",
        access: Access::Change(Event::SignedOff),
        handler: handler!(flag_changes::sign_off),
        ..CHANGE
    },
    Route {
        path: "/platform/orgs",
        name: "listOrgs",
        summary: "Tenants and their records.",
        query: &[LIMIT, AFTER],
        handler: handler!(orgs::list),
        ..READ
    },
    Route {
        path: "/platform/orgs:import",
        name: "importOrgs",
        summary: "Writes many tenants in one revision, with a result for each.",
        access: Access::Change(Event::TenantsImported),
        handler: handler!(orgs::import),
        ..CHANGE
    },
    Route {
        path: "/platform/orgs/{org}",
        name: "showOrg",
        summary: "A tenant and its record.",
        handler: handler!(orgs::show),
        ..READ
    },
    Route {
        method: Verb::Put,
        path: "/platform/orgs/{org}",
        name: "putOrg",
        summary: "Writes a tenant whole.",
        access: Access::Change(Event::TenantChanged),
        handler: handler!(orgs::put),
        ..CHANGE
    },
    Route {
        method: Verb::Patch,
        path: "/platform/orgs/{org}",
        name: "patchOrg",
        summary: "Changes fields of a tenant (RFC 7396).",
        access: Access::Change(Event::TenantChanged),
        handler: handler!(orgs::patch),
        ..CHANGE
    },
    Route {
        method: Verb::Delete,
        path: "/platform/orgs/{org}",
        name: "deleteOrg",
        summary: "Removes the record of a tenant.",
        access: Access::Change(Event::TenantRemoved),
        handler: handler!(orgs::delete),
        ..CHANGE
    },
    Route {
        path: "/platform/orgs/{org}/feature-flags/{flag}",
        name: "setOverride",
        summary: "Gives a tenant a flag, takes it away, or neither any more.",
        access: Access::Change(Event::FlagEnabled),
        lane: Lane::Urgent,
        handler: handler!(orgs::set_override),
        ..CHANGE
    },
    Route {
        method: Verb::Put,
        path: "/platform/orgs/{org}/beta/{flag}",
        name: "allowBeta",
        summary: "Puts a flag on a tenant's beta allowlist.",
        access: Access::Change(Event::BetaAllowed),
        handler: handler!(orgs::allow),
        ..CHANGE
    },
    Route {
        method: Verb::Delete,
        path: "/platform/orgs/{org}/beta/{flag}",
        name: "disallowBeta",
        summary: "Takes a flag off a tenant's beta allowlist.",
        access: Access::Change(Event::BetaDisallowed),
        lane: Lane::Urgent,
        handler: handler!(orgs::disallow),
        ..CHANGE
    },
    Route {
        path: "/orgs/{org}/feature-flags",
        name: "listOrgFlags",
        summary: "The beta and ga flags as an org sees them.",
        permission: Permission::LookAtOwn,
        query: &[LIMIT, AFTER],
        handler: handler!(org_flags::list),
        ..READ
    },
    Route {
        path: "/orgs/{org}/feature-flags/{flag}/opt-in",
        name: "optIn",
        summary: "The org chooses to have a flag.",
        access: Access::Change(Event::OptedIn),
        permission: Permission::Choose,
        handler: handler!(org_flags::opt_in),
        ..CHANGE
    },
    Route {
        path: "/orgs/{org}/feature-flags/{flag}/opt-out",
        name: "optOut",
        summary: "The org chooses not to have a flag.",
        access: Access::Change(Event::OptedOut),
        permission: Permission::Choose,
        handler: handler!(org_flags::opt_out),
        ..CHANGE
    },
    Route {
        path: "/platform/audit",
        name: "listAudit",
        summary: "The audit log, the newest entry first.",
        query: &[
            LIMIT,
            AFTER_ENTRY,
            named("flag", "About this flag."),
            named("org", "In the log of this org."),
            named("actor", "By this actor."),
            ACTION,
            time("from", "At or after."),
            time("until", "Before."),
        ],
        handler: handler!(audit::list),
        ..READ
    },
    Route {
        path: "/platform/audit/verify",
        name: "verifyAudit",
        summary: "Whether no entry is missing or altered.",
        handler: handler!(audit::prove),
        ..READ
    },
    Route {
        path: "/platform/audit/export",
        name: "exportAudit",
        summary: "The audit log as JSON lines, the oldest entry first.",
        query: &[AFTER_ENTRY],
        handler: handler!(audit::export),
        ..READ
    },
    Route {
        path: "/orgs/{org}/audit",
        name: "listOrgAudit",
        summary: "The audit log of an org, the newest entry first.",
        permission: Permission::LookAtOwn,
        query: &[
            LIMIT,
            AFTER_ENTRY,
            named("flag", "About this flag."),
            named("actor", "By this actor."),
            ACTION,
            time("from", "At or after."),
            time("until", "Before."),
        ],
        handler: handler!(audit::list_of_org),
        ..READ
    },
    Route {
        path: "/explain",
        name: "explain",
        summary: "Why a flag serves what it serves, or what becomes of a request, with every step.",
        method: Verb::Post,
        handler: handler!(explain::explain),
        ..READ
    },
    Route {
        path: "/platform/document",
        name: "exportDocument",
        summary: "The whole document as it is in force.",
        handler: handler!(document::export),
        ..READ
    },
    Route {
        method: Verb::Put,
        path: "/platform/document",
        name: "applyDocument",
        summary: "Brings a document in: what documents own of flags, and what is new of the rest.",
        access: Access::Change(Event::DocumentApplied),
        permission: Permission::Administer,
        query: &[
            switch("prune", "Removes flags and segments that it leaves out."),
            switch(
                "adopt",
                "New flags keep the lifecycle, tiers and rollout that it gives them.",
            ),
        ],
        handler: handler!(document::apply),
        ..CHANGE
    },
    Route {
        path: "/platform/backup",
        name: "backup",
        summary: "A consistent copy of the store.",
        permission: Permission::Administer,
        access: Access::Act(Event::BackupTaken),
        handler: handler!(backup::backup),
        ..READ
    },
];

#[cfg(test)]
mod tests;
