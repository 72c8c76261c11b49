//! The changes that the controller of rollout plans makes: steps, corrected times of stages, ends of watches.

use std::collections::BTreeMap;

use changes::{Actor, Change, ChangeSource, CheckResult, Request, Step};
use rules::Timestamp;

use crate::engine::{ApplyError, Control};
use crate::judge_rollouts::Look;

/// Takes a step of a flag with the verdicts that it follows from.
pub(super) fn take_step(
    control: &Control,
    (flag, step): (&str, Step),
    evidence: Vec<CheckResult>,
    (request_id, now): (String, Timestamp),
) -> Look {
    let change = Change::TakeStep {
        flag: flag.to_owned(),
        step,
        evidence,
    };
    let request = Request {
        request_id,
        ..controller_request(change, now)
    };
    // Without a commit first: a step that a condition holds up is tried again and again, and the log must not fill.
    let applied = match control.dry_run(&request) {
        Ok(_) => control.apply(&request),
        Err(error) => Err(error),
    };
    match applied {
        Ok(applied) => {
            tracing::info!(flag, revision = applied.revision.0, "rollout: step taken");
            Look::Stepped(applied.revision)
        }
        // A condition of a promotion, or another change; tried again.
        Err(ApplyError::Refused(refusals)) => {
            let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
            tracing::info!(flag, reasons = reasons.join(" "), "rollout: a step is held up");
            Look::Rejected(refusals)
        }
        Err(error) => {
            tracing::error!(flag, ?error, "rollout: the step failed");
            Look::Failed
        }
    }
}

/// Corrects the times of stages after a jump of the system clock. Returns the flags whose correction failed, with its error.
pub(super) fn correct_times(
    control: &Control,
    corrections: Vec<(String, Change)>,
    now: Timestamp,
) -> BTreeMap<String, ApplyError> {
    let mut failed = BTreeMap::new();
    for (flag, change) in corrections {
        match control.apply(&controller_request(change, now)) {
            Ok(_) => tracing::warn!(
                flag,
                "rollout: the clock has jumped, the time of the stage is corrected"
            ),
            Err(error) => {
                tracing::warn!(
                    flag,
                    ?error,
                    "rollout: the time of the stage was not corrected; tried again"
                );
                failed.insert(flag, error);
            }
        }
    }
    failed
}

/// Ends the watches of promotions whose time is over. The audit entry of each is the event for people.
pub(super) fn end_watches(control: &Control, now: Timestamp) {
    let ended: Vec<String> = control.read(|state, _| {
        let flags = state.flags();
        let ended = flags.filter(|(_, flag)| flag.state.watch.is_some_and(|watch| watch.until <= now));
        ended.map(|(key, _)| key.to_owned()).collect()
    });
    for flag in ended {
        let change = Change::EndWatch { flag: flag.clone() };
        if let Err(error) = control.apply(&controller_request(change, now)) {
            tracing::warn!(
                flag,
                ?error,
                "the end of a watch was not recorded; it is tried again"
            );
        }
    }
}

/// Returns the request of a change by the controller.
fn controller_request(change: Change, now: Timestamp) -> Request {
    Request {
        change,
        actor: Actor::controller(),
        source: ChangeSource::Scheduler,
        reason: None,
        incident: None,
        request_id: format!("rollout-{}", now.0),
        expected: None,
        force: false,
        at: now,
    }
}
