//! The list of stale flags, which should be removed, each with the reasons.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};

use rules::{Lifecycle, Timestamp};
use serde_json::{Map, Value};

use crate::flag::ManagedFlag;
use crate::rollout::{RolloutState, Turn};
use crate::state::State;
use crate::timestamp;

const DAY_MS: i64 = 86_400_000;
/// The most names in a sentence.
const MAX_NAMED: usize = 5;

/// The ages at which flags are stale, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StaleLimits {
    /// Time at ga and on for everyone; default 14 days.
    pub ga_ms: i64,
    /// Time since its creation without a gate that names it; default 14 days.
    pub unused_ms: i64,
    /// Time since its last decision; default 30 days.
    pub undecided_ms: i64,
}

/// The meaning of the times in the state of flags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FlagTimes {
    /// The times of changes are recorded.
    #[default]
    Recorded,
    /// Files manage the flags, so the times of their changes are not known.
    Unknown,
}

/// The observed use of flags.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Usage {
    /// The meaning of the times in the state of the flags.
    pub times: FlagTimes,
    /// The flags that gates name.
    pub gated: BTreeSet<String>,
    /// The start of the observation; none if decisions are not observed.
    pub since: Option<Timestamp>,
    /// The time of each flag's last observed decision.
    pub decided: BTreeMap<String, Timestamp>,
}

/// A stale flag.
#[derive(Debug, Clone, PartialEq)]
pub struct StaleFlag {
    /// Its key.
    pub flag: String,
    /// The reasons; at least one.
    pub reasons: Vec<StaleReason>,
}

/// A reason why a flag is stale.
#[derive(Debug, Clone, PartialEq)]
pub struct StaleReason {
    /// The code.
    pub code: StaleCode,
    /// A sentence with the facts in it.
    pub detail: String,
    /// The facts, for machines.
    pub facts: Map<String, Value>,
}

/// The code of a reason why a flag is stale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StaleCode {
    /// At ga for long, and on for everyone.
    LongGa,
    /// Its rollout plan is completed, and it is on for everyone.
    RolledOut,
    /// The date of its removal (`expires`) is past.
    Expired,
    /// No gate names it, nor a flag that requires it.
    Unused,
    /// No decision was observed for long.
    Undecided,
    /// The flag is retired, and exists only for references to it.
    Retired,
}

impl Default for StaleLimits {
    fn default() -> Self {
        Self {
            ga_ms: 14 * DAY_MS,
            unused_ms: 14 * DAY_MS,
            undecided_ms: 30 * DAY_MS,
        }
    }
}

impl StaleCode {
    /// Returns the name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LongGa => "LONG_GA",
            Self::RolledOut => "ROLLED_OUT",
            Self::Expired => "EXPIRED",
            Self::Unused => "UNUSED",
            Self::Undecided => "UNDECIDED",
            Self::Retired => "RETIRED",
        }
    }
}

/// Returns the stale flags in the order of their keys.
#[must_use]
pub fn stale(state: &State, now: Timestamp, usage: &Usage, limits: &StaleLimits) -> Vec<StaleFlag> {
    stale_among(
        state,
        state.document.flags.keys().map(|key| &**key),
        now,
        usage,
        limits,
    )
}

/// Returns the stale ones among these flags, in their order.
#[must_use]
pub fn stale_among<'k>(
    state: &State,
    keys: impl Iterator<Item = &'k str>,
    now: Timestamp,
    usage: &Usage,
    limits: &StaleLimits,
) -> Vec<StaleFlag> {
    let check = StaleCheck {
        now,
        usage,
        limits,
        state,
        mentions: OnceCell::new(),
        dependents: state.dependents(),
    };
    let flags = keys.filter_map(|key| {
        let reasons = check.reasons(key, &state.flag(key)?);
        (!reasons.is_empty()).then(|| StaleFlag {
            flag: key.to_owned(),
            reasons,
        })
    });
    flags.collect()
}

struct StaleCheck<'s> {
    now: Timestamp,
    usage: &'s Usage,
    limits: &'s StaleLimits,
    state: &'s State,
    /// Read from all records of tenants, once a flag needs them: few do.
    mentions: OnceCell<BTreeMap<&'s str, Mentions>>,
    dependents: BTreeMap<&'s str, Vec<&'s str>>,
}

/// The references to a flag in tenants' records.
#[derive(Default)]
struct Mentions {
    /// Number of tenants that name it.
    tenants: usize,
    /// Number of tenants that have it off: overridden to off, or opted out.
    against: usize,
}

impl StaleCheck<'_> {
    fn reasons(&self, key: &str, flag: &ManagedFlag) -> Vec<StaleReason> {
        if flag.lifecycle() == Some(Lifecycle::Retired) {
            return [Some(self.retired(key, flag)), self.expired(flag)]
                .into_iter()
                .flatten()
                .collect();
        }
        let reasons = [
            self.long_ga(key, flag),
            self.rolled_out(key, flag),
            self.expired(flag),
            self.unused(key, flag),
            self.undecided(key, flag),
        ];
        reasons.into_iter().flatten().collect()
    }

    fn long_ga(&self, key: &str, flag: &ManagedFlag) -> Option<StaleReason> {
        let since = self.recorded(flag.state.since)?;
        let is_long = flag.lifecycle() == Some(Lifecycle::Ga) && self.since(since) > self.limits.ga_ms;
        (is_long && self.is_on_for_everyone(key, flag)).then(|| {
            let minute = timestamp::minute(since);
            let detail = format!("ga since {minute}, on for everyone, and no tenant is excluded");
            reason(StaleCode::LongGa, detail).fact("since", timestamp::text(since))
        })
    }

    fn rolled_out(&self, key: &str, flag: &ManagedFlag) -> Option<StaleReason> {
        let run = &flag.state.plan.as_deref()?.run;
        let completed = run.course.iter().rfind(|entry| entry.turn == Turn::Completed)?;
        (run.state == RolloutState::Completed && self.is_on_for_everyone(key, flag)).then(|| {
            let minute = timestamp::minute(completed.at);
            let detail =
                format!("its rollout was completed {minute}, and it is on for everyone: it can be retired");
            reason(StaleCode::RolledOut, detail).fact("since", timestamp::text(completed.at))
        })
    }

    fn is_on_for_everyone(&self, key: &str, flag: &ManagedFlag) -> bool {
        let default = flag.definition.default.as_ref();
        let is_on = default.is_some_and(|default| !flag.serves_off(&default.value));
        let tiers_on = !flag
            .definition
            .tiers
            .iter()
            .any(|(_, variant)| flag.is_off(variant));
        // The stages of a plan hold some subjects back.
        flag.is_enabled()
            && is_on
            && tiers_on
            && flag.definition.exposure.is_none()
            && self.mentions(key).is_none_or(|mentions| mentions.against == 0)
    }

    fn expired(&self, flag: &ManagedFlag) -> Option<StaleReason> {
        let date = flag.definition.expires.as_ref()?.value.as_ref();
        let last = Timestamp::parse(&format!("{date}T00:00:00Z")).ok()?;
        (self.since(last) >= DAY_MS)
            .then(|| reason(StaleCode::Expired, format!("to be removed since {date}")).fact("expires", date))
    }

    fn unused(&self, key: &str, flag: &ManagedFlag) -> Option<StaleReason> {
        let created = self.recorded(flag.state.created)?;
        let is_old = self.since(created) > self.limits.unused_ms;
        (is_old && !self.is_gated(key)).then(|| {
            let detail = "no gate names it, nor a flag that requires it".to_owned();
            reason(StaleCode::Unused, detail).fact("created", timestamp::text(created))
        })
    }

    /// Reported only after a full period of observation, counted from the flag's creation or the start of the
    /// observation.
    fn undecided(&self, key: &str, flag: &ManagedFlag) -> Option<StaleReason> {
        let observed_since = self.usage.since?;
        let created = self.recorded(flag.state.created);
        let known_since = created.map_or(observed_since, |created| created.max(observed_since));
        let decided = self.usage.decided.get(key);
        let quiet_since = decided
            .copied()
            .map_or(known_since, |decided| decided.max(known_since));
        (self.since(quiet_since) > self.limits.undecided_ms).then(|| match decided {
            Some(decided) => reason(
                StaleCode::Undecided,
                format!("last decided {}", timestamp::minute(*decided)),
            )
            .fact("decided", timestamp::text(*decided)),
            None => reason(
                StaleCode::Undecided,
                format!("no decision since {}", timestamp::minute(known_since)),
            )
            .fact("since", timestamp::text(known_since)),
        })
    }

    fn retired(&self, key: &str, flag: &ManagedFlag) -> StaleReason {
        let flags = self.dependents.get(key).map_or(&[][..], Vec::as_slice);
        let tenants = self.mentions(key).map_or(0, |mentions| mentions.tenants);
        let gate = self.usage.gated.contains(key).then(|| "a gate".to_owned());
        let by = [
            gate,
            (!flags.is_empty()).then(|| listed(flags)),
            match tenants {
                0 => None,
                1 => Some("the record of a tenant".to_owned()),
                many => Some(format!("the records of {many} tenants")),
            },
        ];
        let by: Vec<String> = by.into_iter().flatten().collect();
        let since = self.recorded(flag.state.since);
        let retired = since.map_or_else(
            || "retired".to_owned(),
            |since| format!("retired since {}", timestamp::minute(since)),
        );
        let detail = if by.is_empty() {
            format!("{retired}, and nothing refers to it: it can be removed")
        } else {
            format!("{retired}, still referred to by {}", by.join(", "))
        };
        let mut found = reason(StaleCode::Retired, detail);
        if let Some(since) = since {
            found = found.fact("since", timestamp::text(since));
        }
        found
            .fact("gated", self.usage.gated.contains(key))
            .fact(
                "flags",
                flags.iter().map(|flag| Value::from(*flag)).collect::<Vec<_>>(),
            )
            .fact("tenants", tenants)
    }

    /// Returns true if a gate names the flag or a flag that requires it, directly or indirectly.
    fn is_gated(&self, key: &str) -> bool {
        let mut seen = BTreeSet::from([key]);
        let mut open = vec![key];
        while let Some(flag) = open.pop() {
            if self.usage.gated.contains(flag) {
                return true;
            }
            let dependents = self.dependents.get(flag).into_iter().flatten();
            open.extend(dependents.copied().filter(|flag| seen.insert(flag)));
        }
        false
    }

    /// Returns a time of the state of a flag, if such times are recorded.
    fn recorded(&self, at: Timestamp) -> Option<Timestamp> {
        match self.usage.times {
            FlagTimes::Recorded => Some(at),
            FlagTimes::Unknown => None,
        }
    }

    /// Returns the references to a flag in tenants' records, if there are any.
    fn mentions(&self, key: &str) -> Option<&Mentions> {
        self.mentions.get_or_init(|| mentions(self.state)).get(key)
    }

    fn since(&self, at: Timestamp) -> i64 {
        self.now.0.saturating_sub(at.0)
    }
}

/// Returns the references to each flag in tenants' records.
fn mentions(state: &State) -> BTreeMap<&str, Mentions> {
    let mut mentions: BTreeMap<&str, Mentions> = BTreeMap::new();
    for (_, record) in state.tenants() {
        let mut named: BTreeMap<&str, bool> = BTreeMap::new();
        for (list, is_against) in [
            (&record.beta, false),
            (&record.opt_in, false),
            (&record.opt_out, true),
        ] {
            for flag in list.iter().flatten() {
                *named.entry(&flag.value).or_default() |= is_against;
            }
        }
        for (flag, variant) in record.overrides.iter().flatten() {
            let known = state.flag(&flag.value);
            *named.entry(&flag.value).or_default() |= known.is_some_and(|known| known.is_off(variant));
        }
        for (flag, is_against) in named {
            let mentions = mentions.entry(flag).or_default();
            mentions.tenants = mentions.tenants.saturating_add(1);
            mentions.against = mentions.against.saturating_add(usize::from(is_against));
        }
    }
    mentions
}

fn listed(flags: &[&str]) -> String {
    let named = flags
        .iter()
        .take(MAX_NAMED)
        .copied()
        .collect::<Vec<_>>()
        .join(", ");
    match flags.len().saturating_sub(MAX_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn reason(code: StaleCode, detail: String) -> StaleReason {
    StaleReason {
        code,
        detail,
        facts: Map::new(),
    }
}

impl StaleReason {
    fn fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

#[cfg(test)]
mod tests;
