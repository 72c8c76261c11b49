//! The history of flag observations beyond the life of one process: the last decision of each flag, its errors by hour,
//! and the tenants that it served. Stored in a file beside the store. If the file is missing, the observation starts
//! again, and the conditions of promotions say so.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::Permissions;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::observe::{FlagObservation, ServedTenant};

/// The number of hours of errors that are stored.
pub const MAX_ERROR_HOURS: i64 = 168;
/// The largest number of served tenants that are stored of one flag.
pub const MAX_SERVED_TENANTS: usize = 10_000;
/// The largest number of served tenants that are stored of all flags.
pub const MAX_ALL_SERVED_TENANTS: usize = 50_000;
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
    totals: HashMap<String, Totals>,
}

/// The totals of one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Totals {
    decisions: u64,
    errors: u64,
    served: u64,
}

/// The increase of the totals of one flag since the observation before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FlagIncrease {
    /// The flag's key.
    pub(crate) flag: String,
    /// See [`FlagObservation::decisions`].
    pub(crate) decisions: u64,
    /// See [`FlagObservation::errors`].
    pub(crate) errors: u64,
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
    /// The time of the last observation with a served request.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "optional_timestamp")]
    served: Option<Timestamp>,
    /// The tenants that opted in or are on the allowlist and were served, each with the time of the last observation of
    /// that, in milliseconds since 1970.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    tenants: BTreeMap<String, i64>,
}

/// Reads and writes a time that may be missing.
mod optional_timestamp {
    use rules::Timestamp;
    use serde::{Deserialize as _, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => changes::timestamp::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Timestamp>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let parsed = text.map(|text| Timestamp::parse(&text).map_err(serde::de::Error::custom));
        parsed.transpose()
    }
}

impl FlagRecord {
    fn new(last: Timestamp) -> Self {
        Self {
            last,
            errors: BTreeMap::new(),
            served: None,
            tenants: BTreeMap::new(),
        }
    }
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

    /// Records the totals of this process. Returns the increases since the call before, of the flags with one.
    pub(crate) fn record(&mut self, now: Timestamp, observed: Vec<FlagObservation>) -> Vec<FlagIncrease> {
        let hour = now.0.div_euclid(HOUR_MS);
        let mut increases = Vec::new();
        for seen in observed {
            let totals = Totals {
                decisions: seen.decisions,
                errors: seen.errors,
                served: seen.served,
            };
            let before = self.totals.insert(seen.flag.clone(), totals).unwrap_or_default();
            let decisions = totals.decisions.saturating_sub(before.decisions);
            let errors = totals.errors.saturating_sub(before.errors);
            let served = totals.served.saturating_sub(before.served);
            if decisions == 0 && errors == 0 && served == 0 {
                continue;
            }
            if decisions > 0 || errors > 0 {
                increases.push(FlagIncrease {
                    flag: seen.flag.clone(),
                    decisions,
                    errors,
                });
            }
            let flag = self
                .flags
                .entry(seen.flag)
                .or_insert_with(|| FlagRecord::new(now));
            flag.last = flag.last.max(now);
            if errors > 0 {
                let counted = flag.errors.entry(hour).or_default();
                *counted = counted.saturating_add(errors);
            }
            if served > 0 {
                flag.served = flag.served.max(Some(now));
            }
            flag.errors
                .retain(|at, _| hour.saturating_sub(*at) <= MAX_ERROR_HOURS);
        }
        increases
    }

    /// Records tenants that were served since the last call. Beyond the limits further tenants are not stored.
    pub fn record_tenants(&mut self, now: Timestamp, served: Vec<ServedTenant>) {
        if served.is_empty() {
            return;
        }
        let stored = self.flags.values().map(|flag| flag.tenants.len());
        let mut room = MAX_ALL_SERVED_TENANTS.saturating_sub(stored.sum());
        for ServedTenant { flag, tenant } in served {
            let record = self.flags.entry(flag).or_insert_with(|| FlagRecord::new(now));
            if let Some(at) = record.tenants.get_mut(&tenant) {
                *at = now.0.max(*at);
            } else if room > 0 && record.tenants.len() < MAX_SERVED_TENANTS {
                record.tenants.insert(tenant, now.0);
                room = room.saturating_sub(1);
            }
        }
    }

    /// Removes flags that no longer exist, once their errors are too old to count. A flag that is removed and added
    /// again keeps its errors. `is_before_ga` returns none for a flag that does not exist; the served tenants of a flag
    /// that is not before ga are removed.
    pub fn retain(&mut self, now: Timestamp, is_before_ga: impl Fn(&str) -> Option<bool>) {
        let oldest = now.0.saturating_sub(MAX_ERROR_HOURS.saturating_mul(HOUR_MS));
        self.flags.retain(|flag, record| {
            let is_before_ga = is_before_ga(flag);
            if is_before_ga != Some(true) {
                record.tenants = BTreeMap::new();
            }
            record.last.0 >= oldest || is_before_ga.is_some()
        });
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

    /// Returns the time of the last observation with a request that was served with the flag on.
    #[must_use]
    pub fn last_served(&self, flag: &str) -> Option<Timestamp> {
        self.flags.get(flag)?.served
    }

    /// Returns the tenants that were served with the flag on after this time.
    #[must_use]
    pub fn tenants_served_since(&self, flag: &str, since: Timestamp) -> HashSet<String> {
        let tenants = self.flags.get(flag).into_iter().flat_map(|flag| &flag.tenants);
        let served = tenants.filter(|(_, at)| **at > since.0);
        served.map(|(tenant, _)| tenant.clone()).collect()
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
            served: decisions.saturating_sub(errors),
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
        history.retain(Timestamp(MAX_ERROR_HOURS * HOUR_MS), |_| None);
        assert_eq!(history.errors_within("a", HOUR_MS, Timestamp(0)), 3);
        history.retain(Timestamp(MAX_ERROR_HOURS * HOUR_MS + 1), |_| Some(true));
        assert_eq!(history.flags.len(), 1);
        history.retain(Timestamp(MAX_ERROR_HOURS * HOUR_MS + 1), |_| None);
        assert!(history.flags.is_empty() && history.totals.is_empty());
    }

    fn served(flag: &str, tenant: &str) -> ServedTenant {
        ServedTenant {
            flag: flag.into(),
            tenant: tenant.into(),
        }
    }

    #[test]
    fn served_tenants_are_kept_until_the_flag_is_at_ga() {
        let mut history = History::new(Timestamp(0));
        history.record(Timestamp(5), seen(1, 0));
        history.record_tenants(Timestamp(5), vec![served("a", "acme"), served("a", "globex")]);
        history.record_tenants(Timestamp(9), vec![served("a", "acme")]);
        let since = |history: &History, at| history.tenants_served_since("a", Timestamp(at)).len();
        assert_eq!(
            [since(&history, 4), since(&history, 5), since(&history, 9)],
            [2, 1, 0]
        );
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("observations.json");
        history.write(&path).unwrap();
        let mut again = History::read(&path, Timestamp(20));
        assert_eq!(since(&again, 4), 2);
        assert_eq!(again.last_served("a"), Some(Timestamp(5)));
        again.retain(Timestamp(20), |_| Some(false));
        assert_eq!(since(&again, 4), 0);
    }

    #[test]
    fn the_number_of_served_tenants_is_limited() {
        let mut history = History::new(Timestamp(0));
        for flag in 0..7 {
            let flag = format!("f{flag}");
            let tenants = (0..MAX_SERVED_TENANTS + 1).map(|tenant| served(&flag, &format!("t{tenant}")));
            history.record_tenants(Timestamp(1), tenants.collect());
        }
        let stored = |flag: &str| history.tenants_served_since(flag, Timestamp(0)).len();
        assert_eq!(stored("f0"), MAX_SERVED_TENANTS);
        let all: usize = (0..7).map(|flag| stored(&format!("f{flag}"))).sum();
        assert_eq!(all, MAX_ALL_SERVED_TENANTS);
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
