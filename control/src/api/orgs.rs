//! Tenants: their records, one by one and many at once, overrides and the beta allowlist.

use changes::{Change, Code, Refusal};
use config::{OwnedTenant, ToJson as _};
use serde::Serialize;
use serde_json::{Map, Value};
use std::ops::Bound;
use utoipa::ToSchema;

use super::answer::Answer;
use super::ask::Ask;
use super::body::{Import, OverrideChange};
use super::change::change;
use super::problem::Problem;
use super::query::DEFAULT_PAGE;
use super::{Api, codes};

/// A tenant's record as the document has it, and its id.
#[derive(ToSchema)]
#[schema(as = Org)]
#[expect(dead_code, reason = "it is the form of what is written by hand")]
pub(crate) struct OrgBody {
    /// The tenant's id.
    id: String,
    #[schema(nullable = false)]
    tier: Option<String>,
    /// `stable` or `latest`.
    #[schema(nullable = false)]
    channel: Option<String>,
    #[schema(nullable = false)]
    internal: Option<bool>,
    /// The beta allowlist.
    #[schema(nullable = false)]
    beta: Option<Vec<String>>,
    #[schema(nullable = false, value_type = Option<Object>)]
    overrides: Option<Value>,
    #[schema(nullable = false)]
    opt_in: Option<Vec<String>>,
    #[schema(nullable = false)]
    opt_out: Option<Vec<String>>,
    #[schema(nullable = false, value_type = Option<Object>)]
    attributes: Option<Value>,
}

/// A page of tenants, in the order of their ids.
#[derive(Serialize, ToSchema)]
#[schema(as = Orgs)]
pub(crate) struct OrgsPage {
    revision: u64,
    #[schema(value_type = Vec<OrgBody>)]
    orgs: Vec<Value>,
    /// To go on after; left out at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

pub(crate) fn list(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let limit = ask.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = ask.query.text("after").map_or(Bound::Unbounded, Bound::Excluded);
    let (revision, mut orgs) = api.control().read(|state, _| {
        let tenants = state.document.tenants.range::<_, str>((after, Bound::Unbounded));
        let page = tenants.take(limit.saturating_add(1));
        (
            state.revision,
            page.map(|(id, record)| org(id, record)).collect::<Vec<_>>(),
        )
    });
    let next = (orgs.len() > limit).then(|| {
        orgs.truncate(limit);
        let last = orgs.last().and_then(|org| org.get("id")?.as_str());
        last.unwrap_or_default().to_owned()
    });
    let body = OrgsPage {
        revision: revision.0,
        orgs,
        next,
    };
    Ok(Answer::json(&body)?.at(revision))
}

pub(crate) fn show(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let found = api.control().read(|state, _| {
        let record = state.tenant(ask.org())?;
        Some((state.revision, org(ask.org(), record)))
    });
    let (revision, org) = found.ok_or_else(|| no_such(ask.org()))?;
    Ok(Answer::json(&org)?.at(revision))
}

/// Nobody of this id.
pub(crate) fn no_such(org: &str) -> Problem {
    Problem::refused(vec![
        Refusal::new(Code::TenantNotFound, format!("no tenant has the id `{org}`"))
            .cure(format!("PUT /api/v1/platform/orgs/{org} makes a record")),
    ])
}

pub(crate) fn put(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let record: Map<String, Value> = ask.json()?;
    let put = Change::PutTenant {
        org: ask.org().to_owned(),
        record: record.into(),
    };
    change(api, ask, put, None)
}

pub(crate) fn patch(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let patch: Map<String, Value> = ask.json()?;
    let patch = Change::PatchTenant {
        org: ask.org().to_owned(),
        patch: patch.into(),
    };
    change(api, ask, patch, None)
}

pub(crate) fn delete(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let org = ask.org().to_owned();
    change(api, ask, Change::DeleteTenant { org }, None)
}

pub(crate) fn import(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let body: Import = ask.json()?;
    let import = Change::ImportTenants {
        mode: body.mode.into(),
        tenants: body.tenants.into_iter().collect(),
    };
    change(api, ask, import, body.reason.map(Into::into))
}

pub(crate) fn set_override(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let body: OverrideChange = ask.json()?;
    let variant = match (body.enabled, body.variant) {
        (Some(enabled), None) => enabled.map(Value::Bool),
        (None, Some(variant)) => Some(Value::String(variant)),
        _ => {
            return Err(Problem::new(
                codes::MALFORMED_BODY,
                "an override has either `enabled` or `variant`",
            )
            .cure("send one of them: `enabled` is true, false, or null for no override"));
        }
    };
    let set = Change::SetOverride {
        org: ask.org().to_owned(),
        flag: ask.flag().to_owned(),
        variant,
    };
    change(api, ask, set, body.reason.map(Into::into))
}

pub(crate) fn allow(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let (org, flag) = (ask.org().to_owned(), ask.flag().to_owned());
    change(api, ask, Change::Allow { org, flag }, None)
}

pub(crate) fn disallow(api: &Api, ask: &Ask) -> Result<Answer, Problem> {
    let (org, flag) = (ask.org().to_owned(), ask.flag().to_owned());
    change(api, ask, Change::Disallow { org, flag }, None)
}

/// The record with its id first.
fn org(id: &str, record: &OwnedTenant) -> Value {
    let mut org = Map::new();
    org.insert("id".into(), id.into());
    if let Value::Object(fields) = record.to_json() {
        org.extend(fields);
    }
    Value::Object(org)
}
