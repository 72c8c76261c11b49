//! Endpoint of the uses of a flag: by routes, by headers, by other flags; and the segments that it uses.

use changes::References;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use crate::node::{DocumentPlace, HeaderUse, RouteUse};

/// The largest number of flags that are listed as requiring a flag.
const MAX_DEPENDENTS: usize = 1_000;

/// The uses of a flag, and what it uses.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagUsage)]
pub(crate) struct FlagUsageBody {
    revision: u64,
    flag: String,
    /// The place of its definition; absent if a store manages the flags.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    place: Option<DocumentPlace>,
    /// The routes of this node whose gate or variants use it, or that count for it; at most 1,000, in the order of the
    /// document.
    routes: Vec<RouteUse>,
    /// The number of all these routes.
    routes_total: usize,
    /// The headers that can have it.
    headers: Vec<HeaderUse>,
    /// The flags that it requires.
    requires: Vec<RequiredFlagBody>,
    /// The keys of the flags that require it; at most 1,000, in their order.
    required_by: Vec<String>,
    /// The number of all flags that require it.
    required_by_total: usize,
    /// The segments that its rules and audiences use.
    segments: Vec<UsedSegmentBody>,
}

/// A flag that another one requires.
#[derive(Serialize, ToSchema)]
#[schema(as = RequiredFlag)]
pub(crate) struct RequiredFlagBody {
    flag: String,
    /// The variant that it must serve; absent for any but its off variant.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    is: Option<String>,
}

/// A segment that a flag uses.
#[derive(Serialize, ToSchema)]
#[schema(as = UsedSegment)]
pub(crate) struct UsedSegmentBody {
    segment: String,
    /// True if the flag names it; false if only another segment does.
    direct: bool,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagUsageBody>, ApiProblem> {
    let flag = request.flag();
    let (revision, references) = api
        .control()
        .read(|state, _| (state.revision, state.references(flag)));
    let References {
        requires,
        mut required_by,
        segments,
    } = references.ok_or_else(|| ApiProblem::flag_not_found(flag))?;
    // A node that has not yet taken over a new flag has no use of it.
    let uses = api
        .node()
        .and_then(|node| node.flag_uses(flag))
        .unwrap_or_default();
    let required_by_total = required_by.len();
    required_by.truncate(MAX_DEPENDENTS);
    let requires = requires.into_iter();
    let segments = segments.into_iter();
    let body = FlagUsageBody {
        revision: revision.0,
        flag: flag.to_owned(),
        place: uses.place,
        routes: uses.routes,
        routes_total: uses.routes_total,
        headers: uses.headers,
        requires: requires.map(|(flag, is)| RequiredFlagBody { flag, is }).collect(),
        required_by,
        required_by_total,
        segments: segments
            .map(|(segment, direct)| UsedSegmentBody { segment, direct })
            .collect(),
    };
    Ok(Reply::at(revision, body))
}
