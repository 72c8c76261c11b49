//! The history of flag observations beyond the life of one process: the last decision of each flag, and its errors by
//! hour. Stored in a file beside the store; its loss affects only stale lists and error conditions.

use std::collections::{BTreeMap, HashMap};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::FlagObservation;

/// The number of hours of errors that are stored.
pub const MAX_ERROR_HOURS: i64 = 168;
const HOUR_MS: i64 = 3_600_000;

/// The history of flag observations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct History {
    /// The start of the observation.
    #[serde(with = "changes::timestamp")]
    since: Timestamp,
    flags: BTreeMap<String, FlagRecord>,
    /// The totals of this process at the last observation.
    #[serde(skip)]
    totals: HashMap<String, (u64, u64)>,
}

/// The history of one flag.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FlagRecord {
    /// The time of the last observation with a decision.
    #[serde(with = "changes::timestamp")]
    last: Timestamp,
    /// Errors by hour since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    errors: BTreeMap<i64, u64>,
}

impl History {
    /// Creates a history that starts at `now`.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self {
            since: now,
            flags: BTreeMap::new(),
            totals: HashMap::new(),
        }
    }

    /// Reads the history at `path`; starts a new one if the file is missing or unreadable.
    #[must_use]
    pub fn read(path: &Path, now: Timestamp) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        serde_json::from_str(&text).unwrap_or_else(|_| Self::new(now))
    }

    /// Writes the history to `path` in place of the file there.
    ///
    /// # Errors
    /// Writing failed; the previous file is unchanged.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let aside = path.with_extension("new");
        // As private as the store beside it. A file left by an interrupted write may have other permissions.
        let mode = Permissions::from_mode(0o600);
        let mut file = std::fs::File::create(&aside)?;
        file.set_permissions(mode)?;
        serde_json::to_writer(&mut file, self)?;
        file.flush()?;
        std::fs::rename(aside, path)
    }

    /// Records the totals of this process.
    pub fn record(&mut self, now: Timestamp, observed: Vec<FlagObservation>) {
        let hour = now.0.div_euclid(HOUR_MS);
        for seen in observed {
            let totals = (seen.decisions, seen.errors);
            let before = self.totals.insert(seen.flag.clone(), totals).unwrap_or_default();
            let (decisions, errors) = (
                seen.decisions.saturating_sub(before.0),
                seen.errors.saturating_sub(before.1),
            );
            if decisions == 0 && errors == 0 {
                continue;
            }
            let flag = self.flags.entry(seen.flag).or_insert_with(|| FlagRecord {
                last: now,
                errors: BTreeMap::new(),
            });
            flag.last = flag.last.max(now);
            if errors > 0 {
                let counted = flag.errors.entry(hour).or_default();
                *counted = counted.saturating_add(errors);
            }
            flag.errors
                .retain(|at, _| hour.saturating_sub(*at) <= MAX_ERROR_HOURS);
        }
    }

    /// Removes flags that no longer exist, once their errors are too old to count. A flag that is removed and added
    /// again keeps its errors.
    pub fn retain(&mut self, now: Timestamp, exists: impl Fn(&str) -> bool) {
        let oldest = now.0.saturating_sub(MAX_ERROR_HOURS.saturating_mul(HOUR_MS));
        self.flags
            .retain(|flag, record| record.last.0 >= oldest || exists(flag));
        self.totals.retain(|flag, _| self.flags.contains_key(flag));
    }

    /// Returns the start of the observation.
    #[must_use]
    pub fn since(&self) -> Timestamp {
        self.since
    }

    /// Returns the time of the last observation with a decision of the flag.
    #[must_use]
    pub fn last_decided(&self, flag: &str) -> Option<Timestamp> {
        self.flags.get(flag).map(|seen| seen.last)
    }

    /// Returns the number of errors in the last `window_ms` milliseconds, counted in whole hours; the oldest hour is
    /// included whole.
    #[must_use]
    pub fn errors_within(&self, flag: &str, window_ms: i64, now: Timestamp) -> u64 {
        let first = now.0.saturating_sub(window_ms).div_euclid(HOUR_MS);
        self.flags.get(flag).map_or(0, |seen| {
            seen.errors
                .range(first..)
                .fold(0_u64, |sum, (_, count)| sum.saturating_add(*count))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(decisions: u64, errors: u64) -> Vec<FlagObservation> {
        vec![FlagObservation {
            flag: "a".into(),
            decisions,
            errors,
        }]
    }

    #[test]
    fn errors_are_counted_within_the_window() {
        let mut history = History::new(Timestamp(0));
        history.record(Timestamp(0), seen(10, 3));
        history.record(Timestamp(2 * HOUR_MS), seen(20, 4));
        history.record(Timestamp(5 * HOUR_MS), seen(20, 4));
        let errors = |hours: i64| history.errors_within("a", hours * HOUR_MS, Timestamp(5 * HOUR_MS));
        assert_eq!([errors(1), errors(3), errors(5)], [0, 1, 4]);
        assert_eq!(history.errors_within("b", HOUR_MS, Timestamp(0)), 0);
        assert_eq!(history.last_decided("a"), Some(Timestamp(2 * HOUR_MS)));
    }

    #[test]
    fn old_errors_are_removed() {
        let mut history = History::new(Timestamp(0));
        history.record(Timestamp(0), seen(1, 1));
        history.record(Timestamp((MAX_ERROR_HOURS + 1) * HOUR_MS), seen(2, 2));
        assert_eq!(history.flags["a"].errors.len(), 1);
    }

    #[test]
    fn a_removed_flag_keeps_its_errors_while_they_count() {
        let mut history = History::new(Timestamp(0));
        history.record(Timestamp(0), seen(10, 3));
        history.retain(Timestamp(MAX_ERROR_HOURS * HOUR_MS), |_| false);
        assert_eq!(history.errors_within("a", HOUR_MS, Timestamp(0)), 3);
        history.retain(Timestamp(MAX_ERROR_HOURS * HOUR_MS + 1), |_| true);
        assert_eq!(history.flags.len(), 1);
        history.retain(Timestamp(MAX_ERROR_HOURS * HOUR_MS + 1), |_| false);
        assert!(history.flags.is_empty() && history.totals.is_empty());
    }

    #[test]
    fn the_history_survives_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("observations.json");
        let mut history = History::read(&path, Timestamp(7));
        history.record(Timestamp(10), seen(5, 2));
        history.write(&path).unwrap();
        let mut again = History::read(&path, Timestamp(20));
        assert_eq!(
            (again.since(), again.last_decided("a")),
            (Timestamp(7), Some(Timestamp(10)))
        );
        // A new process counts from nothing.
        again.record(Timestamp(30), seen(1, 1));
        assert_eq!(again.errors_within("a", HOUR_MS, Timestamp(30)), 3);
        std::fs::write(&path, "half a fi").unwrap();
        assert_eq!(History::read(&path, Timestamp(40)), History::new(Timestamp(40)));
    }
}
