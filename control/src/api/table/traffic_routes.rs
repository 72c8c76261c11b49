//! The routes of the traffic: receipts of requests, and reports.

use changes::Permission;

use super::route_defaults::READ;
use crate::api::handler::handler;
use crate::api::query::{AFTER, LIMIT, ONLY_FLAGS, text_parameter};
use crate::api::route::ApiRoute;
use crate::api::{flag_traffic, requests, traffic};

/// The routes, in the order of the OpenAPI document.
pub(super) const TRAFFIC_ROUTES: &[ApiRoute] = &[
    ApiRoute {
        path: "/requests",
        name: "listReceipts",
        summary: "Lists the receipts of the latest refused and sampled requests, newest first.",
        query: &[
            LIMIT,
            text_parameter("tenant", "Lists only requests of this tenant."),
            text_parameter("flag", "Lists only requests whose gate names this flag."),
            text_parameter(
                "outcome",
                "Lists only requests with this outcome, such as `rejected`.",
            ),
        ],
        handler: handler!(requests::list),
        ..READ
    },
    ApiRoute {
        path: "/requests/{request}",
        name: "showReceipt",
        summary: "Returns the decision about a refused or sampled request, and as it would be now.",
        permission: Permission::ReadOwnOrg,
        handler: handler!(requests::show),
        ..READ
    },
    ApiRoute {
        path: "/traffic/flags",
        name: "reportFlagTraffic",
        summary: "Reports the requests and errors of flags by minute, over the last hour.",
        query: &[
            LIMIT,
            AFTER,
            ONLY_FLAGS,
            text_parameter(
                "flag",
                "Reports only this flag, with the arms of its rollout plan.",
            ),
        ],
        handler: handler!(flag_traffic::list),
        ..READ
    },
    ApiRoute {
        path: "/traffic/shadow",
        name: "reportShadow",
        summary: "Reports the requests that gates in shadow mode would have refused.",
        handler: handler!(traffic::shadow),
        ..READ
    },
    ApiRoute {
        path: "/traffic/coverage",
        name: "reportCoverage",
        summary: "Reports routes without a gate, and gates and flags that no request was decided by.",
        handler: handler!(traffic::coverage),
        ..READ
    },
];
