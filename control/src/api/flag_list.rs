//! Endpoint that lists flags for staff: searched, filtered and sorted, in pages.

use std::cmp::Reverse;

use changes::{ManagedFlag, stale_among};
use rules::{Kind, Lifecycle, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use crate::tenant_counts::MAX_COUNTED_DECISIONS;

use super::Api;
use super::codes;
use super::flags::{FlagBody, by_key, copy_state, flag_body};
use super::handler::{NoBody, Reply};
use super::local_kills::LocalKills;
use super::problem::ApiProblem;
use super::query::{
    AFTER, DEFAULT_PAGE, LIMIT, Parameter, ParameterType, Query, boolean_parameter, text_parameter,
};
use super::request::ApiRequest;

/// The longest text to search for, in characters.
const MAX_SEARCH: usize = 200;
/// The lifecycle of flags that have none, in a query.
const NO_LIFECYCLE: &str = "none";

const LIFECYCLES: &[&str] = &[
    Lifecycle::Alpha.as_str(),
    Lifecycle::Beta.as_str(),
    Lifecycle::Ga.as_str(),
    Lifecycle::Retired.as_str(),
    NO_LIFECYCLE,
];
const KINDS: &[&str] = &[
    Kind::Release.as_str(),
    Kind::Experiment.as_str(),
    Kind::Permission.as_str(),
    Kind::Ops.as_str(),
];

/// The parameters of a list of flags.
pub(super) const PARAMETERS: &[Parameter] = &[
    LIMIT,
    AFTER,
    Parameter {
        name: "offset",
        parameter_type: ParameterType::Integer(0, u32::MAX),
        description: "The number of flags before the page, instead of `after`.",
    },
    Parameter {
        name: "sort",
        parameter_type: ParameterType::Word(&["key", "changed", "lifecycle"]),
        description: "The order: by `key` (default), by the last change with the newest first (`changed`), or by `lifecycle`, \
                      from alpha to retired, then flags without one. Equal ones are in the order of their keys. `after` \
                      needs `key`.",
    },
    Parameter {
        name: "search",
        parameter_type: ParameterType::Text(MAX_SEARCH),
        description: "Lists only flags whose key, description or owner contains this text, in upper or lower case.",
    },
    Parameter {
        name: "lifecycle",
        parameter_type: ParameterType::Word(LIFECYCLES),
        description: "Lists only flags in this state; `none`: only flags without a lifecycle.",
    },
    Parameter {
        name: "kind",
        parameter_type: ParameterType::Word(KINDS),
        description: "Lists only flags of this kind.",
    },
    text_parameter("owner", "Lists only flags of exactly this owner."),
    boolean_parameter(
        "killed",
        "`true`: lists only killed flags; `false`: only others. Kills by break-glass don't count.",
    ),
    boolean_parameter("stale", "Lists only flags that should be removed."),
];

/// A page of flags.
#[derive(Serialize, ToSchema)]
#[schema(as = Flags)]
pub(crate) struct FlagsPage {
    revision: u64,
    /// The number of all tenants, of which `tenants_on` of a flag are a part.
    tenants: usize,
    /// The number of flags that match the query, on all pages.
    total: usize,
    flags: Vec<FlagBody>,
    /// The value of `after` for the next page; absent on the last page, and with a `sort` other than `key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// The order of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    Key,
    Changed,
    Lifecycle,
}

/// The flags before a page.
enum Start<'q> {
    /// Those up to this key.
    After(&'q str),
    /// This number of them.
    Offset(usize),
}

/// The conditions that listed flags meet.
struct Filter<'q> {
    /// In lower case.
    search: Option<String>,
    lifecycle: Option<&'q str>,
    kind: Option<&'q str>,
    owner: Option<&'q str>,
    is_killed: Option<bool>,
    is_stale: bool,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagsPage>, ApiProblem> {
    let query = &request.query;
    let limit = query.number("limit").unwrap_or(DEFAULT_PAGE);
    let order = Order::of(query);
    let start = Start::of(query, order)?;
    let filter = Filter::of(query);
    let usage = api.control().usage();
    let (copy, total) = api.control().read(|state, compiled| {
        let mut matching: Vec<_> = state
            .flags()
            .filter(|(key, flag)| filter.matches(key, flag))
            .collect();
        let limits = &api.control().policy().stale;
        let stale_of = |keys: &[&str]| stale_among(state, keys.iter().copied(), request.at, &usage, limits);
        if filter.is_stale {
            let keys: Vec<&str> = matching.iter().map(|(key, _)| *key).collect();
            let stale = stale_of(&keys);
            let stale = by_key(&stale);
            matching.retain(|(key, _)| stale.contains_key(key));
        }
        order.sort(&mut matching);
        let first = match start {
            Start::After(key) => matching.partition_point(|(before, _)| *before <= key),
            Start::Offset(offset) => offset.min(matching.len()),
        };
        let rest = matching.get(first..).unwrap_or_default().iter();
        let page: Vec<&str> = rest.map(|(key, _)| *key).take(limit.saturating_add(1)).collect();
        let stale = stale_of(&page);
        let copy = copy_state(state, compiled, &page, limit, (&by_key(&stale), usage.times));
        (copy, matching.len())
    });
    let kills = LocalKills::at(api.control(), request.at);
    let numbers = copy.numbers(api.tenant_counts(), MAX_COUNTED_DECISIONS, request.at);
    let bodies = copy.flags.iter().zip(&numbers);
    let bodies = bodies.map(|(flag, numbers)| flag_body(flag, numbers, copy.times, &kills));
    let flags: Vec<FlagBody> = bodies.collect();
    let last = flags.last().filter(|_| copy.is_more && order == Order::Key);
    let body = FlagsPage {
        revision: copy.revision.0,
        tenants: copy.compiled.tenants.len(),
        total,
        next: last.map(|flag| flag.key.clone()),
        flags,
    };
    Ok(Reply::at(copy.revision, body))
}

impl Order {
    fn of(query: &Query) -> Self {
        match query.text("sort") {
            Some("changed") => Self::Changed,
            Some("lifecycle") => Self::Lifecycle,
            _ => Self::Key,
        }
    }

    /// Sorts flags that are in the order of their keys.
    fn sort(self, flags: &mut [(&str, ManagedFlag)]) {
        let changed = |flag: &ManagedFlag| -> Timestamp { flag.state.changed };
        let lifecycle = |flag: &ManagedFlag| {
            flag.lifecycle()
                .map_or((true, None), |state| (false, Some(state)))
        };
        // Stable sorts, so that equal ones stay in the order of their keys.
        match self {
            Self::Key => {}
            Self::Changed => flags.sort_by_key(|(_, flag)| Reverse(changed(flag))),
            Self::Lifecycle => flags.sort_by_key(|(_, flag)| lifecycle(flag)),
        }
    }
}

impl<'q> Start<'q> {
    /// Reads the first flag of the page.
    ///
    /// # Errors
    /// There are both `after` and `offset`, or `after` and an order in which keys say nothing about the place.
    fn of(query: &'q Query, order: Order) -> Result<Self, ApiProblem> {
        match (query.text("after"), query.number("offset")) {
            (Some(_), Some(_)) => Err(ApiProblem::new(
                codes::CONTRADICTORY_PARAMETERS,
                "`after` and `offset` exclude each other",
            )
            .help("send one of them")),
            (Some(_), None) if order != Order::Key => {
                let detail = "`after` needs the order of keys";
                Err(ApiProblem::new(codes::CONTRADICTORY_PARAMETERS, detail)
                    .help("send `offset`, or omit `sort`"))
            }
            (Some(key), None) => Ok(Self::After(key)),
            (None, offset) => Ok(Self::Offset(offset.unwrap_or_default())),
        }
    }
}

impl<'q> Filter<'q> {
    fn of(query: &'q Query) -> Self {
        Self {
            search: query.text("search").map(str::to_lowercase),
            lifecycle: query.text("lifecycle"),
            kind: query.text("kind"),
            owner: query.text("owner"),
            is_killed: query.text("killed").map(|killed| killed == "true"),
            is_stale: query.is("stale"),
        }
    }

    /// Returns true if the flag meets all conditions but that on stale flags.
    fn matches(&self, key: &str, flag: &ManagedFlag) -> bool {
        let definition = &flag.definition;
        let owner = definition.owner.as_deref();
        let lifecycle = || flag.lifecycle().map_or(NO_LIFECYCLE, Lifecycle::as_str);
        let is_found = |search: &String| {
            let texts = [Some(key), definition.description.as_deref(), owner];
            let mut texts = texts.into_iter().flatten();
            texts.any(|text| text.to_lowercase().contains(search))
        };
        self.lifecycle.is_none_or(|wanted| wanted == lifecycle())
            && self.kind.is_none_or(|wanted| wanted == flag.kind().as_str())
            && self.owner.is_none_or(|wanted| owner == Some(wanted))
            && self.is_killed.is_none_or(|killed| killed != flag.is_enabled())
            && self.search.as_ref().is_none_or(is_found)
    }
}
