//! The conditions of a promotion: one method for each, each with its own code. All are checked.

use rules::{Lifecycle, Timestamp};
use serde_json::Value;

use super::facts::{Facts, Pilots};
use super::{dependency, error_condition, sign_off};
use crate::flag::ManagedFlag;
use crate::policy::{GaPolicy, LifecyclePolicy, RequiredSignOff, Revertible};
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
        let conditions = [
            self.one_state_at_a_time(),
            self.soak(policy),
            self.dependencies(),
            no_open_incident(self.flag),
            self.open_reports(),
        ];
        let mut unmet: Vec<Refusal> = conditions.into_iter().flatten().collect();
        if self.from < Lifecycle::Ga && self.to >= Lifecycle::Ga {
            let ga = &policy.ga;
            let conditions = [
                self.pilots(ga, facts),
                self.stable(ga, facts),
                self.no_open_rollback(),
                self.revertible(ga),
                self.revert_path(ga),
                self.sign_offs(&ga.sign_offs, facts),
            ];
            unmet.extend(conditions.into_iter().flatten());
            unmet.extend(error_condition::unmet(
                (self.key, self.flag),
                ga.errors,
                facts,
                self.at,
            ));
        } else if self.to == Lifecycle::Retired {
            // A retired flag serves its final variant even if it is killed: it would be on for everyone.
            unmet.extend(self.no_open_rollback());
        } else if self.from == Lifecycle::Alpha {
            let beta = &policy.beta;
            unmet.extend(self.sign_offs(&beta.sign_offs, facts));
            let flag = (self.key, self.flag);
            unmet.extend(error_condition::unmet(flag, beta.errors, facts, self.at));
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
        let next = Lifecycle::ALL.into_iter().find(|state| *state > self.from)?;
        self.wait(
            Code::SoakNotElapsed,
            &self.in_state_since(),
            since,
            policy.soak_before(next),
        )
    }

    fn in_state_since(&self) -> String {
        format!(
            "in {} since {}",
            self.from,
            timestamp::minute(self.flag.state.since)
        )
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

    /// Returns the refusals for what blocks a wider use of a flag, whatever its lifecycle.
    pub(super) fn blockers(flag: &ManagedFlag) -> impl Iterator<Item = Refusal> {
        let incidents = no_open_incident(flag);
        incidents.into_iter().chain(flag.state.reports.blocker())
    }

    fn pilots(&self, policy: &GaPolicy, facts: &dyn Facts) -> Option<Refusal> {
        let needed = policy.tenants;
        let created_by = Timestamp(self.at.0.saturating_sub(policy.tenant_age_ms));
        let found = facts.pilots(self.key, self.flag.state.since, created_by);
        (found.counted < needed).then(|| {
            let detail = format!(
                "{} of {needed} tenants have it on and were served requests{}",
                found.counted,
                not_counted(found, policy.tenant_age_ms)
            );
            Refusal::new(Code::ExitCriteria, detail)
                .help("put more pilot tenants on its allowlist, or have them opt in, and have them use it")
                .fact("found", found.counted)
                .fact("needed", needed)
                .fact("internal", found.internal)
                .fact("young", found.young)
                .fact("unserved", found.unserved)
        })
    }

    /// Checks the time in the state, and since the last kill, restore, revert or rollback; and that requests were served
    /// in it.
    fn stable(&self, policy: &GaPolicy, facts: &dyn Facts) -> Option<Refusal> {
        if policy.stable_ms == 0 {
            return None;
        }
        let entered = self.flag.state.since;
        let unsettled = self.flag.state.unsettled.as_ref();
        let unsettled = unsettled.filter(|unsettled| unsettled.at > entered);
        let (sentence, since) = match unsettled {
            Some(unsettled) => {
                let sentence = format!("{} {}", unsettled.how, timestamp::minute(unsettled.at));
                (sentence, unsettled.at)
            }
            None => (self.in_state_since(), entered),
        };
        let waiting = self.wait(Code::NotStable, &sentence, since, policy.stable_ms);
        waiting.or_else(|| {
            (!facts.is_served_since(self.key, since)).then(|| {
                let detail = format!("{sentence}, and no request was served with it on since then");
                Refusal::new(Code::NotStable, detail)
                    .help("have tenants use it: without requests nothing shows that it is stable")
                    .fact("since", timestamp::text(since))
            })
        })
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

    fn revert_path(&self, policy: &GaPolicy) -> Option<Refusal> {
        (policy.revertible == Revertible::Required && self.flag.revert_path().is_none()).then(|| {
            Refusal::new(Code::NoRevertPath, "its definition does not name its revert path")
                .help("set `revert` in its definition: the text or link that says how to revert it")
        })
    }

    fn sign_offs(&self, required: &[RequiredSignOff], facts: &dyn Facts) -> Option<Refusal> {
        let missing = required.iter();
        let missing = missing.filter_map(|required| {
            let reason = sign_off::missing(required, self.flag, facts)?;
            Some((required.role.as_str(), reason))
        });
        let (roles, reasons): (Vec<&str>, Vec<String>) = missing.unzip();
        (!roles.is_empty()).then(|| {
            Refusal::new(Code::SignOffMissing, reasons.join(", "))
                .help("have somebody sign off for each of them")
                .fact("roles", roles)
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

/// Returns the numbers of tenants that do not count, as the end of a sentence.
fn not_counted(found: Pilots, tenant_age_ms: i64) -> String {
    let age = timestamp::duration(tenant_age_ms);
    let groups = [
        (found.internal, "internal".to_owned()),
        (found.young, format!("created in the last {age}")),
        (found.unserved, "without a served request".to_owned()),
    ];
    let groups = groups.into_iter().filter(|(number, _)| *number > 0);
    let groups: Vec<String> = groups.map(|(number, of)| format!("{number} {of}")).collect();
    match groups.is_empty() {
        true => String::new(),
        false => format!("; not counted: {}", groups.join(", ")),
    }
}

fn no_open_incident(flag: &ManagedFlag) -> Option<Refusal> {
    let open = &flag.state.incidents;
    (!open.is_empty()).then(|| {
        let links: Vec<&str> = open.iter().map(|incident| incident.link.as_str()).collect();
        Refusal::new(
            Code::IncidentOpen,
            format!("open incidents: {}", links.join(", ")),
        )
        .help("close each of them when it is over")
        .fact("incidents", links)
    })
}
