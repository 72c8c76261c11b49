//! Reports from people about a flag: one is a signal, two of the same cause from different orgs are a blocker.

use std::collections::{BTreeMap, BTreeSet};

use rules::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::refusal::{Code, Refusal};

/// The most open reports of a flag.
pub const MAX_OPEN_REPORTS: usize = 100;
/// The most open reports of one org at a flag, so that one org cannot keep others from reporting.
pub const MAX_REPORTS_OF_ORG: usize = 10;
/// The number of orgs whose reports of one cause block promotions.
const BLOCKING_ORGS: usize = 2;
/// The most orgs that a sentence names.
const MAX_NAMED: usize = 5;

/// A report of a problem with a flag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Report {
    /// The tenant that has the problem.
    pub org: String,
    /// The cause, as written.
    pub cause: String,
    /// The ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// A description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The actor who reported it.
    pub by: String,
    /// The time.
    #[serde(with = "crate::timestamp")]
    pub at: Timestamp,
}

/// The open reports of a flag, by their ids: the revisions that they were stored at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OpenReports(BTreeMap<u64, Report>);

/// A cause with the orgs that reported it. An org counts once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedCause<'r> {
    /// The cause, as written first.
    pub cause: &'r str,
    /// The orgs.
    pub orgs: BTreeSet<&'r str>,
}

impl OpenReports {
    /// Returns true if no report is open.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the number of open reports.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Returns the reports with their ids, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &Report)> {
        self.0.iter().map(|(id, report)| (*id, report))
    }

    /// Opens a report.
    pub(crate) fn open(&mut self, id: u64, report: Report) {
        self.0.insert(id, report);
    }

    /// Closes a report, and returns it; none if it is not open.
    pub(crate) fn close(&mut self, id: u64) -> Option<Report> {
        self.0.remove(&id)
    }

    /// Returns the id of the open report with the same content as this one: org, [cause](Report::normal_cause), ticket and
    /// text.
    pub(crate) fn same_as(&self, report: &Report) -> Option<u64> {
        let found = self.iter().find(|(_, open)| open.is_same_as(report));
        found.map(|(id, _)| id)
    }

    /// Returns the causes with the orgs that reported them, the one with the most orgs first. Causes are compared in their
    /// normal form.
    #[must_use]
    pub fn causes(&self) -> Vec<ReportedCause<'_>> {
        let mut causes: BTreeMap<String, ReportedCause<'_>> = BTreeMap::new();
        for report in self.0.values() {
            let found = causes.entry(report.normal_cause());
            let found = found.or_insert_with(|| ReportedCause {
                cause: &report.cause,
                orgs: BTreeSet::new(),
            });
            found.orgs.insert(&report.org);
        }
        let mut causes: Vec<ReportedCause<'_>> = causes.into_values().collect();
        causes.sort_by_key(|cause| std::cmp::Reverse(cause.orgs.len()));
        causes
    }

    /// Returns the largest number of orgs that reported the same cause.
    #[must_use]
    pub fn most_orgs(&self) -> usize {
        self.causes().first().map_or(0, |cause| cause.orgs.len())
    }

    /// Returns the refusal of promotions while several orgs have reported the same cause.
    pub(crate) fn blocker(&self) -> Option<Refusal> {
        let mut causes = self.causes();
        causes.retain(ReportedCause::is_blocker);
        if causes.is_empty() {
            return None;
        }
        let sentences: Vec<String> = causes.iter().map(ReportedCause::sentence).collect();
        let detail = format!("several orgs reported the same cause: {}", sentences.join("; "));
        let facts: Vec<Value> = causes
            .iter()
            .map(|cause| json!({ "cause": cause.cause, "orgs": cause.orgs }))
            .collect();
        let refusal = Refusal::new(Code::OpenReports, detail);
        Some(
            refusal
                .help("close the reports when the problem is solved")
                .fact("causes", facts),
        )
    }
}

impl Report {
    /// Returns the form in which causes are compared: in lower case, with one space between words and none around them.
    fn normal_cause(&self) -> String {
        let lower = self.cause.to_lowercase();
        lower.split_whitespace().collect::<Vec<&str>>().join(" ")
    }

    /// Returns true if another report of the same org says the same, whoever sent it and when.
    fn is_same_as(&self, other: &Self) -> bool {
        self.org == other.org
            && self.ticket == other.ticket
            && self.text == other.text
            && self.normal_cause() == other.normal_cause()
    }
}

impl ReportedCause<'_> {
    /// Returns true if it blocks promotions.
    #[must_use]
    pub fn is_blocker(&self) -> bool {
        self.orgs.len() >= BLOCKING_ORGS
    }

    /// Returns the cause and its orgs in words.
    pub(crate) fn sentence(&self) -> String {
        let named: Vec<&str> = self.orgs.iter().copied().take(MAX_NAMED).collect();
        let more = match self.orgs.len().saturating_sub(MAX_NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        format!("`{}` from {}{more}", self.cause, named.join(", "))
    }
}
