//! `GET .../rollout/document`: the record of a rollout plan in Markdown, from the live state and the audit log.

use axum::body::Body;
use changes::{Entry, Event, ManagedFlag, Outcome};
use rules::Lifecycle;

use super::Api;
use super::handler::{NoBody, Reply, ResponseBody};
use super::problem::ApiProblem;
use super::readable_log::readable_store;
use super::request::ApiRequest;
use super::rollout_record::{Exercise, Facts};
use super::rollouts::planned_flag;
use super::schema::ResponseSchema;
use crate::store::AuditFilter;

/// The number of entries of the audit log that are searched for rollbacks.
const SEARCHED_ENTRIES: usize = 200;
/// The number of rollbacks in a record.
const MAX_EXERCISES: usize = 5;

/// A body in Markdown.
pub(crate) struct MarkdownBody(String);

impl ResponseBody for MarkdownBody {
    const SCHEMA: ResponseSchema = ResponseSchema::Markdown;

    fn into_body(self) -> Result<Body, ApiProblem> {
        Ok(self.0.into())
    }
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<MarkdownBody>, ApiProblem> {
    let key = request.flag();
    let (revision, flag, managed) = planned_flag(api, key)?;
    let ManagedFlag { definition, state } = flag;
    let (verdicts, report) = (api.verdicts(key, &managed), api.evidence(key, &managed));
    let exercises = exercises(api, key);
    let facts = Facts {
        flag: key,
        revision,
        at: request.at,
        definition: &definition,
        state: &state,
        managed: &managed,
        verdicts: &verdicts,
        report: report.as_ref(),
        is_gated: api.control().gated().iter().any(|gated| gated == key),
        exercises: exercises.as_deref(),
    };
    Ok(Reply::at(revision, MarkdownBody(facts.render())))
}

/// Returns the last times at which the flag was turned off, turned on again, or rolled back, newest first. None if the
/// audit log can't be read.
fn exercises(api: &Api, flag: &str) -> Option<Vec<Exercise>> {
    let filter = AuditFilter {
        flag: Some(flag.to_owned()),
        events: vec![
            Event::FlagKilled,
            Event::FlagRestored,
            Event::StateChanged,
            Event::RolloutRolledBack,
        ],
        ..AuditFilter::default()
    };
    let store = readable_store(api.control()).ok()?;
    let page = store.audit(&filter, None, SEARCHED_ENTRIES).ok()?;
    let entries = page.entries.iter().filter_map(|sealed| sealed.entry().ok());
    let exercises = entries.filter_map(|entry| exercise(&entry));
    Some(exercises.take(MAX_EXERCISES).collect())
}

/// Returns the rollback of an entry, or its undoing; none for a promotion, and for a change that was rejected.
fn exercise(entry: &Entry) -> Option<Exercise> {
    if entry.outcome != Outcome::Applied {
        return None;
    }
    let step = match entry.event {
        Event::FlagKilled => "killed",
        Event::FlagRestored => "restored",
        Event::RolloutRolledBack => "rolled back",
        Event::StateChanged if is_revert(entry) => "reverted",
        _ => return None,
    };
    Some(Exercise {
        at: entry.at,
        by: entry.actor.clone(),
        step,
        reason: entry.reason.clone(),
    })
}

/// Returns true if the lifecycle went back.
fn is_revert(entry: &Entry) -> bool {
    let lifecycle = |name: &str| {
        let name = entry.details.get(name)?.as_str()?;
        Lifecycle::ALL.iter().position(|known| known.as_str() == name)
    };
    lifecycle("from")
        .zip(lifecycle("to"))
        .is_some_and(|(from, to)| to < from)
}
