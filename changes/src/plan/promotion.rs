//! The conditions of a promotion: one method for each, each with its own code. All are checked.

use rules::{Lifecycle, Timestamp};
use serde_json::Value;

use super::dependency;
use super::facts::Facts;
use crate::flag::ManagedFlag;
use crate::policy::{GaPolicy, LifecyclePolicy, Revertible};
use crate::refusal::{Code, Refusal};
use crate::state::State;
use crate::timestamp;

/// A promotion of a flag.
pub(super) struct Promotion<'a> {
    pub(super) state: &'a State,
    pub(super) key: &'a str,
    pub(super) flag: &'a ManagedFlag,
    pub(super) from: Lifecycle,
    pub(super) to: Lifecycle,
    pub(super) at: Timestamp,
}

impl Promotion<'_> {
    /// Returns a refusal for each condition that is not met.
    pub(super) fn unmet(&self, policy: &LifecyclePolicy, facts: &dyn Facts) -> Vec<Refusal> {
        let mut unmet: Vec<Refusal> = [
            self.one_state_at_a_time(),
            self.soak(policy),
            self.dependencies(),
            self.open_reports(),
        ]
        .into_iter()
        .flatten()
        .collect();
        if self.from < Lifecycle::Ga && self.to >= Lifecycle::Ga {
            let ga = &policy.ga;
            let conditions = [
                self.tenants(ga, facts),
                self.stable(ga),
                self.no_open_rollback(),
                self.revertible(ga),
                self.sign_offs(ga),
                self.errors(ga, facts),
            ];
            unmet.extend(conditions.into_iter().flatten());
        } else if self.to == Lifecycle::Retired {
            // A retired flag serves its final variant even if it is killed: it would be on for everyone.
            unmet.extend(self.no_open_rollback());
        }
        unmet
    }

    fn one_state_at_a_time(&self) -> Option<Refusal> {
        let next = Lifecycle::ALL.into_iter().find(|state| *state > self.from)?;
        (next != self.to).then(|| {
            let detail = format!("a promotion from {} to {} skips {next}", self.from, self.to);
            Refusal::new(Code::StateSkipped, detail)
                .help(format!("promote it to {next} first"))
                .fact("from", self.from.as_str())
                .fact("next", next.as_str())
        })
    }

    fn soak(&self, policy: &LifecyclePolicy) -> Option<Refusal> {
        let since = self.flag.state.since;
        let sentence = format!("in {} since {}", self.from, timestamp::minute(since));
        self.wait(Code::SoakNotElapsed, &sentence, since, policy.soak_ms)
    }

    fn dependencies(&self) -> Option<Refusal> {
        let behind = dependency::prerequisites_behind(self.state, self.key, self.to);
        (!behind.is_empty()).then(|| {
            let flags: Vec<Value> = behind.iter().map(|(flag, _)| flag.as_str().into()).collect();
            let detail = format!(
                "flags that it requires are behind: {}",
                dependency::listed(&behind)
            );
            Refusal::new(Code::FlagDependency, detail)
                .help("promote those first")
                .fact("flags", flags)
        })
    }

    fn open_reports(&self) -> Option<Refusal> {
        self.flag.state.reports.blocker()
    }

    fn tenants(&self, policy: &GaPolicy, facts: &dyn Facts) -> Option<Refusal> {
        let (needed, found) = (policy.tenants, facts.tenants_with(self.key));
        (found < needed).then(|| {
            Refusal::new(
                Code::ExitCriteria,
                format!("{found} of {needed} tenants have it on"),
            )
            .help("put more pilot tenants on its allowlist, or have them opt in")
            .fact("found", found)
            .fact("needed", needed)
        })
    }

    fn stable(&self, policy: &GaPolicy) -> Option<Refusal> {
        let unsettled = self.flag.state.unsettled.as_ref()?;
        let sentence = format!("{} {}", unsettled.how, timestamp::minute(unsettled.at));
        self.wait(Code::NotStable, &sentence, unsettled.at, policy.stable_ms)
    }

    fn no_open_rollback(&self) -> Option<Refusal> {
        (!self.flag.is_enabled()).then(|| {
            let unsettled = self.flag.state.unsettled.as_ref();
            let since = unsettled.map(|unsettled| format!(" since {}", timestamp::minute(unsettled.at)));
            Refusal::new(Code::RollbackOpen, format!("killed{}", since.unwrap_or_default()))
                .help("restore it first")
        })
    }

    fn revertible(&self, policy: &GaPolicy) -> Option<Refusal> {
        (policy.revertible == Revertible::Required && !self.flag.is_revertible()).then(|| {
            Refusal::new(
                Code::NotRevertible,
                "its definition does not say `revertible: true`",
            )
            .help("make sure that it can be reverted without harm, then set `revertible: true` in its definition")
        })
    }

    fn sign_offs(&self, policy: &GaPolicy) -> Option<Refusal> {
        let signed = |role: &&String| {
            self.flag
                .state
                .sign_offs
                .iter()
                .any(|sign_off| sign_off.role == **role)
        };
        let missing: Vec<&str> = policy
            .sign_offs
            .iter()
            .filter(|role| !signed(role))
            .map(String::as_str)
            .collect();
        (!missing.is_empty()).then(|| {
            let roles: Vec<Value> = missing.iter().map(|role| (*role).into()).collect();
            Refusal::new(Code::SignOffMissing, missing.join(", "))
                .help("have somebody sign off for each of them")
                .fact("roles", roles)
        })
    }

    fn errors(&self, policy: &GaPolicy, facts: &dyn Facts) -> Option<Refusal> {
        let allowed = policy.errors?;
        let found = facts.errors_within(self.key, policy.errors_window_ms);
        (found > allowed).then(|| {
            let window = timestamp::duration(policy.errors_window_ms);
            let detail = format!(
                "{found} requests that it let through met errors in the last {window}, {allowed} are allowed"
            );
            Refusal::new(Code::FlagErrors, detail)
                .help(format!("find the cause of the errors; they count for {window}"))
                .fact("found", found)
                .fact("allowed", allowed)
        })
    }

    /// Returns a refusal if less than `needed_ms` have passed since `since`. Compared in milliseconds, reported in
    /// minutes.
    fn wait(&self, code: Code, sentence: &str, since: Timestamp, needed_ms: i64) -> Option<Refusal> {
        let until = Timestamp(since.0.saturating_add(needed_ms));
        let remaining = until.0.saturating_sub(self.at.0);
        (remaining > 0).then(|| {
            let (needed, from) = (
                timestamp::duration(needed_ms),
                timestamp::minute_rounded_up(until),
            );
            let detail = format!(
                "{sentence}, {needed} needed: from {from} (in {})",
                timestamp::duration(remaining)
            );
            Refusal::new(code, detail)
                .help("wait until then")
                .fact("since", timestamp::text(since))
                .fact("until", timestamp::text(until))
                .fact("remaining_ms", remaining)
        })
    }
}
