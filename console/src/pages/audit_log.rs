//! The list of audit entries, which the audit log and the page of a flag have.

use control::Event;
use rules::Timestamp;

use crate::admin_api::Call;
use crate::answers::{AuditEntry, AuditList, LogEntry};
use crate::console::Console;
use crate::difference::{Difference, Rank, ShownValue};
use crate::filters::shown_bytes;
use crate::form::Form;
use crate::problem::Problem;
use crate::texts::{text, text_named};
use crate::visitor::Visitor;

/// The number of entries on a page.
const PER_PAGE: usize = 50;
/// The number of fields of an entry that a page shows.
const MAX_FIELDS: usize = 20;
/// The number of bytes of values that a page shows; further ones are left out, so that a page stays small.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// The list, with its filter.
pub(crate) struct AuditLog {
    pub(crate) filter: Filter,
    /// True if entries are filtered by more than the flag of the page.
    pub(crate) is_filtered: bool,
    pub(crate) entries: Vec<ShownEntry>,
    /// The path and query of the newer entries, if the list begins after one.
    pub(crate) newest: Option<String>,
    /// The path and query of the older entries.
    pub(crate) older: Option<String>,
}

/// The fields of the filter.
pub(crate) struct Filter {
    pub(crate) flag: String,
    pub(crate) tenant: String,
    pub(crate) actor: String,
    pub(crate) action: String,
    pub(crate) from: String,
    pub(crate) until: String,
}

/// An entry as a page shows it.
pub(crate) enum ShownEntry {
    Readable(Box<ReadableEntry>),
    Altered { id: u64, text: String },
}

/// An entry that can be read.
pub(crate) struct ReadableEntry {
    pub(crate) entry: AuditEntry,
    /// The fields that changed, as far as they fit.
    pub(crate) differences: Vec<Difference>,
    /// The number of fields that are left out.
    pub(crate) unlisted: usize,
    /// True if the reasons are too long for the page, so that only their begins are shown.
    pub(crate) is_cut: bool,
}

impl AuditLog {
    /// Requests the entries of a query, for the page at `path`.
    ///
    /// # Errors
    /// The API rejects the query, or a time is malformed.
    pub(crate) async fn read(
        console: &Console,
        visitor: &Visitor,
        (path, query): (&str, &Form),
        filter: Filter,
    ) -> Result<Self, Problem> {
        let some = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
        let call = Call::get(&["platform", "audit"])
            .with("limit", PER_PAGE.to_string())
            .with_some("after", query.text("after"))
            .with_some("flag", some(&filter.flag))
            .with_some("org", some(&filter.tenant))
            .with_some("actor", some(&filter.actor))
            .with_some("action", some(&filter.action))
            .with_some("from", time("audit-from", &filter.from)?)
            .with_some("until", time("audit-until", &filter.until)?);
        let list = console.api.request::<AuditList>(visitor, call).await?.body;
        let mut left = MAX_VALUE_BYTES;
        let entries = list.entries.into_iter();
        Ok(Self {
            is_filtered: is_filtered(query),
            filter,
            entries: entries.map(|entry| ShownEntry::new(entry, &mut left)).collect(),
            newest: query.text("after").map(|_| page(path, query, None)),
            older: list.next.map(|next| page(path, query, Some(&next))),
        })
    }

    /// Returns a list without entries, for a filter that is rejected.
    pub(crate) fn empty(filter: Filter) -> Self {
        Self {
            filter,
            is_filtered: true,
            entries: Vec::new(),
            newest: None,
            older: None,
        }
    }
}

/// Returns true if a query has a condition.
fn is_filtered(query: &Form) -> bool {
    let fields = ["flag", "tenant", "actor", "action", "from", "until", "after"];
    fields.into_iter().any(|field| query.text(field).is_some())
}

/// Returns the path and query of another page of the list.
fn page(path: &str, query: &Form, after: Option<&str>) -> String {
    let mut fields = query.without(&["after", "receipt"]);
    fields.retain(|(_, value)| !value.is_empty());
    fields.extend(after.map(|after| ("after".to_owned(), after.to_owned())));
    match fields.is_empty() {
        true => path.to_owned(),
        false => {
            let query = form_urlencoded::Serializer::new(String::new())
                .extend_pairs(fields)
                .finish();
            format!("{path}?{query}")
        }
    }
}

/// Returns a time for the API. Browsers send times of a day without seconds and zone: they are in UTC.
fn time(label: &str, value: &str) -> Result<Option<String>, Problem> {
    let written = value.trim();
    if written.is_empty() {
        return Ok(None);
    }
    let candidates = ["", "Z", ":00Z", "T00:00:00Z"];
    let times = candidates.iter().map(|end| format!("{written}{end}"));
    let time = times.into_iter().find(|time| Timestamp::parse(time).is_ok());
    time.map(Some)
        .ok_or_else(|| Problem::invalid_form(text_named("audit-invalid-time", &text(label)).into_owned()))
}

impl Filter {
    /// Reads the filter of a query.
    pub(crate) fn read(query: &Form) -> Self {
        let field = |name: &str| query.text(name).unwrap_or_default().to_owned();
        Self {
            flag: field("flag"),
            tenant: field("tenant"),
            actor: field("actor"),
            action: field("action"),
            from: field("from"),
            until: field("until"),
        }
    }

    /// Returns all actions with their words, in the order of the words.
    pub(crate) fn actions() -> Vec<(&'static str, String)> {
        let names = Event::ALL.into_iter().map(Event::platform_name);
        let mut actions: Vec<(&str, String)> = names.map(|name| (name, action_words(name))).collect();
        actions.sort_by(|one, other| one.1.cmp(&other.1));
        actions
    }
}

/// Returns an action in words.
fn action_words(name: &str) -> String {
    let own = name.strip_prefix("platform.").unwrap_or(name);
    let id = format!("action-{}", own.replace('_', "-"));
    let words = text(&id);
    match words == id {
        // An action of a newer version has no words here.
        true => name.to_owned(),
        false => words.into_owned(),
    }
}

impl ShownEntry {
    /// Creates an entry; `left` is the number of bytes of values that the page may still show.
    pub(crate) fn new(entry: LogEntry, left: &mut usize) -> Self {
        let entry = match entry {
            LogEntry::Altered { id, text } => return Self::Altered { id, text },
            LogEntry::Readable(entry) => entry,
        };
        let urgent = entry.urgent.as_ref().map(|urgent| &urgent.reason);
        let reasons = [entry.reason.as_ref(), urgent].into_iter().flatten();
        let bytes: usize = reasons.map(|reason| shown_bytes(reason)).sum();
        let is_cut = bytes > *left;
        if !is_cut {
            *left = left.saturating_sub(bytes);
        }
        let mut differences = entry.differences();
        let total = differences.len();
        let mut shown = 0_usize;
        for difference in differences.iter().take(MAX_FIELDS) {
            let values = difference.before.iter().chain(&difference.after);
            let bytes: usize = values.map(ShownValue::shown_bytes).sum();
            if bytes > *left {
                break;
            }
            *left = left.saturating_sub(bytes);
            shown = shown.saturating_add(1);
        }
        differences.truncate(shown);
        Self::Readable(Box::new(ReadableEntry {
            entry: *entry,
            differences,
            unlisted: total.saturating_sub(shown),
            is_cut,
        }))
    }
}

impl ReadableEntry {
    /// Returns the action in words.
    pub(crate) fn action(&self) -> String {
        action_words(&self.entry.action)
    }

    /// Returns the fields for people.
    pub(crate) fn changes(&self) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(|difference| difference.rank != Rank::Internal)
    }

    /// Returns the fields by which the controller keeps the course of a rollout plan.
    pub(crate) fn internals(&self) -> impl Iterator<Item = &Difference> {
        self.differences
            .iter()
            .filter(|difference| difference.rank == Rank::Internal)
    }

    /// Returns true if a difference is of the record that the entry is about.
    pub(crate) fn is_about(&self, difference: &Difference) -> bool {
        difference.is_of(self.entry.flag.as_deref(), self.entry.org.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_words() {
        for event in Event::ALL {
            let name = event.platform_name();
            assert_ne!(action_words(name), name);
        }
        assert_eq!(action_words("platform.of_tomorrow"), "platform.of_tomorrow");
    }

    #[test]
    fn a_time_of_a_browser_is_in_utc() {
        for (written, expected) in [
            ("2026-11-30T15:04", "2026-11-30T15:04:00Z"),
            ("2026-11-30T15:04:05", "2026-11-30T15:04:05Z"),
            ("2026-11-30", "2026-11-30T00:00:00Z"),
            ("2026-11-30T15:04:05+02:00", "2026-11-30T15:04:05+02:00"),
        ] {
            assert_eq!(time("audit-from", written).unwrap().as_deref(), Some(expected));
        }
        assert_eq!(time("audit-from", " ").unwrap(), None);
        assert!(time("audit-from", "yesterday").is_err());
    }
}
