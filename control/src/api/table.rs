//! The table of all routes: method, path, permission, parameters and handler of each.

use changes::{Event, Permission};

use super::handler::handler;
use super::query::{
    ABOUT_FLAG, ACTION, AFTER, AFTER_ENTRY, DECISION_MAKER, FROM, INCIDENT, LIMIT, OF_ACTOR, OF_ORG, UNTIL,
    boolean_parameter,
};
use super::route::{Access, ApiRoute, Lane, Verb};
use super::{
    account, announcements, audit, backup, document, explain, flag_changes, flags, org_flags, orgs, reports,
    rollout_change, rollout_document, rollout_events, rollout_evidence, rollout_tick, rollouts,
};

/// The defaults of a route that reads.
const READ: ApiRoute = ApiRoute {
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
const CHANGE: ApiRoute = ApiRoute {
    method: Verb::Post,
    permission: Permission::Operate,
    access: Access::Change(Event::TenantChanged),
    ..READ
};

/// Every route of the API.
pub const ROUTES: &[ApiRoute] = &[
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
        path: "/platform/feature-flags",
        name: "listFlags",
        summary: "Lists flags with their state and the numbers of their tenants.",
        query: &[
            LIMIT,
            AFTER,
            boolean_parameter("stale", "Lists only flags that should be removed."),
        ],
        handler: handler!(flags::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}",
        name: "showFlag",
        summary: "Returns a flag with its state and the numbers of its tenants.",
        handler: handler!(flags::show),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/state",
        name: "setState",
        summary: "Promotes or reverts a flag.",
        access: Access::Change(Event::StateChanged),
        lane: Lane::Urgent,
        handler: handler!(flag_changes::set_state),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/kill",
        name: "killFlag",
        summary: "Turns a flag off for everyone.",
        access: Access::Change(Event::FlagKilled),
        lane: Lane::Urgent,
        handler: handler!(flag_changes::kill),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/restore",
        name: "restoreFlag",
        summary: "Restores a killed flag.",
        access: Access::Change(Event::FlagRestored),
        lane: Lane::Urgent,
        handler: handler!(flag_changes::restore),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Put,
        path: "/platform/feature-flags/{flag}/tiers",
        name: "setTiers",
        summary: "Sets the defaults of tiers.",
        access: Access::Change(Event::TiersChanged),
        handler: handler!(flag_changes::set_tiers),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Put,
        path: "/platform/feature-flags/{flag}/rollout",
        name: "setRollout",
        summary: "Sets or removes the percentage rollout.",
        access: Access::Change(Event::RolloutChanged),
        handler: handler!(flag_changes::set_rollout),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/sign-offs",
        name: "signOff",
        summary: "Signs off the promotion of a flag on behalf of a role.",
        access: Access::Change(Event::SignedOff),
        handler: handler!(flag_changes::sign_off),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/incidents",
        name: "openIncident",
        summary: "Opens an incident of a flag, which blocks its promotions.",
        access: Access::Change(Event::IncidentOpened),
        handler: handler!(flag_changes::open_incident),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/incidents/close",
        name: "closeIncident",
        summary: "Closes an incident of a flag.",
        access: Access::Change(Event::IncidentClosed),
        handler: handler!(flag_changes::close_incident),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/announcement",
        name: "draftAnnouncement",
        summary: "Drafts the announcement of a beta or of ga, or the notice of a revert, from the facts.",
        query: &[announcements::SUBJECT],
        handler: handler!(announcements::draft),
        ..READ
    },
    ApiRoute {
        path: "/platform/rollouts",
        name: "listRollouts",
        summary: "Lists the rollout plans of all flags, each with its state and what it waits for.",
        query: &[LIMIT, AFTER],
        handler: handler!(rollouts::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout",
        name: "showRollout",
        summary: "Returns the rollout plan of a flag, its state, and what it waits for.",
        handler: handler!(rollouts::show),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/evidence",
        name: "showRolloutEvidence",
        summary: "Returns the measurements behind the verdicts of the present stage of a rollout plan.",
        query: &[boolean_parameter(
            "minutes",
            "Includes the counts of the arms by minute.",
        )],
        handler: handler!(rollout_evidence::show),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/events",
        name: "watchRollout",
        summary: "Sends the state and the evidence of a rollout plan as server-sent events: at once, then after each change.",
        handler: handler!(rollout_events::watch),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/document",
        name: "documentRollout",
        summary: "Returns the record of a rollout plan in Markdown: strategy, configuration, stages, checks, rollback, approvals and course.",
        handler: handler!(rollout_document::show),
        ..READ
    },
    ApiRoute {
        method: Verb::Post,
        path: "/platform/feature-flags/{flag}/rollout/tick",
        name: "tickRollout",
        summary: "Looks at the checks of a rollout plan now, and takes the step that is due.",
        permission: Permission::Operate,
        handler: handler!(rollout_tick::tick),
        ..READ
    },
    ApiRoute {
        method: Verb::Put,
        path: "/platform/feature-flags/{flag}/rollout/plan",
        name: "setRolloutPlan",
        summary: "Sets the rollout plan of a flag, or edits the later stages of an active one.",
        access: Access::Change(Event::PlanSet),
        handler: handler!(rollout_change::set_plan),
        ..CHANGE
    },
    ApiRoute {
        method: Verb::Delete,
        path: "/platform/feature-flags/{flag}/rollout/plan",
        name: "removeRolloutPlan",
        summary: "Removes the rollout plan of a flag with its stages.",
        access: Access::Change(Event::PlanRemoved),
        handler: handler!(rollout_change::remove_plan),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/approve",
        name: "approveRolloutPlan",
        summary: "Approves the rollout plan of a flag on behalf of a role.",
        access: Access::Change(Event::PlanApproved),
        handler: handler!(rollout_change::approve),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/check",
        name: "checkRolloutItem",
        summary: "Checks off an item of the checklist of a rollout plan, or opens it again.",
        access: Access::Change(Event::PlanItemChecked),
        handler: handler!(rollout_change::check),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/start",
        name: "startRollout",
        summary: "Starts the rollout plan of a flag: enters its first stage.",
        access: Access::Change(Event::RolloutStarted),
        handler: handler!(rollout_change::start),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/pause",
        name: "pauseRollout",
        summary: "Pauses a rollout plan. Its stages stay in force.",
        access: Access::Change(Event::RolloutPaused),
        lane: Lane::Urgent,
        handler: handler!(rollout_change::pause),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/resume",
        name: "resumeRollout",
        summary: "Continues a rollout plan in the same stage.",
        access: Access::Change(Event::RolloutResumed),
        handler: handler!(rollout_change::resume),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/advance",
        name: "advanceRollout",
        summary: "Enters the next stage of a rollout plan, or completes it after the last one.",
        access: Access::Change(Event::StageEntered),
        handler: handler!(rollout_change::advance),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/rollback",
        name: "rollBackRollout",
        summary: "Rolls a rollout plan back.",
        access: Access::Change(Event::RolloutRolledBack),
        lane: Lane::Urgent,
        handler: handler!(rollout_change::roll_back),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/rollout/cancel",
        name: "cancelRollout",
        summary: "Ends a rollout plan. The flag is decided as without one.",
        access: Access::Change(Event::RolloutCancelled),
        lane: Lane::Urgent,
        handler: handler!(rollout_change::cancel),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/reports",
        name: "listReports",
        summary: "Lists the open reports from people about a flag.",
        handler: handler!(reports::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/reports",
        name: "report",
        summary: "Reports a problem of an org with a flag.",
        access: Access::Change(Event::Reported),
        handler: handler!(reports::report),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/reports/{report}/close",
        name: "closeReport",
        summary: "Closes a report about a flag.",
        access: Access::Change(Event::ReportClosed),
        handler: handler!(reports::close),
        ..CHANGE
    },
    ApiRoute {
        path: "/platform/orgs",
        name: "listOrgs",
        summary: "Lists tenants and their records.",
        query: &[LIMIT, AFTER],
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
        query: &[LIMIT, AFTER],
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
