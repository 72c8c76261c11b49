//! Endpoints of tenants: records, imports, overrides and the beta allowlist.

use std::ops::Bound;

use changes::{Change, Code, Refusal};
use config::{FlagsDocument, OwnedTenant, attributes_by_name, variants_by_name};
use rules::OwnedName;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::request_question::AttributeForm;

use super::Api;
use super::body::{OverrideChange, TenantImport, TenantRecord, VariantForm};
use super::change::{ChangeReply, change};
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::query::{DEFAULT_PAGE, Query};
use super::request::ApiRequest;
use super::text_search::TextSearch;

/// The largest number of tenants that are read for one page of a search.
pub const MAX_SCANNED_TENANTS: usize = 100_000;

/// The record of a tenant, as in the flags document, and its id.
#[derive(Serialize, ToSchema)]
#[schema(as = Org)]
pub(crate) struct OrgBody {
    /// The tenant's id.
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    tier: Option<String>,
    /// `stable` or `latest`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<String>)]
    channel: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    internal: Option<bool>,
    /// The beta allowlist.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    beta: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, VariantForm>>)]
    overrides: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    opt_in: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    opt_out: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, value_type = Option<std::collections::BTreeMap<String, AttributeForm>>)]
    attributes: Option<Value>,
}

/// A page of tenants, in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = Orgs)]
pub(crate) struct OrgsPage {
    revision: u64,
    /// The number of all tenants with a record, listed or not.
    total: usize,
    orgs: Vec<OrgBody>,
    /// The value of `after` for the next page; absent on the last page. A page of a search may have fewer items than
    /// `limit`, even none, and a next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// The conditions that a listed tenant meets.
struct OrgFilter<'a> {
    search: Option<TextSearch<'a>>,
    tier: Option<&'a str>,
    channel: Option<&'a str>,
}

impl<'a> OrgFilter<'a> {
    fn of(query: &'a Query) -> Self {
        Self {
            search: query.text("search").map(TextSearch::new),
            tier: query.text("tier"),
            channel: query.text("channel"),
        }
    }

    fn matches(&self, id: &str, record: &OwnedTenant) -> bool {
        let tier = record.tier.as_ref().map(|tier| &*tier.value);
        let channel = record.channel.unwrap_or_default().as_str();
        self.tier.is_none_or(|wanted| tier == Some(wanted))
            && self.channel.is_none_or(|wanted| channel == wanted)
            && self.search.is_none_or(|search| search.is_in(id))
    }
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<OrgsPage>, ApiProblem> {
    let limit = request.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let filter = OrgFilter::of(&request.query);
    let after = request.query.text("after");
    let (revision, body) = api.control().read(|state, _| {
        let (orgs, next) = page(&state.document, after, &filter, (limit, MAX_SCANNED_TENANTS));
        let body = OrgsPage {
            revision: state.revision.0,
            total: state.document.tenants.len(),
            orgs,
            next,
        };
        (state.revision, body)
    });
    Ok(Reply::at(revision, body))
}

/// Returns the first `limit` matching tenants after an id, and the id after which the next page starts; none on the last
/// page. At most `max_scanned` records are read, so that a search that finds little ends in bounded time.
fn page(
    document: &FlagsDocument,
    after: Option<&str>,
    filter: &OrgFilter<'_>,
    (limit, max_scanned): (usize, usize),
) -> (Vec<OrgBody>, Option<String>) {
    let after = after.map_or(Bound::Unbounded, Bound::Excluded);
    let mut rest = document
        .tenants
        .range::<_, str>((after, Bound::Unbounded))
        .peekable();
    let (mut orgs, mut last) = (Vec::new(), None);
    for (id, record) in rest.by_ref().take(max_scanned) {
        last = Some(id);
        if filter.matches(id, record) {
            orgs.push(OrgBody::of(id, record));
        }
        if orgs.len() == limit {
            break;
        }
    }
    let next = rest.peek().and(last).map(|id| id.to_string());
    (orgs, next)
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<OrgBody>, ApiProblem> {
    let found = api.control().read(|state, _| {
        let record = state.tenant(request.org())?;
        Some((state.revision, OrgBody::of(request.org(), record)))
    });
    let (revision, org) = found.ok_or_else(|| tenant_not_found(request.org()))?;
    Ok(Reply::at(revision, org))
}

/// Returns the problem of a tenant without a record.
pub(crate) fn tenant_not_found(org: &str) -> ApiProblem {
    ApiProblem::rejected(vec![
        Refusal::new(Code::TenantNotFound, format!("no tenant has the id `{org}`"))
            .help(format!("PUT /api/v1/platform/orgs/{org} creates a record")),
    ])
}

pub(crate) fn put(api: &Api, request: &ApiRequest, TenantRecord(record): TenantRecord) -> ChangeReply {
    let put = Change::PutTenant {
        org: request.org().to_owned(),
        record: record.into(),
    };
    change(api, request, put, None)
}

pub(crate) fn patch(api: &Api, request: &ApiRequest, TenantRecord(patch): TenantRecord) -> ChangeReply {
    let patch = Change::PatchTenant {
        org: request.org().to_owned(),
        patch: patch.into(),
    };
    change(api, request, patch, None)
}

pub(crate) fn delete(api: &Api, request: &ApiRequest, _: NoBody) -> ChangeReply {
    let org = request.org().to_owned();
    change(api, request, Change::DeleteTenant { org }, None)
}

pub(crate) fn import(api: &Api, request: &ApiRequest, body: TenantImport) -> ChangeReply {
    let import = Change::ImportTenants {
        mode: body.mode.into(),
        tenants: body.tenants.into_iter().collect(),
    };
    change(api, request, import, body.reason.map(Into::into))
}

pub(crate) fn set_override(api: &Api, request: &ApiRequest, body: OverrideChange) -> ChangeReply {
    let (variant, reason) = match body {
        OverrideChange::Enabled(body) => (body.enabled.map(Value::Bool), body.reason),
        OverrideChange::Variant(body) => (Some(Value::String(body.variant)), body.reason),
    };
    let set = Change::SetOverride {
        org: request.org().to_owned(),
        flag: request.flag().to_owned(),
        variant,
    };
    change(api, request, set, reason.map(Into::into))
}

pub(crate) fn allow(api: &Api, request: &ApiRequest, _: NoBody) -> ChangeReply {
    let (org, flag) = (request.org().to_owned(), request.flag().to_owned());
    change(api, request, Change::Allow { org, flag }, None)
}

pub(crate) fn disallow(api: &Api, request: &ApiRequest, _: NoBody) -> ChangeReply {
    let (org, flag) = (request.org().to_owned(), request.flag().to_owned());
    change(api, request, Change::Disallow { org, flag }, None)
}

impl OrgBody {
    fn of(id: &str, record: &OwnedTenant) -> Self {
        let OwnedTenant {
            id: _,
            tier,
            channel,
            internal,
            beta,
            overrides,
            opt_in,
            opt_out,
            attributes,
        } = record;
        let names = |names: &Option<Vec<OwnedName>>| {
            let names = names.as_ref()?.iter();
            Some(names.map(|name| name.value.to_string()).collect())
        };
        Self {
            id: id.to_owned(),
            tier: tier.as_ref().map(|tier| tier.value.to_string()),
            channel: channel.map(rules::Channel::as_str),
            internal: *internal,
            beta: names(beta),
            overrides: overrides.as_ref().map(|overrides| variants_by_name(overrides)),
            opt_in: names(opt_in),
            opt_out: names(opt_out),
            attributes: attributes
                .as_ref()
                .map(|attributes| attributes_by_name(attributes)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_continues_after_the_records_it_read() {
        let text = "version: 1\ntenants: { a1: {}, a2: {}, b1: {}, b2: {}, c1: {} }\n";
        let document = FlagsDocument::parse("flags.yaml", text.as_bytes()).unwrap();
        let filter = OrgFilter {
            search: Some(TextSearch::new("B")),
            tier: None,
            channel: None,
        };
        let mut pages = Vec::new();
        let mut after: Option<String> = None;
        loop {
            let (orgs, next) = page(&document, after.as_deref(), &filter, (10, 2));
            pages.push(orgs.into_iter().map(|org| org.id).collect::<Vec<_>>());
            let Some(next) = next else { break };
            after = Some(next);
        }
        assert_eq!(pages, [vec![], vec!["b1".to_owned(), "b2".to_owned()], vec![]]);
    }
}
