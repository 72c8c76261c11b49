//! The conditions of a promotion: one method for each, each with its own code. All are checked.

use rules::{Lifecycle, Timestamp};
use serde_json::Value;

use super::facts::{Facts, Pilots};
use super::{dependency, error_condition, sign_off};
use crate::flag::ManagedFlag;
use crate::policy::{ErrorLimit, GaPolicy, LifecyclePolicy, RequiredSignOff, Revertible};
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

/// The next step of a flag's lifecycle.
#[derive(Debug, Clone, PartialEq)]
pub struct NextStep {
    /// The present state; none for kinds without a lifecycle.
    pub from: Option<Lifecycle>,
    /// The next state; none if there is none.
    pub to: Option<Lifecycle>,
    /// The conditions that the policy has for it.
    pub conditions: Vec<Condition>,
}

/// A condition of a promotion.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    /// The code of its refusal.
    pub code: Code,
    /// The thing that it requires, as a phrase: `24 h in alpha`.
    pub requirement: String,
    /// The refusal if it is not met.
    pub unmet: Option<Refusal>,
}

impl Condition {
    pub(super) fn new(code: Code, requirement: impl Into<String>, unmet: Option<Refusal>) -> Self {
        Self {
            code,
            requirement: requirement.into(),
            unmet,
        }
    }
}

impl Promotion<'_> {
    /// Returns a refusal for each condition that is not met.
    pub(super) fn unmet(&self, policy: &LifecyclePolicy, facts: &dyn Facts) -> Vec<Refusal> {
        let conditions = self.conditions(policy, facts).into_iter();
        conditions.filter_map(|condition| condition.unmet).collect()
    }

    /// Returns every condition that the policy has for the promotion.
    pub(super) fn conditions(&self, policy: &LifecyclePolicy, facts: &dyn Facts) -> Vec<Condition> {
        let mut conditions = Vec::new();
        if let Some(skipped) = self.one_state_at_a_time() {
            conditions.push(Condition::new(
                Code::StateSkipped,
                "one state at a time",
                Some(skipped),
            ));
        }
        let mut add = |is_required: bool, code: Code, requirement: String, unmet: Option<Refusal>| {
            if is_required || unmet.is_some() {
                conditions.push(Condition::new(code, requirement, unmet));
            }
        };
        let soak_ms = self.next().map_or(0, |next| policy.soak_before(next));
        let soak = format!("{} in {}", timestamp::duration(soak_ms), self.from);
        add(soak_ms > 0, Code::SoakNotElapsed, soak, self.soak(policy));
        let required = format!(
            "the flags that it requires at {} or later",
            self.to.min(Lifecycle::Ga)
        );
        let requires_flags = !self.flag.definition.requires.is_empty();
        add(
            requires_flags,
            Code::FlagDependency,
            required,
            self.dependencies(),
        );
        add(
            true,
            Code::IncidentOpen,
            "no open incident".to_owned(),
            no_open_incident(self.flag),
        );
        let reports = "no problem that several tenants reported".to_owned();
        add(true, Code::OpenReports, reports, self.open_reports());
        let killed = "not killed".to_owned();
        if self.from < Lifecycle::Ga && self.to >= Lifecycle::Ga {
            let ga = &policy.ga;
            let pilots = format!("{} tenants that have it on and were served requests", ga.tenants);
            add(ga.tenants > 0, Code::ExitCriteria, pilots, self.pilots(ga, facts));
            let stable = timestamp::duration(ga.stable_ms);
            let stable = format!("{stable} with served requests, and no kill, restore, revert or rollback");
            add(ga.stable_ms > 0, Code::NotStable, stable, self.stable(ga, facts));
            add(true, Code::RollbackOpen, killed, self.no_open_rollback());
            let is_required = ga.revertible == Revertible::Required;
            let revertible = "`revertible: true` in its definition".to_owned();
            add(is_required, Code::NotRevertible, revertible, self.revertible(ga));
            let revert = "`revert` in its definition".to_owned();
            add(is_required, Code::NoRevertPath, revert, self.revert_path(ga));
            conditions.extend(self.signed_off(&ga.sign_offs, facts));
            conditions.extend(self.few_errors(ga.errors, facts));
        } else if self.to == Lifecycle::Retired {
            // A retired flag serves its final variant even if it is killed: it would be on for everyone.
            add(true, Code::RollbackOpen, killed, self.no_open_rollback());
        } else if self.from == Lifecycle::Alpha {
            conditions.extend(self.signed_off(&policy.beta.sign_offs, facts));
            conditions.extend(self.few_errors(policy.beta.errors, facts));
        }
        conditions
    }

    /// Returns the state after the present one.
    fn next(&self) -> Option<Lifecycle> {
        Lifecycle::ALL.into_iter().find(|state| *state > self.from)
    }

    fn signed_off(&self, required: &[RequiredSignOff], facts: &dyn Facts) -> Option<Condition> {
        let roles: Vec<&str> = required.iter().map(|required| required.role.as_str()).collect();
        (!roles.is_empty()).then(|| {
            let requirement = format!("signed off for {}", roles.join(", "));
            Condition::new(Code::SignOffMissing, requirement, self.sign_offs(required, facts))
        })
    }

    /// Returns the two conditions on errors, if the policy limits them: their number, and that they were observed.
    fn few_errors(&self, limit: ErrorLimit, facts: &dyn Facts) -> Vec<Condition> {
        let Some(allowed) = limit.allowed else {
            return Vec::new();
        };
        let unmet = error_condition::unmet((self.key, self.flag), limit, facts, self.at);
        let of = |code| unmet.iter().find(|refusal| refusal.code == code).cloned();
        let window = timestamp::duration(limit.window_ms);
        let errors = format!("at most {allowed} requests with errors in {window}");
        let observed = format!("requests that were observed for {window}");
        vec![
            Condition::new(Code::FlagErrors, errors, of(Code::FlagErrors)),
            Condition::new(Code::NotObserved, observed, of(Code::NotObserved)),
        ]
    }

    fn one_state_at_a_time(&self) -> Option<Refusal> {
        let next = self.next()?;
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
        let next = self.next()?;
        self.wait(
            Code::SoakNotElapsed,
            &format!("in {} for", self.from),
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
        let (sentence, waits, since) = match unsettled {
            Some(unsettled) => {
                let how = &unsettled.how;
                let sentence = format!("{how} {}", timestamp::minute(unsettled.at));
                (sentence, format!("{how}, stable for"), unsettled.at)
            }
            None => (self.in_state_since(), format!("in {} for", self.from), entered),
        };
        let waiting = self.wait(Code::NotStable, &waits, since, policy.stable_ms);
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

    /// Returns a refusal if less than `needed_ms` have passed since `since`. `waits` is the begin of its sentence, before
    /// the time that has passed. Compared in milliseconds, reported in
    /// minutes.
    fn wait(&self, code: Code, waits: &str, since: Timestamp, needed_ms: i64) -> Option<Refusal> {
        let until = Timestamp(since.0.saturating_add(needed_ms));
        let remaining = until.0.saturating_sub(self.at.0);
        (remaining > 0).then(|| {
            let passed = timestamp::duration_passed(self.at.0.saturating_sub(since.0));
            let detail = format!(
                "{waits} {passed} of {}; possible from {} (in {})",
                timestamp::duration(needed_ms),
                timestamp::minute_rounded_up(until),
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
