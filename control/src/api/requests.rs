//! Endpoints for the receipts of requests. An org's admin sees those of its own org, without flags before beta.

use changes::Role;
use rules::Flags;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::codes;
use super::handler::{NoBody, Reply};
use super::org_flags::is_visible;
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::request::ApiRequest;
use crate::traffic::{DecisionNow, ReceiptQuery, RequestReceipt};

/// The decision about a request: then, and now.
#[derive(Serialize, ToSchema)]
#[schema(as = ExplainedRequest)]
pub(crate) struct ExplainedRequest {
    then: RequestReceipt,
    now: DecisionNow,
}

/// The latest receipts, the newest first.
#[derive(Serialize, ToSchema)]
#[schema(as = Receipts)]
pub(crate) struct Receipts {
    /// The number of receipts that this node keeps at most; 0 if receipts are off.
    kept: usize,
    receipts: Vec<RequestReceipt>,
}

pub(crate) fn show(
    api: &Api,
    request: &ApiRequest,
    _: NoBody,
) -> Result<Reply<ExplainedRequest>, ApiProblem> {
    let id = request.request();
    let found = api.traffic().and_then(|traffic| traffic.receipt(id, request.at));
    let (mut then, mut now) = found
        .filter(|(receipt, _)| is_own(request, receipt))
        .ok_or_else(|| unknown(id))?;
    if request.actor.role == Role::OrgAdmin {
        let flags = api.control().read(|_, compiled| compiled.flags.clone());
        hide(&flags, &mut then, &mut now);
    }
    Ok(Reply::new(ExplainedRequest { then, now }))
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<Receipts>, ApiProblem> {
    let text = |name: &str| request.query.text(name).map(str::to_owned);
    let query = ReceiptQuery {
        tenant: text("tenant"),
        flag: text("flag"),
        outcome: text("outcome"),
    };
    let limit = request.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let traffic = api.traffic();
    Ok(Reply::new(Receipts {
        kept: traffic.map_or(0, |traffic| traffic.receipt_places()),
        receipts: traffic.map_or_else(Vec::new, |traffic| traffic.receipts(&query, limit)),
    }))
}

/// The same for a request that is not kept and for one of another org, so that an org's admin learns nothing of others.
fn unknown(id: &str) -> ApiProblem {
    ApiProblem::new(codes::RECEIPT_NOT_FOUND, format!("this node has no record of the request {id}")).help(
        "it was forwarded and is not in the sample, or its receipt is overwritten, or another node answered it; \
         `receipts` of the configuration sets how many are kept",
    )
}

fn is_own(request: &ApiRequest, receipt: &RequestReceipt) -> bool {
    match request.actor.role {
        Role::OrgAdmin => request.actor.org.is_some() && request.actor.org == receipt.tenant,
        Role::Viewer | Role::Operator | Role::PlatformAdmin => true,
    }
}

/// Removes what only the platform may see: flags before beta with everything about them, and causes for operators.
fn hide(flags: &Flags, then: &mut RequestReceipt, now: &mut DecisionNow) {
    let is_shown = |key: &str| is_visible(flags, key);
    let named = then.flags.iter().chain(&now.flags);
    let gate = now.gate_text.as_deref().unwrap_or_default();
    // A large gate has flags that are in its text only.
    let hides_any = named.into_iter().any(|flag| !is_shown(&flag.flag)) || !flags_of(gate).all(is_shown);
    then.cause = None;
    if !hides_any {
        return;
    }
    then.flags.retain(|flag| is_shown(&flag.flag));
    now.flags.retain(|flag| is_shown(&flag.flag));
    now.gate_text = None;
    then.groups.clear();
    then.attributes.clear();
    now.differences.retain(|difference| {
        // A flag may have one of these keys. Its differences are those of a part, or of its place in the gate.
        let is_place = difference.now.ends_with("in the gate");
        let is_of_request = !is_place && ["route", "outcome", "gate"].contains(&&*difference.part);
        let flag = difference.part.split(": ").next().unwrap_or_default();
        is_of_request || is_shown(flag)
    });
}

/// Returns the keys of flags in the text of a gate, such as `all(board is new, not list)`.
fn flags_of(gate: &str) -> impl Iterator<Item = &str> {
    let words = gate.split([' ', ',', '(', ')']).filter(|word| !word.is_empty());
    let mut former = "";
    words.filter(move |word| {
        let is_variant = std::mem::replace(&mut former, word) == "is";
        !is_variant && !["all", "any", "not", "is", "shadow"].contains(word)
    })
}
