//! The stage in force of one plan with its evidence: slots in, verdicts out.

mod report;

use changes::{CheckResult, CheckVerdict, ManagedPlan, Run, Turn};
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use verdicts::{Arm, Ingested, InvalidSlot, Minimum, Slot, Stage, StageConfig, Status, Verdict};

use super::confounding::Confounding;
use super::judged_check::{Judge, JudgedCheck, StageChecks};
use super::opted_in::{self, OptedIn};
use super::recovery::{Progress, Recovery};
use super::sampled_query::SampledQuery;
use super::tenant_errors::TenantErrors;
use super::unit_counts::{unit_count, unit_counts};
use super::unit_history::UnitHistory;
use crate::observe::{ArmName, ObservedSlot, ObservedUnit};
use crate::stage_report::{Excluded, ReportedOrgs};

/// The stage in force with its evidence.
#[derive(Serialize, Deserialize)]
pub(super) struct JudgedStage {
    /// The run and the index of the stage.
    run: u64,
    stage: usize,
    /// The number of turns of the run at the last look.
    sequence: u64,
    /// The checks of the plan and of the stage.
    checks: Vec<JudgedCheck>,
    test: Stage,
    queries: Vec<SampledQuery>,
    /// The verdicts of the tests, as they were looked at last.
    verdicts: Vec<Verdict>,
    /// The slot at whose end the tests were looked at last.
    looked_at: Option<u64>,
    /// The steady time of the last look.
    #[serde(with = "changes::timestamp")]
    steady: Timestamp,
    /// The steady time of the first look, in milliseconds, since which no check has failed and one is inconclusive.
    inconclusive_since_ms: Option<i64>,
    /// Requests in neither arm.
    excluded: Excluded,
    /// The tenants that opted in, apart from a control arm. Without one they are a part of treatment.
    opted_in: Option<OptedIn>,
    tenant_errors: TenantErrors,
    confounding: Confounding,
    /// Requests that the data plane could not attribute to a unit.
    unattributed: u64,
    /// Units that were in both arms of a slot.
    moved: u64,
    #[serde(with = "changes::timestamp")]
    since: Timestamp,
}

impl JudgedStage {
    /// Begins the evidence of the stage in force, from the slot after `slot`; none if no stage is in force.
    pub(super) fn begin(
        managed: &ManagedPlan,
        history: &UnitHistory,
        slot: u64,
        has_control: bool,
        now: Timestamp,
    ) -> Option<Self> {
        let stage = managed.run.stage?;
        let plan = &managed.plan;
        let StageChecks {
            checks,
            tests,
            at_once,
            queries,
        } = StageChecks::of(plan, stage);
        let config = StageConfig {
            first_slot: slot.saturating_add(1),
            share: plan.share_of(stage),
            has_control: has_control && plan.stages.get(stage)?.has_control(),
            at_once,
            minimum: Minimum {
                requests: plan.minimum.requests,
                tenants: u32::try_from(plan.minimum.tenants).unwrap_or(u32::MAX),
            },
            cap: plan.cap,
            alpha: plan.alpha_of(stage),
            checks: tests,
        };
        let opted_in = config.has_control.then(|| OptedIn::begin(&config, history));
        let config = StageConfig {
            // The rest is for the tenants that opted in.
            alpha: match opted_in {
                Some(_) => config.alpha * (1.0 - opted_in::ALPHA_SHARE),
                None => config.alpha,
            },
            ..config
        };
        Some(Self {
            run: managed.run.id,
            stage,
            sequence: managed.run.sequence,
            checks,
            test: Stage::new(config, history.baselines()),
            queries,
            verdicts: Vec::new(),
            looked_at: None,
            steady: now,
            inconclusive_since_ms: None,
            excluded: Excluded::default(),
            opted_in,
            tenant_errors: TenantErrors::default(),
            confounding: Confounding::default(),
            unattributed: 0,
            moved: 0,
            since: now,
        })
    }

    /// Returns true if it is the stage in force of this plan, with the same checks.
    pub(super) fn is_of(&self, managed: &ManagedPlan) -> bool {
        let is_same_stage = self.run == managed.run.id && Some(self.stage) == managed.run.stage;
        let checks = managed.plan.checks_of(self.stage).map(|check| &*check.name);
        is_same_stage && checks.eq(self.checks.iter().map(|check| check.name.as_str()))
    }

    /// Counts a slot of the data plane, unless it began before the evidence. `tenants` are ids by their hashes.
    pub(super) fn count(&mut self, slot: &ObservedSlot, number: u64, tenants: &HashMap<u64, String>) {
        if number < self.test.config().first_slot {
            return;
        }
        self.unattributed = self.unattributed.saturating_add(slot.uncounted);
        self.tenant_errors.add(&slot.units, tenants);
        self.confounding.add(slot);
        self.count_excluded(&slot.units);
        let (mut units, moved) = unit_counts(&slot.units);
        self.moved = self.moved.saturating_add(moved);
        let of_slot = |units| Slot {
            number,
            counter_fell: false,
            units,
        };
        let opted_in = slot.units.iter().filter(|unit| unit.arm == ArmName::OptedIn);
        let opted_in = opted_in.map(|unit| unit_count(unit, Arm::Treatment));
        match &mut self.opted_in {
            Some(test) => test.ingest(&of_slot(opted_in.collect())),
            None => {
                // A unit that opted in during the slot has counts in both.
                let known: HashSet<u64> = units.iter().map(|unit| unit.unit).collect();
                units.extend(opted_in.filter(|unit| !known.contains(&unit.unit)));
            }
        }
        let slot = of_slot(units);
        log_rejected(self.test.ingest(&slot), number);
    }

    /// Takes note of a slot whose counts are unusable.
    pub(super) fn reject(&mut self, number: u64, reason: InvalidSlot) {
        log_rejected(self.test.reject(number, reason), number);
    }

    /// Counts the requests in neither arm.
    fn count_excluded(&mut self, units: &[ObservedUnit]) {
        for unit in units {
            let totals = match unit.arm {
                ArmName::OptedIn => &mut self.excluded.opted_in,
                ArmName::Excluded => &mut self.excluded.other,
                ArmName::Treatment | ArmName::Control => continue,
            };
            totals.requests = totals.requests.saturating_add(u64::from(unit.requests));
            totals.errors = totals.errors.saturating_add(u64::from(unit.errors));
        }
    }

    /// Looks at the checks at the end of a slot. If the plan was resumed since the last look, the checks that had failed by
    /// then begin anew before.
    pub(super) fn judge(
        &mut self,
        managed: &ManagedPlan,
        reporting: usize,
        slot: u64,
        (now, steady): (Timestamp, Timestamp),
    ) {
        if was_resumed(&managed.run, self.sequence) {
            self.renew_failed(reporting, slot);
        }
        self.sequence = managed.run.sequence;
        self.looked_at = (slot >= self.test.config().first_slot).then_some(slot);
        self.steady = steady;
        self.verdicts = self.test.look(slot);
        if let Some(opted_in) = &mut self.opted_in {
            opted_in.look(slot);
        }
        self.follow_recoveries(slot, now);
        let is_inconclusive = self.is_inconclusive(managed, reporting, now);
        self.inconclusive_since_ms = is_inconclusive.then(|| self.inconclusive_since_ms.unwrap_or(steady.0));
    }

    /// Returns the steady time up to the last look, in milliseconds, in which the stage was held up by inconclusive checks
    /// alone; none if it is not.
    pub(super) fn inconclusive_for_ms(&self) -> Option<i64> {
        Some(self.steady.0.saturating_sub(self.inconclusive_since_ms?))
    }

    /// Returns true if the time of the stage has passed, no check has failed, and one is inconclusive.
    fn is_inconclusive(&self, managed: &ManagedPlan, reporting: usize, now: Timestamp) -> bool {
        let for_ms = managed.plan.stages.get(self.stage).map(|stage| stage.for_ms);
        let passed_ms = u64::try_from(managed.run.clock.passed_ms(now)).unwrap_or(0);
        let results = self.results(reporting);
        let is_any = |verdict| results.iter().any(|result| result.verdict == verdict);
        for_ms.is_some_and(|for_ms| passed_ms >= for_ms)
            && is_any(CheckVerdict::Inconclusive)
            && !is_any(CheckVerdict::Fail)
    }

    /// Begins the evidence of the checks anew that had failed at the last look: a person has seen that, and resumed the plan.
    fn renew_failed(&mut self, reporting: usize, slot: u64) {
        let failed: Vec<bool> = self
            .checks
            .iter()
            .map(|check| self.result(check, reporting) == CheckVerdict::Fail)
            .collect();
        let checks = self.checks.iter_mut().zip(failed).filter(|(_, failed)| *failed);
        for (check, _) in checks {
            tracing::info!(
                check = check.name,
                "rollout: resumed after a failure, the evidence of the check begins anew"
            );
            match (check.judge, &mut check.recovery) {
                (Judge::Test(test), None) => {
                    self.test.renew(test, slot);
                    if let Some(opted_in) = &mut self.opted_in {
                        opted_in.renew(test, slot);
                    }
                }
                (Judge::Test(test), Some(recovery)) => {
                    recovery.acknowledge();
                    restart(test, (&mut self.test, self.opted_in.as_mut()), slot);
                }
                (Judge::Query(query), _) => {
                    if let Some(query) = self.queries.get_mut(query) {
                        query.renew();
                    }
                }
                (Judge::Reports(_), _) => {}
            }
        }
    }

    /// Follows the checks that only notify, whose failures end by themselves.
    fn follow_recoveries(&mut self, slot: u64, now: Timestamp) {
        for check in &mut self.checks {
            let Some(recovery) = &mut check.recovery else {
                continue;
            };
            let progress = match check.judge {
                Judge::Test(test) => {
                    let Some(verdict) = self.verdicts.get(test) else {
                        continue;
                    };
                    let opted_in = self.opted_in.as_ref().and_then(|opted_in| opted_in.verdict(test));
                    let status = opted_in::joint_status(verdict.status, opted_in.as_ref());
                    let reason = match (verdict.status, opted_in) {
                        (Status::Pass, Some(opted_in)) => opted_in.reason,
                        _ => verdict.reason,
                    };
                    let progress = recovery.follow(status, reason, (slot, now));
                    if progress == Progress::Restart {
                        restart(test, (&mut self.test, self.opted_in.as_mut()), slot);
                    }
                    progress
                }
                Judge::Query(query) => match self.queries.get_mut(query) {
                    Some(query) if query.has_recovered() => {
                        query.renew();
                        recovery.recover(now);
                        Progress::Recover
                    }
                    _ => Progress::Keep,
                },
                Judge::Reports(_) => Progress::Keep,
            };
            if progress == Progress::Recover {
                tracing::info!(check = check.name, "rollout: the check has recovered");
            }
        }
    }

    /// Returns the checks that query Prometheus, with their queries.
    pub(super) fn queries(&self) -> impl Iterator<Item = (&str, &str)> {
        self.checks.iter().filter_map(|check| match check.judge {
            Judge::Query(query) => Some((check.name.as_str(), self.queries.get(query)?.query())),
            Judge::Test(_) | Judge::Reports(_) => None,
        })
    }

    /// Takes the result of a query of a check, with the time at which it was sent, also as steady time.
    pub(super) fn sample(&mut self, check: &str, at: (Timestamp, Timestamp), value: Result<f64, String>) {
        let found = self.checks.iter().find(|known| known.name == check);
        if let Some(Judge::Query(query)) = found.map(|check| check.judge)
            && let Some(query) = self.queries.get_mut(query)
        {
            query.sample(at, value);
        }
    }

    /// Returns the number of the run, and the index of the stage.
    pub(super) fn id(&self) -> (u64, usize) {
        (self.run, self.stage)
    }

    /// Returns the result of each check, as it was judged last. A check of reports is judged by those that are open now:
    /// `reporting` is the largest number of orgs that reported the same cause.
    pub(super) fn results(&self, reporting: usize) -> Vec<CheckResult> {
        let results = self.checks.iter().map(|check| CheckResult {
            check: check.name.clone(),
            verdict: self.result(check, reporting),
        });
        results.collect()
    }

    fn result(&self, check: &JudgedCheck, reporting: usize) -> CheckVerdict {
        if check.recovery.is_some_and(Recovery::is_failing) {
            return CheckVerdict::Fail;
        }
        let test = match check.judge {
            Judge::Test(test) => test,
            Judge::Reports(same_cause) => {
                return ReportedOrgs {
                    reporting,
                    same_cause,
                }
                .verdict();
            }
            Judge::Query(query) => {
                let query = self.queries.get(query);
                return query.map_or(CheckVerdict::Inconclusive, |query| query.verdict(self.steady));
            }
        };
        let arms = self.verdicts.get(test).map(|verdict| verdict.status);
        let opted_in = self.opted_in_verdict(check.judge);
        match arms.map(|arms| opted_in::joint_status(arms, opted_in.as_ref())) {
            Some(Status::Pass) => CheckVerdict::Pass,
            Some(Status::Fail) => CheckVerdict::Fail,
            Some(Status::NotApplicable) => CheckVerdict::NotApplicable,
            Some(Status::Inconclusive) | None => CheckVerdict::Inconclusive,
        }
    }

    /// Returns the verdict of a check about the tenants that opted in.
    fn opted_in_verdict(&self, judge: Judge) -> Option<Verdict> {
        match judge {
            Judge::Test(test) => self.opted_in.as_ref()?.verdict(test),
            Judge::Reports(_) | Judge::Query(_) => None,
        }
    }
}

/// Begins the evidence of a test anew after a slot, with the same alpha.
fn restart(check: usize, (arms, opted_in): (&mut Stage, Option<&mut OptedIn>), slot: u64) {
    arms.restart(check, slot);
    if let Some(opted_in) = opted_in {
        opted_in.restart(check, slot);
    }
}

/// Reports a slot whose counts were rejected.
fn log_rejected(ingested: Ingested, slot: u64) {
    if let Ingested::Rejected(reason) = ingested {
        tracing::warn!(?reason, slot, "rollout: the counts of a slot do not add up");
    }
}

/// Returns true if a plan was resumed after its first `since` turns.
fn was_resumed(run: &Run, since: u64) -> bool {
    let turns = usize::try_from(run.sequence.saturating_sub(since)).unwrap_or(usize::MAX);
    let mut latest = run.course.iter().rev().take(turns);
    latest.any(|entry| entry.turn == Turn::Resumed)
}
