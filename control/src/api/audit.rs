//! Endpoints of the audit log: list, verify, export.

use std::sync::Arc;

use changes::{Event, GENESIS, Revision, Role, clock_ran_back, hash_text, verify};
use serde::Serialize;
use utoipa::ToSchema;

use crate::engine::Control;
use crate::store::{AuditFilter, CheckExtent, Store, StoreError};

use super::Api;
use super::audit_entry::{LogEntry, LogScope, SealedBody};
use super::change::store_unavailable;
use super::handler::{AnyOf, NoBody, Reply};
use super::org_audit_log::OrgAuditLog;
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::readable_log::{log_unreadable, readable_store};
use super::request::ApiRequest;
use super::streamed_body::JsonLines;

/// The number of entries that verification and export read at a time.
const ENTRIES_PER_READ: usize = 1_000;

/// The largest number of entries that a verification lists because the clock ran back.
const MAX_CLOCK_ENTRIES: usize = 1_000;

/// A page of the log, newest entry first.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditLog)]
pub(crate) struct AuditLog {
    entries: Vec<LogEntry>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// The result of a verification of the log.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditVerification)]
pub(crate) struct VerificationBody {
    /// True if no entry is missing or altered.
    intact: bool,
    /// The number of entries, from the first on, that are verified.
    entries: u64,
    /// Id and hash of the last verified entry. A copy kept elsewhere proves later that the end of the log is complete.
    head: String,
    /// The fault after the verified entries, or of the store; absent if the log is intact.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    problem: Option<String>,
    /// The entries that are more than a minute earlier than the entry before them: the clock of the machine ran back.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(required = false)]
    clock_ran_back: Vec<u64>,
}

pub(crate) fn list(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<AuditLog>, ApiProblem> {
    let org = request.query.text("org").map(str::to_owned);
    page(api, request, org, LogScope::Platform).map(Reply::new)
}

/// The log of an org: for staff, or for the org's own admin.
type AnyOrgAuditLog = AnyOf<AuditLog, OrgAuditLog>;

pub(crate) fn list_of_org(
    api: &Api,
    request: &ApiRequest,
    _: NoBody,
) -> Result<Reply<AnyOrgAuditLog>, ApiProblem> {
    Ok(Reply::new(match request.actor.role {
        Role::OrgAdmin => AnyOf::Second(super::org_audit_log::page(api, request)?),
        _ => AnyOf::First(page(api, request, Some(request.org().to_owned()), LogScope::Org)?),
    }))
}

fn page(api: &Api, request: &ApiRequest, org: Option<String>, log: LogScope) -> Result<AuditLog, ApiProblem> {
    let query = &request.query;
    let text = |name: &str| query.text(name).map(str::to_owned);
    let events = query.text("action").map_or_else(Vec::new, Event::named);
    let filter = AuditFilter {
        flag: text("flag"),
        org,
        actor: text("actor"),
        events,
        from: query.time("from"),
        until: query.time("until"),
    };
    let limit = query.number("limit").unwrap_or(DEFAULT_PAGE);
    let before = query.number("after").and_then(|id| u64::try_from(id).ok());
    let page = readable_store(api.control())?
        .audit(&filter, before, limit)
        .map_err(|error| log_unreadable(api, request, &error))?;
    Ok(AuditLog {
        entries: page
            .entries
            .iter()
            .map(|sealed| LogEntry::of(sealed, log))
            .collect(),
        next: page.next.map(|next| next.to_string()),
    })
}

pub(crate) fn verify_log(
    api: &Api,
    request: &ApiRequest,
    _: NoBody,
) -> Result<Reply<VerificationBody>, ApiProblem> {
    let control = api.control();
    let store = readable_store(control)?;
    let (mut last, mut problem) = ((0, GENESIS), None);
    let (mut newest_at, mut back) = (None, Vec::new());
    let mut last_revision = Revision::default();
    let before = newest_revision(control).map_err(|error| store_unavailable(&error))?;
    loop {
        let page = store
            .audit_after(last.0, ENTRIES_PER_READ)
            .map_err(|error| log_unreadable(api, request, &error))?;
        if page.entries.is_empty() {
            break;
        }
        for sealed in &page.entries {
            match verify(last, [sealed]) {
                Ok(proven) => {
                    (last, last_revision) = (proven, sealed.revision);
                    let at = sealed.entry().ok().map(|entry| entry.at);
                    if let (Some(before), Some(at)) = (newest_at, at)
                        && clock_ran_back(before, at).is_some()
                        && back.len() < MAX_CLOCK_ENTRIES
                    {
                        back.push(sealed.id);
                    }
                    newest_at = at.or(newest_at);
                }
                Err(tampered) => {
                    problem = Some(tampered.to_string());
                    break;
                }
            }
        }
        if problem.is_some() || page.next.is_none() {
            break;
        }
    }
    let (id, hash) = last;
    let after = newest_revision(control).map_err(|error| store_unavailable(&error))?;
    // Changes committed during the loop may be in the log and not in `before`, or in `after` and not in the log.
    if problem.is_none() && !(before..=after).contains(&Some(last_revision)) {
        problem = Some(match control.damage() {
            Some(damage) => damage.detail.clone(),
            None => format!(
                "the log ends at revision {}, but the store is at {}: entries or records are missing",
                last_revision.0,
                after.unwrap_or_default().0
            ),
        });
    }
    // The indexes that filters use are not part of the chain.
    if problem.is_none()
        && let Err(damage) = store.check(CheckExtent::Whole)
    {
        problem = Some(damage.to_string());
    }
    Ok(Reply::new(VerificationBody {
        intact: problem.is_none(),
        entries: id,
        head: format!("{id}:{}", hash_text(&hash)),
        problem,
        clock_ran_back: back,
    }))
}

pub(crate) fn export(
    api: &Api,
    request: &ApiRequest,
    _: NoBody,
) -> Result<Reply<JsonLines<SealedBody>>, ApiProblem> {
    let control = Arc::clone(api.control());
    let after = request
        .query
        .number("after")
        .and_then(|id| u64::try_from(id).ok())
        .unwrap_or(0);
    let store = readable_store(&control)?;
    let revision = newest_revision(&control).map_err(|error| store_unavailable(&error))?;
    // The first page is read before the status is sent, so that a store that can't be read is a problem.
    let (first, mut next) =
        sealed_page(store, after).map_err(|error| log_unreadable(api, request, &error))?;
    let body = JsonLines::new(first, move || {
        let Some(id) = next else { return Ok(None) };
        let (page, after) = sealed_page(control.store(), id).map_err(std::io::Error::other)?;
        next = after;
        Ok(Some(page))
    });
    Ok(Reply { body, revision })
}

/// Returns the newest revision of the store; `None` if the store is damaged. Callers compare it with the log.
fn newest_revision(control: &Control) -> Result<Option<Revision>, StoreError> {
    if control.damage().is_some() {
        return Ok(None);
    }
    let newest = control.store().changes_since(Revision(u64::MAX))?;
    Ok(Some(newest.revision))
}

/// Reads a page of entries after an id, and the id to continue after.
fn sealed_page(store: &dyn Store, after: u64) -> Result<(Vec<SealedBody>, Option<u64>), StoreError> {
    let page = store.audit_after(after, ENTRIES_PER_READ)?;
    Ok((page.entries.iter().map(SealedBody::from).collect(), page.next))
}
