//! The routes of flags: state, kill switch, tiers, percentage, sign-offs, incidents.

use changes::Event;

use super::route_defaults::{CHANGE, READ};
use crate::api::handler::handler;
use crate::api::route::{Access, ApiRoute, Lane, Verb};
use crate::api::{
    announcements, decision_table, flag_changes, flag_list, flag_orgs, flag_tiers, flag_usage, flags,
    promotion,
};

/// The routes of flags.
pub(super) const FLAG_ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/platform/feature-flags",
        name: "listFlags",
        summary: "Lists flags with their state and the numbers of their tenants.",
        query: flag_list::PARAMETERS,
        handler: handler!(flag_list::list),
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
        path: "/platform/feature-flags/{flag}/usage",
        name: "showFlagUsage",
        summary: "Returns the routes, headers and flags that use a flag, and the flags and segments that it uses.",
        handler: handler!(flag_usage::show),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/decisions",
        name: "showFlagDecisions",
        summary: "Returns the decision table of a flag with the numbers of tenants that each line decides.",
        handler: handler!(decision_table::show),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/orgs",
        name: "listFlagOrgs",
        summary: "Lists tenants with the decision of a flag for each, its cause, and what their record says about it.",
        query: flag_orgs::PARAMETERS,
        handler: handler!(flag_orgs::list),
        ..READ
    },
    ApiRoute {
        path: "/platform/feature-flags/{flag}/promotion",
        name: "showPromotion",
        summary: "Returns the next step of a flag's lifecycle with its conditions.",
        handler: handler!(promotion::show),
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
        path: "/platform/feature-flags/{flag}/tiers",
        name: "showTiers",
        summary: "Returns the defaults of tiers, with the number of tenants of each tier.",
        handler: handler!(flag_tiers::show),
        ..READ
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
];
