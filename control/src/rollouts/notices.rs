//! The notices of running plans that no change makes: a check that fails, a metric that cannot be read, and what a plan
//! waits for. Each is sent once, as long as it lasts.

use std::collections::BTreeMap;

use aws_lc_rs::rand;
use changes::{CheckResult, CheckVerdict, ManagedPlan, Refusal, Wait, timestamp, waits};
use config::NoticeEvent;
use rules::{BreakerEventKind, Timestamp};
use serde::{Deserialize, Serialize};

use crate::notifications::Notice;
use crate::observe::BreakerEvent;
use crate::stage_report::StageReport;

/// The conditions of the stage in force that people were notified of. They are stored with the evidence, so that a restart
/// sends no notice again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Notified {
    /// A random number. After a loss of the evidence the conditions are counted from the beginning, with another number: no
    /// id repeats for another notice.
    number: u64,
    run: u64,
    stage: Option<usize>,
    conditions: BTreeMap<String, Condition>,
}

/// A condition.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Condition {
    /// The number of times that it has begun.
    times: u32,
    is_present: bool,
}

/// The bits of the number of [`Notified`], as of the id of a run.
const NUMBER_BITS: u32 = 53;

impl Default for Notified {
    fn default() -> Self {
        let mut random = [0_u8; 8];
        // If there is no randomness, the number is 0; then an id can repeat after a loss of the evidence.
        let _ = rand::fill(&mut random);
        Self {
            number: u64::from_be_bytes(random) >> (u64::BITS - NUMBER_BITS),
            run: 0,
            stage: None,
            conditions: BTreeMap::new(),
        }
    }
}

impl Notified {
    /// Takes the present conditions of a stage. Returns those that are new, each with the number of times that it has begun.
    fn follow<N>(
        &mut self,
        (run, stage): (u64, Option<usize>),
        present: Vec<(String, N)>,
    ) -> Vec<(String, u32, N)> {
        if (self.run, self.stage) != (run, stage) {
            *self = Self {
                number: self.number,
                run,
                stage,
                conditions: BTreeMap::new(),
            };
        }
        for (key, condition) in &mut self.conditions {
            condition.is_present &= present.iter().any(|(other, _)| other == key);
        }
        let mut new = Vec::new();
        for (key, notice) in present {
            let condition = self.conditions.entry(key.clone()).or_default();
            if !condition.is_present {
                condition.is_present = true;
                condition.times = condition.times.saturating_add(1);
                new.push((key, condition.times, notice));
            }
        }
        new
    }
}

/// Returns the notices of a running plan that are new since the last look. The id of a notice has nothing but the run, the
/// number of `notified`, the stage, the condition and the number of times that it has begun: if a crash loses the note that
/// it was sent, it is sent again with the same id.
pub(super) fn of_plan(
    (flag, managed): (&str, &ManagedPlan),
    results: &[CheckResult],
    (report, inconclusive_for_ms, refusals): (Option<&StageReport>, Option<i64>, &[Refusal]),
    notified: &mut Notified,
    now: Timestamp,
) -> Vec<Notice> {
    let mut present = Vec::new();
    for result in results
        .iter()
        .filter(|result| result.verdict == CheckVerdict::Fail)
    {
        let detail = format!("the check {} fails", result.check);
        present.push((
            format!("fails {}", result.check),
            (NoticeEvent::CheckFailing, detail),
        ));
    }
    let checks = report.into_iter().flat_map(|report| &report.checks);
    for check in checks {
        let query = check.query.as_ref().filter(|query| query.is_unreadable_for_long);
        if let Some(error) = query.and_then(|query| query.error.as_deref()) {
            let detail = format!("the metric of the check {} can't be read: {error}", check.name);
            present.push((
                format!("unreadable {}", check.name),
                (NoticeEvent::Inconclusive, detail),
            ));
        }
    }
    let waiting = waits(managed, results, now);
    let patience = i64::try_from(managed.plan.patience_ms).unwrap_or(i64::MAX);
    let since = report.and_then(|report| report.inconclusive_since);
    if let Some(since) = since.filter(|_| inconclusive_for_ms.is_some_and(|time| time >= patience)) {
        let minute = timestamp::minute(since);
        let detail = format!("its stage could have ended since {minute}, and a check is still inconclusive");
        present.push(("patience".to_owned(), (NoticeEvent::Inconclusive, detail)));
    }
    // Not while anything else is to come: then nobody has to act yet.
    let is_of_people =
        |wait: &Wait| matches!(wait, Wait::Person | Wait::Approval { .. } | Wait::Window { .. });
    if !waiting.is_empty() && waiting.iter().all(is_of_people) {
        for wait in &waiting {
            let (key, detail) = match wait {
                Wait::Approval { roles } => (
                    "approval",
                    format!("waits for the approval of {}", roles.join(", ")),
                ),
                Wait::Window { opens: Some(opens) } => (
                    "window",
                    format!("waits for its window, until {}", timestamp::minute(*opens)),
                ),
                Wait::Window { opens: None } => ("window", "waits for its window".to_owned()),
                _ => ("person", "waits for a person to advance it".to_owned()),
            };
            let stage = managed.stage_name().unwrap_or_default();
            present.push((
                format!("waits {key} {stage}"),
                (NoticeEvent::Waiting, format!("its rollout {detail}")),
            ));
        }
    }
    if waiting.is_empty() && !refusals.is_empty() {
        let codes: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
        let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.detail.as_str()).collect();
        let detail = format!("its rollout can't go on: {}", reasons.join("; "));
        present.push((
            format!("held {}", codes.join(" ")),
            (NoticeEvent::Waiting, detail),
        ));
    }
    let run = &managed.run;
    let number = notified.number;
    let new = notified.follow((run.id, run.stage), present).into_iter();
    new.map(|(key, times, (event, detail))| Notice {
        id: format!(
            "rollout-{}-{number}-{}-{}-{times}",
            run.id,
            run.stage.unwrap_or_default(),
            key.replace(' ', "-")
        ),
        event,
        flag: flag.to_owned(),
        at: now,
        actor: "rollout".to_owned(),
        detail,
        reason: None,
        incident: None,
        urgent: None,
        ticket: managed.plan.ticket.as_deref().map(str::to_owned),
        request_id: None,
    })
    .collect()
}

/// Returns the notice of an event of a circuit breaker; none if nobody has to know of it.
pub(super) fn of_breaker(event: &BreakerEvent) -> Option<Notice> {
    let BreakerEvent {
        flag,
        tenant,
        requests,
        errors,
        ..
    } = event;
    let counts = format!("{errors} of {requests} requests failed");
    let detail = match event.kind {
        BreakerEventKind::Opened => format!("its circuit breaker opened for the tenant {tenant}: {counts}"),
        BreakerEventKind::WouldHaveOpened => {
            format!("its circuit breaker would have opened for the tenant {tenant}: {counts}")
        }
        BreakerEventKind::Closed => format!("its circuit breaker closed for the tenant {tenant}"),
        BreakerEventKind::LimitReached => {
            format!("its circuit breaker did not open for the tenant {tenant}: too many are open")
        }
        BreakerEventKind::HalfOpened => return None,
    };
    Some(Notice {
        id: format!("breaker-{flag}-{tenant}-{}", event.at.0),
        event: NoticeEvent::Breaker,
        flag: flag.clone(),
        at: event.at,
        actor: "rollout".to_owned(),
        detail,
        reason: None,
        incident: None,
        urgent: None,
        ticket: None,
        request_id: None,
    })
}
