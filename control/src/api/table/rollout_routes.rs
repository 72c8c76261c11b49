//! The routes of rollout plans, and of the reports from people that their checks read.

use changes::{Event, Permission};

use super::route_defaults::{CHANGE, READ};
use crate::api::handler::handler;
use crate::api::query::{AFTER, LIMIT, ONLY_FLAGS, boolean_parameter};
use crate::api::route::{Access, ApiRoute, Lane, Verb};
use crate::api::{
    reports, rollout_change, rollout_document, rollout_events, rollout_evidence, rollout_tick, rollouts,
};

/// The routes of rollout plans and of reports.
pub(super) const ROLLOUT_ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/platform/rollouts",
        name: "listRollouts",
        summary: "Lists the rollout plans of all flags, each with its state and what it waits for.",
        query: &[LIMIT, AFTER, ONLY_FLAGS],
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
];
