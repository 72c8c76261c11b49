//! A check of reports from people: it fails while reports of one cause from enough different orgs are open.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::verdict::{Reason, Status};

/// The most open reports of one flag. A further one is not added.
pub const MAX_REPORTS: usize = 1_000;

/// The open reports of one flag.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportCheck {
    same_cause: usize,
    open: BTreeSet<(String, String)>,
}

impl ReportCheck {
    /// Creates a check that fails at reports of the same cause from `same_cause` orgs.
    pub fn new(same_cause: usize) -> Self {
        Self {
            same_cause: same_cause.max(1),
            open: BTreeSet::new(),
        }
    }

    /// Opens a report. Returns false if [`MAX_REPORTS`] are open. An org counts once for a cause.
    pub fn open(&mut self, cause: &str, org: &str) -> bool {
        let report = (cause.to_owned(), org.to_owned());
        let has_room = self.open.len() < MAX_REPORTS || self.open.contains(&report);
        if has_room {
            self.open.insert(report);
        }
        has_room
    }

    /// Closes the report of an org.
    pub fn close(&mut self, cause: &str, org: &str) {
        self.open.remove(&(cause.to_owned(), org.to_owned()));
    }

    /// Returns the most orgs that reported one cause.
    pub fn largest(&self) -> usize {
        let mut largest = 0;
        let mut run = 0;
        let mut last = None;
        for (cause, _) in &self.open {
            run = if last == Some(cause) { run + 1 } else { 1 };
            last = Some(cause);
            largest = largest.max(run);
        }
        largest
    }

    /// Returns the status and its reason.
    pub fn look(&self) -> (Status, Reason) {
        if self.largest() >= self.same_cause {
            (Status::Fail, Reason::OpenReports)
        } else {
            (Status::Pass, Reason::Met)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_orgs_with_the_same_cause_fail() {
        let mut check = ReportCheck::new(2);
        assert!(check.open("login", "acme"));
        assert!(check.open("login", "acme"));
        assert!(check.open("export", "globex"));
        assert_eq!(check.look(), (Status::Pass, Reason::Met));
        assert!(check.open("login", "globex"));
        assert_eq!(check.look(), (Status::Fail, Reason::OpenReports));
        check.close("login", "acme");
        assert_eq!(check.look().0, Status::Pass);
    }

    #[test]
    fn open_reports_are_bounded() {
        let mut check = ReportCheck::new(2);
        for org in 0..MAX_REPORTS {
            assert!(check.open("login", &org.to_string()));
        }
        assert!(!check.open("login", "one more"));
        assert!(check.open("login", "0"));
    }
}
