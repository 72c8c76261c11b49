//! The audit log of an org for its own admin: entries about flags at beta or ga. Admins of the org appear by name;
//! staff appears as `platform`, without reasons and patches.

use changes::{Entry, Event, Role, Sealed, timestamp};
use rules::Flags;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::store::AuditFilter;

use super::Api;
use super::audit_entry::outcome_name;
use super::org_flags::is_visible;
use super::problem::ApiProblem;
use super::query::DEFAULT_PAGE;
use super::readable_log::{log_unreadable, readable_store};
use super::request::ApiRequest;

/// The number of entries that are read at a time.
const ENTRIES_PER_READ: usize = 1_000;
/// The number of reads for one page. A page is shorter if they do not fill it.
const MAX_READS: usize = 10;
/// The actor in entries of staff.
const STAFF: &str = "platform";

/// An entry of the log of an org.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgAuditEntry)]
struct OrgAuditEntry {
    /// Its position in the log of the platform.
    id: u64,
    #[schema(format = DateTime)]
    at: String,
    /// The name of an admin of the org, or `platform`.
    actor: String,
    /// The action, such as `feature_flag.opted_in`.
    action: &'static str,
    /// `applied` or `refused`.
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    flag: Option<String>,
    org: String,
    /// The reason, if an admin of the org gave one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    reason: Option<String>,
}

/// A page of the log, newest entry first.
#[derive(Serialize, ToSchema)]
#[schema(as = OrgAuditLog)]
pub(crate) struct OrgAuditLog {
    entries: Vec<OrgAuditEntry>,
    /// The value of `after` for the next page; absent on the last page.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    next: Option<String>,
}

/// Returns a page of the log. The filters of the query apply to the visible form of entries, so that an answer can't
/// reveal a hidden name.
pub(crate) fn page(api: &Api, request: &ApiRequest) -> Result<OrgAuditLog, ApiProblem> {
    let store = readable_store(api.control())?;
    let flags = api.control().read(|_, compiled| compiled.flags.clone());
    let filter = AuditFilter {
        org: Some(request.org().to_owned()),
        from: request.query.time("from"),
        until: request.query.time("until"),
        ..AuditFilter::default()
    };
    let limit = request.query.number("limit").unwrap_or(DEFAULT_PAGE);
    let after = request
        .query
        .number("after")
        .and_then(|id| u64::try_from(id).ok());
    let (mut next, mut entries) = (after, Vec::new());
    // The filters apply after the read, so one read may yield less than a page. The reads are limited, so that an org
    // with many hidden entries does not block a slot; `next` of a short page continues after them.
    for _ in 0..MAX_READS {
        let page = store
            .audit(&filter, next, ENTRIES_PER_READ)
            .map_err(|error| log_unreadable(api, request, &error))?;
        let found = page
            .entries
            .iter()
            .filter_map(|sealed| visible_entry(sealed, &flags));
        entries.extend(found.filter(|entry| matches_filters(entry, request)));
        next = page.next;
        if entries.len() > limit || next.is_none() {
            break;
        }
    }
    if entries.len() > limit {
        entries.truncate(limit);
        next = entries.last().map(|entry| entry.id);
    }
    Ok(OrgAuditLog {
        entries,
        next: next.map(|next| next.to_string()),
    })
}

fn visible_entry(sealed: &Sealed, flags: &Flags) -> Option<OrgAuditEntry> {
    let entry = sealed.entry().ok()?;
    let is_own = entry.role == Some(Role::OrgAdmin);
    let is_hidden = entry.flag.as_deref().is_some_and(|flag| !is_visible(flags, flag));
    if is_hidden || (is_own && is_missing_role(&entry)) {
        return None;
    }
    Some(OrgAuditEntry {
        id: sealed.id,
        at: timestamp::text(entry.at),
        actor: if is_own { entry.actor } else { STAFF.to_owned() },
        action: entry.event.org_name(),
        outcome: outcome_name(entry.outcome),
        flag: entry.flag,
        org: entry.org?,
        reason: entry.reason.filter(|_| is_own),
    })
}

/// Returns true if the entry is a rejection for a missing role. Its actor may be an admin of another org, who must not
/// be shown.
fn is_missing_role(entry: &Entry) -> bool {
    let codes = entry.details.get("codes").and_then(Value::as_array);
    codes.is_some_and(|codes| codes.iter().any(|code| code == "ROLE_MISSING"))
}

fn matches_filters(entry: &OrgAuditEntry, request: &ApiRequest) -> bool {
    let is = |name: &str, found: Option<&str>| {
        request
            .query
            .text(name)
            .is_none_or(|wanted| found == Some(wanted))
    };
    let events = request.query.text("action").map(Event::named);
    let is_action = events.is_none_or(|events| events.iter().any(|event| event.org_name() == entry.action));
    is("flag", entry.flag.as_deref()) && is("actor", Some(&entry.actor)) && is_action
}
