//! Explanations of decisions: every line of the decision table, including those after the deciding one, and
//! every clause. They call the same functions as `decide`.

use crate::{
    Cause, Channel, Decision, Eligibility, FlagId, Flags, Lifecycle, Subject, Timestamp, VariantId,
    decide::{Evaluation, decide},
    tenant::TenantChoice,
};

mod clauses;
mod exposure;
mod figures;
mod mismatch;
mod split;

pub use clauses::{ClauseTrace, ClauseValue};
use split::SplitTrace;

/// The explanation of what a flag serves to a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The decision, as [`decide`](crate::decide()) returns it.
    pub decision: Decision,
    /// The lines of the decision table in order, with a step for each rule.
    pub steps: Vec<ExplanationStep>,
}

/// One line of the decision table, as it turned out.
#[derive(Debug, Clone, PartialEq)]
pub struct ExplanationStep {
    /// The cause of this line.
    pub cause: Cause,
    /// The condition: `enabled`, `lifecycle beta`, ``rule `beta testers` ``.
    pub question: String,
    /// The answer: `yes`, `not eligible`, `bucket 61,204, not in`.
    pub answer: String,
    /// The reason, if it is not obvious: `channel is stable; not on the allowlist`.
    pub note: String,
    /// The outcome of the line.
    pub outcome: StepOutcome,
    /// For conditions: every clause and what the subject has there.
    pub clauses: Vec<ClauseTrace>,
}

/// The outcomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepOutcome {
    /// It did not apply.
    Passed,
    /// It decided.
    Decided,
    /// It was not reached, and would not have applied.
    WouldPass,
    /// It was not reached, and would have served this variant.
    WouldServe(VariantId),
}

/// Explains what `flag` serves to `subject` at `now`; none for an id of another snapshot.
#[must_use]
pub fn explain(flags: &Flags, flag: FlagId, subject: &Subject<'_>, now: Timestamp) -> Option<Explanation> {
    let evaluation = Evaluation::new(flags, flag, subject, now)?;
    let mut explainer = Explainer {
        flag,
        evaluation,
        decided: None,
        steps: Vec::new(),
    };
    explainer.states();
    explainer.prerequisites();
    explainer.tenant_lists();
    explainer.rules();
    explainer.defaults();
    Some(Explanation {
        decision: decide(flags, flag, subject, now),
        steps: explainer.steps,
    })
}

struct Explainer<'a> {
    flag: FlagId,
    evaluation: Evaluation<'a>,
    decided: Option<Decision>,
    steps: Vec<ExplanationStep>,
}

impl<'a> Explainer<'a> {
    fn step(
        &mut self,
        cause: Cause,
        question: impl Into<String>,
        found: Option<Decision>,
        answer: String,
    ) -> &mut ExplanationStep {
        // The first line that applies decides. Later ones are recorded as what they would have served.
        let outcome = match (self.decided, found) {
            (None, Some(decision)) => {
                self.decided = Some(decision);
                StepOutcome::Decided
            }
            (None, None) => StepOutcome::Passed,
            (Some(_), None) => StepOutcome::WouldPass,
            (Some(_), Some(decision)) => StepOutcome::WouldServe(decision.variant),
        };
        let index = self.steps.len();
        self.steps.push(ExplanationStep {
            cause,
            question: question.into(),
            answer,
            note: String::new(),
            outcome,
            clauses: Vec::new(),
        });
        #[expect(clippy::indexing_slicing, reason = "pushed on the line above")]
        &mut self.steps[index]
    }

    fn variant(&self, id: VariantId) -> &'a str {
        self.evaluation
            .flag
            .variant(id)
            .map_or("", |variant| &*variant.name)
    }

    /// Adds lines 2 to 4a.
    fn states(&mut self) {
        let flag = self.evaluation.flag;
        if flag.lifecycle == Some(Lifecycle::Retired) {
            let answer = format!("serves its final variant {}", self.variant(flag.final_variant));
            self.step(Cause::Retired, "retired", self.evaluation.retired(), answer);
        }
        let answer = if flag.enabled { "yes" } else { "no, killed" };
        self.step(
            Cause::Killed,
            "enabled",
            self.evaluation.killed(),
            answer.to_owned(),
        );
        if let Some(schedule) = &flag.schedule {
            let found = self.evaluation.schedule();
            let answer = if found.is_none() {
                "now is within it"
            } else {
                "now is outside it"
            };
            self.step(Cause::Schedule, "schedule", found, answer.to_owned())
                .note = figures::schedule(schedule);
        }
        if let Some(found) = self.evaluation.breaker(self.flag) {
            let answer = "open for this tenant".to_owned();
            self.step(Cause::Breaker, "circuit breaker", Some(found), answer);
        }
    }

    /// Adds line 5, a step for each requirement.
    fn prerequisites(&mut self) {
        let evaluation = self.evaluation;
        let unmet = evaluation.prerequisite();
        for (place, requirement) in evaluation.flag.requires.iter().enumerate() {
            let Some(required) = evaluation.flags.flag(requirement.flag) else {
                continue;
            };
            let decision = decide(
                evaluation.flags,
                requirement.flag,
                evaluation.subject,
                evaluation.now,
            );
            let served = required
                .variant(decision.variant)
                .map_or("", |variant| &*variant.name);
            let is = requirement.is.and_then(|is| required.variant(is));
            let asked = is.map_or(String::new(), |variant| format!(" is {}", variant.name));
            let found = unmet.filter(|decision| usize::from(decision.place) == place);
            let step = self.step(
                Cause::Prerequisite,
                format!("requires {}{asked}", required.key),
                found,
                served.to_owned(),
            );
            step.note = decision.cause.to_string();
        }
    }

    /// Adds lines 6 to 9.
    fn tenant_lists(&mut self) {
        let evaluation = self.evaluation;
        let forced = evaluation.forced();
        let answer = forced.map_or("none", |variant| self.variant(variant)).to_owned();
        if forced.is_none_or(|variant| variant == evaluation.flag.off) {
            self.step(
                Cause::Override,
                "override",
                evaluation.override_off(),
                answer.clone(),
            );
        }
        if evaluation.choice() == TenantChoice::Out {
            self.step(Cause::OptOut, "opted out", evaluation.opt_out(), "yes".to_owned());
        }
        if let Some(lifecycle) = evaluation.flag.lifecycle {
            let found = evaluation.lifecycle();
            let answer = if found.is_none() {
                "eligible"
            } else {
                "not eligible"
            };
            let note = self.eligibility(lifecycle);
            self.step(
                Cause::Lifecycle,
                format!("lifecycle {lifecycle}"),
                found,
                answer.to_owned(),
            )
            .note = note;
        }
        if forced.is_some_and(|variant| variant != evaluation.flag.off) {
            self.step(Cause::Override, "override", evaluation.override_to(), answer);
        }
    }

    /// Returns the facts that the lifecycle compares.
    fn eligibility(&self, lifecycle: Lifecycle) -> String {
        let evaluation = self.evaluation;
        if evaluation.flags.eligibility == Eligibility::Relaxed {
            return "the lifecycle is relaxed in this environment".to_owned();
        }
        if evaluation.subject.is_internal() {
            return "the tenant is internal".to_owned();
        }
        match lifecycle {
            Lifecycle::Alpha if evaluation.is_eligible() => "staff set an override".to_owned(),
            Lifecycle::Alpha => "alpha is for internal tenants".to_owned(),
            Lifecycle::Beta => {
                let channel = match evaluation.subject.channel() {
                    Channel::Stable => "channel is stable",
                    Channel::Latest => "channel is latest",
                };
                let allowed = if evaluation.is_allowed() {
                    "on the allowlist"
                } else {
                    "not on the allowlist"
                };
                let opted_in = match (evaluation.choice(), evaluation.flags.policy.beta_opt_in) {
                    (TenantChoice::In, true) => "opted in",
                    (TenantChoice::In, false) => "opted in, which the policy does not count",
                    _ => "not opted in",
                };
                format!("{channel}; {allowed}; {opted_in}")
            }
            Lifecycle::Ga | Lifecycle::Retired => String::new(),
        }
    }

    /// Adds line 10, a step for each rule.
    fn rules(&mut self) {
        let evaluation = self.evaluation;
        let matched = evaluation.rule();
        for (place, rule) in evaluation.flag.rules.iter().enumerate() {
            let holds = rule.when.holds(evaluation.flags, evaluation.subject);
            let found = matched.filter(|decision| usize::from(decision.place) == place);
            let place_in_split = SplitTrace::of(&rule.serve, evaluation.flags, evaluation.subject);
            let answer = match (found, holds) {
                (Some(decision), _) => {
                    format!(
                        "yes, {}serves {}",
                        place_in_split.bucket(),
                        self.variant(decision.variant)
                    )
                }
                (None, true) if place_in_split == SplitTrace::NoId => {
                    "matches, but the subject has no id for its split".to_owned()
                }
                (None, true) => "matches, after another rule".to_owned(),
                (None, false) => "no".to_owned(),
            };
            let mut clauses = Vec::new();
            clauses::trace(&rule.when, evaluation.flags, evaluation.subject, &mut clauses);
            let note = split::note(&rule.serve, evaluation.flags);
            let step = self.step(Cause::Rule, format!("rule `{}`", rule.name), found, answer);
            step.clauses = clauses;
            step.note = note;
        }
    }

    /// Adds lines 11 to 14.
    fn defaults(&mut self) {
        let evaluation = self.evaluation;
        if evaluation.choice() == TenantChoice::In {
            let answer = format!("yes, serves {}", self.variant(evaluation.flag.opt_in_serves));
            self.step(Cause::OptIn, "opted in", evaluation.opt_in(), answer);
        }
        self.rollout();
        self.exposure();
        if !evaluation.flag.tiers.is_empty() {
            let tier = evaluation
                .subject
                .tier(evaluation.flags)
                .and_then(|tier| evaluation.flags.tier_name(tier));
            let found = evaluation.tier();
            let answer = found.map_or("no default".to_owned(), |decision| {
                self.variant(decision.variant).to_owned()
            });
            self.step(
                Cause::Tier,
                format!("tier {}", tier.unwrap_or("none")),
                found,
                answer,
            );
        }
        let default = evaluation.default();
        let variant = self.variant(default.variant);
        let answer = match SplitTrace::of(&evaluation.flag.default, evaluation.flags, evaluation.subject) {
            SplitTrace::NoSplit => variant.to_owned(),
            SplitTrace::NoId => format!("{variant}: the subject has no id for its split"),
            split @ SplitTrace::Bucket(_) => format!("{}serves {variant}", split.bucket()),
        };
        let note = split::note(&evaluation.flag.default, evaluation.flags);
        self.step(Cause::Default, "default", Some(default), answer).note = note;
    }

    fn rollout(&mut self) {
        let evaluation = self.evaluation;
        let Some(rollout) = &evaluation.flag.rollout else {
            return;
        };
        let found = evaluation.rollout();
        let by = clauses::attribute_name(evaluation.flags, rollout.bucketing.by);
        let asked = format!("rollout {} % by {by}", f64::from(rollout.share) / 1_000.0);
        let in_audience = rollout
            .audience
            .as_ref()
            .is_none_or(|audience| audience.holds(evaluation.flags, evaluation.subject));
        let place_in_split = SplitTrace::of(&rollout.serve, evaluation.flags, evaluation.subject);
        let bucket = rollout
            .bucketing
            .bucket(evaluation.flags, evaluation.subject)
            .map(figures::bucket);
        let answer = match (bucket, found) {
            (None, _) => format!("no usable id in {by}"),
            (Some(bucket), Some(decision)) => {
                let variant = self.variant(decision.variant);
                format!("bucket {bucket}, in, {}serves {variant}", place_in_split.bucket())
            }
            (Some(bucket), None) => format!("bucket {bucket}, not in"),
        };
        let note = split::note(&rollout.serve, evaluation.flags);
        let mut clauses = Vec::new();
        if let Some(audience) = &rollout.audience {
            clauses::trace(audience, evaluation.flags, evaluation.subject, &mut clauses);
        }
        let step = self.step(Cause::Rollout, asked, found, answer);
        step.clauses = clauses;
        step.note = match in_audience {
            true => note,
            false => "not in its audience".to_owned(),
        };
    }
}
