//! Changes that others committed between a preview and its confirmation.

use serde::Deserialize;

use crate::admin_api::Call;
use crate::answers::{AuditList, LogEntry};
use crate::console::Console;
use crate::form::Form;
use crate::page::Section;
use crate::pages::{ShownEntry, flag_path};
use crate::texts::{text, text_named};
use crate::visitor::Visitor;

/// The number of changes that a page lists, the newest ones.
const LISTED: usize = 20;
/// The number of bytes of values and whole reasons that a page shows.
const MAX_VALUE_BYTES: usize = 24 * 1_024;
/// The number of entries of an org that its people are shown.
const LISTED_OF_ORG: &str = "5";

/// The changes since a preview.
pub(super) struct Meanwhile {
    /// The newest changes, oldest first.
    pub(super) entries: Vec<ShownEntry>,
    /// The number of changes that are not listed.
    pub(super) unlisted: usize,
    /// The audit log of what the form changes.
    pub(super) log: String,
}

/// A page of the log of an org.
#[derive(Deserialize)]
struct OrgLog {
    entries: Vec<OrgEntry>,
}

/// An entry of the log of an org.
#[derive(Deserialize)]
struct OrgEntry {
    at: String,
    actor: String,
    action: String,
    outcome: String,
}

/// A change of a feature of an org, in the words of its people.
pub(super) struct OrgChange {
    pub(super) at: String,
    pub(super) words: String,
}

/// Returns the changes after a revision. Without the log there are none to show.
pub(super) async fn since(console: &Console, visitor: &Visitor, revision: u64, form: &Form) -> Meanwhile {
    let call = Call::get(&["platform", "audit"]).with("limit", LISTED.to_string());
    let list = console.api.request::<AuditList>(visitor, call).await;
    let entries = list.map(|answer| answer.body.entries).unwrap_or_default();
    let mut left = MAX_VALUE_BYTES;
    let newer = entries.into_iter().filter(|entry| match entry {
        LogEntry::Readable(entry) => entry.revision > revision && !entry.is_refused(),
        LogEntry::Altered { .. } => false,
    });
    let mut entries: Vec<ShownEntry> = newer.map(|entry| ShownEntry::new(entry, &mut left)).collect();
    entries.reverse();
    let total = (console.revision)().saturating_sub(revision);
    let total = usize::try_from(total).unwrap_or(usize::MAX);
    Meanwhile {
        unlisted: total.saturating_sub(entries.len()),
        entries,
        log: log(form),
    }
}

/// Returns the path of the audit log of the flag or the tenant that a form changes.
fn log(form: &Form) -> String {
    let all = Section::Audit.path();
    match (form.text("flag"), form.text("tenant")) {
        (Some(flag), _) => format!("{}/audit", flag_path(flag)),
        (None, Some(tenant)) => {
            let mut query = form_urlencoded::Serializer::new(String::new());
            format!("{all}?{}", query.append_pair("tenant", tenant).finish())
        }
        (None, None) => all.to_owned(),
    }
}

/// Returns the latest changes of the feature of a form for its org, newest first. They are of the org's own log, which has
/// no revisions.
pub(super) async fn of_org(console: &Console, visitor: &Visitor, form: &Form) -> Vec<OrgChange> {
    let (Some(org), Some(flag)) = (form.text("org"), form.text("flag")) else {
        return Vec::new();
    };
    let call = Call::get(&["orgs", org, "audit"])
        .with("flag", flag)
        .with("limit", LISTED_OF_ORG);
    let log = console.api.request::<OrgLog>(visitor, call).await;
    let entries = log.map(|answer| answer.body.entries).unwrap_or_default();
    let applied = entries.into_iter().filter(|entry| entry.outcome == "applied");
    applied
        .map(|entry| OrgChange {
            words: match &*entry.action {
                "feature_flag.opted_in" => text_named("org-meanwhile-on", &entry.actor).into_owned(),
                "feature_flag.opted_out" => text_named("org-meanwhile-off", &entry.actor).into_owned(),
                _ => text("org-meanwhile-other").into_owned(),
            },
            at: entry.at,
        })
        .collect()
}
