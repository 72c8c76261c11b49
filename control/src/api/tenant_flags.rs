//! Endpoint of all flags of one tenant for staff, before beta too: the served variant, its cause, and what the record of
//! the tenant says about each flag.

use config::variants_by_name;
use rules::{Flag, FlagId, Lifecycle};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Api;
use super::body::VariantForm;
use super::handler::{NoBody, Reply};
use super::org_decisions::{OrgChoice, OrgDecisions, variant_name};
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::request::ApiRequest;
use super::text_search::TextSearch;
use crate::request_explanation::ExplainedLocalKill;

/// A flag, as it is decided for one tenant.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantFlag)]
pub(crate) struct TenantFlag {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    description: Option<String>,
    /// `release`, `experiment`, `permission` or `ops`.
    kind: &'static str,
    /// `alpha`, `beta`, `ga` or `retired`; absent for kinds without a lifecycle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    lifecycle: Option<&'static str>,
    /// True if the tenant has it on.
    on: bool,
    /// The variant that the tenant is served, for a request without a user and without attributes of a request.
    variant: String,
    /// The names of its variants, which an override may be; absent for a flag of `on` and `off`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    variants: Option<Vec<String>>,
    /// The line of the decision table that decided.
    cause: &'static str,
    /// The override in the record of the tenant, which the lines before it in the decision table may outrank.
    #[serde(rename = "override", skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<VariantForm>)]
    overridden: Option<Value>,
    /// True if the flag is on the beta allowlist of the tenant.
    allowlisted: bool,
    /// True if the tenant opted in.
    opted_in: bool,
    /// True if the tenant opted out.
    opted_out: bool,
    /// The kill by break-glass on this machine, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    local_kill: Option<ExplainedLocalKill>,
}

/// A page of the flags of a tenant, in the order of their keys.
#[derive(Serialize, ToSchema)]
#[schema(as = TenantFlags)]
pub(crate) struct TenantFlags {
    revision: u64,
    org: String,
    flags: Vec<TenantFlag>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<TenantFlags>, ApiProblem> {
    let decisions = OrgDecisions::read(api, request)?;
    let query = &request.query;
    let limit = query.number("limit").unwrap_or(DEFAULT_PAGE);
    let search = query.text("search").map(TextSearch::new);
    let wants_on = query.text("on").map(|_| query.is("on"));
    let overrides = decisions.record().overrides.as_deref().map(variants_by_name);
    let found = decisions
        .flags_after(query.text("after").unwrap_or_default())
        .into_iter()
        .filter(|(_, flag)| search.is_none_or(|search| is_found(flag, search)))
        .map(|(id, flag)| TenantFlag::of(&decisions, id, flag, overrides.as_ref()))
        .filter(|flag| wants_on.is_none_or(|wanted| flag.on == wanted));
    let mut flags: Vec<TenantFlag> = found.take(limit.saturating_add(1)).collect();
    let is_more = flags.len() > limit;
    flags.truncate(limit);
    let body = TenantFlags {
        revision: decisions.revision().0,
        org: request.org().to_owned(),
        next: flags.last().filter(|_| is_more).map(|flag| flag.key.clone()),
        flags,
    };
    Ok(Reply::at(decisions.revision(), body))
}

/// Returns true if the key or the description of a flag contains the searched text.
fn is_found(flag: &Flag, search: TextSearch<'_>) -> bool {
    search.is_in(flag.key().as_str()) || flag.description().is_some_and(|text| search.is_in(text))
}

/// Returns the names of the variants of a flag; none for a flag of `on` and `off`.
fn variants(flag: &Flag) -> Option<Vec<String>> {
    let names: Vec<&str> = flag.variants().iter().map(|variant| &*variant.name).collect();
    match &*names {
        ["on", "off"] | ["off", "on"] => None,
        names => Some(names.iter().map(|name| (*name).to_owned()).collect()),
    }
}

impl TenantFlag {
    /// `overrides` are those in the record of the tenant, by flag.
    fn of(decisions: &OrgDecisions<'_>, id: FlagId, flag: &Flag, overrides: Option<&Value>) -> Self {
        let decision = decisions.decide(id);
        let key = flag.key().as_str();
        let choice = decisions.choice(key);
        Self {
            key: key.to_owned(),
            description: flag.description().map(str::to_owned),
            kind: flag.kind().as_str(),
            lifecycle: flag.lifecycle().map(Lifecycle::as_str),
            on: decision.variant != flag.off(),
            variant: variant_name(flag, decision.variant),
            variants: variants(flag),
            cause: decision.cause.as_str(),
            overridden: overrides.and_then(|all| all.get(key)).cloned(),
            allowlisted: decisions.is_allowlisted(key),
            opted_in: choice == Some(OrgChoice::In),
            opted_out: choice == Some(OrgChoice::Out),
            local_kill: decisions.kills().of(key),
        }
    }
}
