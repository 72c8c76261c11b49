//! Endpoint that lists the tenants of a flag: who has it, and why.

use std::ops::Bound;

use changes::State;
use config::Compiled;
use rules::{
    Cause, Flag, FlagId, Flags, Subject, Tenant, TenantChoice, TenantFlagSettings, Timestamp, decide,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::request_explanation::ExplainedLocalKill;

use super::Api;
use super::handler::{NoBody, Reply};
use super::local_kills::LocalKills;
use super::orgs::MAX_SCANNED_TENANTS;
use super::problem::ApiProblem;
use super::query::{
    AFTER, DEFAULT_PAGE, LIMIT, MAX_NAME, Parameter, ParameterType, Query, boolean_parameter,
};
use super::request::ApiRequest;

/// The causes of decisions about tenants in the stored state: there is a flag, and breakers are of the data plane.
const CAUSES: &[&str] = &[
    Cause::Retired.as_str(),
    Cause::Killed.as_str(),
    Cause::Schedule.as_str(),
    Cause::Prerequisite.as_str(),
    Cause::Override.as_str(),
    Cause::OptOut.as_str(),
    Cause::Lifecycle.as_str(),
    Cause::Rule.as_str(),
    Cause::OptIn.as_str(),
    Cause::Rollout.as_str(),
    Cause::HeldBack.as_str(),
    Cause::Tier.as_str(),
    Cause::Default.as_str(),
];

/// The parameters of the list.
pub(super) const PARAMETERS: &[Parameter] = &[
    LIMIT,
    AFTER,
    Parameter {
        name: "search",
        parameter_type: ParameterType::Text(MAX_NAME),
        description: "Lists only orgs whose id contains this text, in upper or lower case.",
    },
    boolean_parameter(
        "on",
        "`true`: lists only orgs that have the flag on; `false`: only others.",
    ),
    Parameter {
        name: "cause",
        parameter_type: ParameterType::Word(CAUSES),
        description: "Lists only orgs with this cause of the decision.",
    },
    Parameter {
        name: "standing",
        parameter_type: ParameterType::Word(&["allowlisted", "overridden", "opted_in", "opted_out"]),
        description: "Lists only orgs whose record names the flag in this way.",
    },
];

/// A page of the orgs of a flag, in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagOrgs)]
pub(crate) struct FlagOrgs {
    revision: u64,
    flag: String,
    /// The number of all tenants.
    tenants: usize,
    orgs: Vec<FlagOrg>,
    /// The value of `after` for the next page; absent on the last page. At most 100,000 tenants are read for one page: with
    /// filters, a page before the last can have fewer orgs than `limit`, or none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
    /// The kill by break-glass on this machine, if there is one; it is not part of the stored state, which is listed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    local_kill: Option<ExplainedLocalKill>,
}

/// An org, with the decision of the flag for it and what its record says about the flag.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagOrg)]
pub(crate) struct FlagOrg {
    /// The tenant's id.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tier: Option<String>,
    /// `stable` or `latest`.
    channel: &'static str,
    internal: bool,
    /// True if the org has it on.
    on: bool,
    /// The variant that the org is served.
    variant: String,
    /// The cause of the decision.
    cause: &'static str,
    /// True if it is on the beta allowlist.
    allowlisted: bool,
    /// The variant of its override; absent if it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    r#override: Option<String>,
    /// The choice of the org: `in` or `out`; absent if it made none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    choice: Option<&'static str>,
}

/// The way in which a record names a flag.
#[derive(Clone, Copy)]
enum Standing {
    Allowlisted,
    Overridden,
    OptedIn,
    OptedOut,
}

/// The conditions that listed orgs meet.
struct Filter<'q> {
    /// In lower case.
    search: Option<String>,
    standing: Option<Standing>,
    is_on: Option<bool>,
    cause: Option<&'q str>,
}

/// A flag of a snapshot, and the time for which it is decided.
struct DecidedFlag<'c> {
    flags: &'c Flags,
    id: FlagId,
    flag: &'c Flag,
    now: Timestamp,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<FlagOrgs>, ApiProblem> {
    let key = request.flag();
    let query = &request.query;
    let filter = Filter::of(query);
    let limit = query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = query.text("after").map_or(Bound::Unbounded, Bound::Excluded);
    let found = api.control().read(|state, compiled| {
        let flags = &*compiled.flags;
        let id = flags.id(key)?;
        let flag = flags.flag(id)?;
        let decided = DecidedFlag {
            flags,
            id,
            flag,
            now: request.at,
        };
        let (orgs, next) = page(state, compiled, &decided, (after, limit, &filter));
        Some((state.revision, compiled.tenants.len(), orgs, next))
    });
    let (revision, tenants, orgs, next) = found.ok_or_else(|| ApiProblem::flag_not_found(key))?;
    let body = FlagOrgs {
        revision: revision.0,
        flag: key.to_owned(),
        tenants,
        orgs,
        next,
        local_kill: LocalKills::at(api.control(), request.at).of(key),
    };
    Ok(Reply::at(revision, body))
}

/// Returns the orgs of a page, and where the next one starts.
fn page(
    state: &State,
    compiled: &Compiled,
    decided: &DecidedFlag<'_>,
    (after, limit, filter): (Bound<&str>, usize, &Filter<'_>),
) -> (Vec<FlagOrg>, Option<String>) {
    let mut orgs: Vec<FlagOrg> = Vec::new();
    let range = state.document.tenants.range::<_, str>((after, Bound::Unbounded));
    let mut last = None;
    for (scanned, (id, _)) in range.enumerate() {
        if scanned == MAX_SCANNED_TENANTS {
            return (orgs, last.map(str::to_owned));
        }
        last = Some(&**id);
        let tenant = compiled
            .tenants
            .find(id)
            .filter(|tenant| filter.admits(tenant, decided.id));
        let Some(org) = tenant.and_then(|tenant| decided.org(tenant, filter)) else {
            continue;
        };
        if orgs.len() == limit {
            let next = orgs.last().map(|org| org.id.clone());
            return (orgs, next);
        }
        orgs.push(org);
    }
    (orgs, None)
}

impl DecidedFlag<'_> {
    /// Returns the org of a tenant, unless its decision does not meet the filter.
    fn org(&self, tenant: &Tenant, filter: &Filter<'_>) -> Option<FlagOrg> {
        let subject = Subject {
            tenant: Some(tenant.id()),
            record: Some(tenant),
            ..Subject::default()
        };
        let decision = decide(self.flags, self.id, &subject, self.now);
        let (is_on, cause) = (decision.variant != self.flag.off(), decision.cause.as_str());
        if filter.is_on.is_some_and(|wanted| wanted != is_on)
            || filter.cause.is_some_and(|wanted| wanted != cause)
        {
            return None;
        }
        let name = |variant| self.flag.variant(variant).map(|variant| variant.name.to_string());
        let settings = tenant.settings_for(self.id);
        Some(FlagOrg {
            id: tenant.id().to_owned(),
            tier: tenant
                .tier()
                .and_then(|tier| self.flags.tier_name(tier))
                .map(str::to_owned),
            channel: tenant.channel().as_str(),
            internal: tenant.is_internal(),
            on: is_on,
            variant: name(decision.variant).unwrap_or_default(),
            cause,
            allowlisted: settings.allowed,
            r#override: settings.forced.and_then(name),
            choice: match settings.choice {
                TenantChoice::None => None,
                TenantChoice::In => Some("in"),
                TenantChoice::Out => Some("out"),
            },
        })
    }
}

impl Standing {
    fn parse(word: &str) -> Option<Self> {
        Some(match word {
            "allowlisted" => Self::Allowlisted,
            "overridden" => Self::Overridden,
            "opted_in" => Self::OptedIn,
            "opted_out" => Self::OptedOut,
            _ => return None,
        })
    }

    fn is_of(self, settings: &TenantFlagSettings) -> bool {
        match self {
            Self::Allowlisted => settings.allowed,
            Self::Overridden => settings.forced.is_some(),
            Self::OptedIn => settings.choice == TenantChoice::In,
            Self::OptedOut => settings.choice == TenantChoice::Out,
        }
    }
}

impl<'q> Filter<'q> {
    fn of(query: &'q Query) -> Self {
        Self {
            search: query.text("search").map(str::to_ascii_lowercase),
            standing: query.text("standing").and_then(Standing::parse),
            is_on: query.text("on").map(|on| on == "true"),
            cause: query.text("cause"),
        }
    }

    /// Returns true if the record meets the conditions that need no decision.
    fn admits(&self, tenant: &Tenant, flag: FlagId) -> bool {
        let has_standing = |standing: Standing| standing.is_of(&tenant.settings_for(flag));
        let is_found = |search: &String| tenant.id().to_ascii_lowercase().contains(search);
        self.standing.is_none_or(has_standing) && self.search.as_ref().is_none_or(is_found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_of_the_stored_state_can_be_asked_for() {
        let causes = Cause::ALL
            .iter()
            .filter(|cause| !matches!(cause, Cause::UnknownFlag | Cause::Breaker));
        assert_eq!(causes.map(|cause| cause.as_str()).collect::<Vec<_>>(), CAUSES);
    }
}
