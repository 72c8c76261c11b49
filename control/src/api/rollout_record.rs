//! The record of a rollout plan in Markdown, in the order of a release procedure: strategy, configuration, plan,
//! monitoring, rollback, approvals, checklist, course, evidence. A fact that nobody stated is marked as missing.

mod cells;
mod rollback_section;

use changes::{
    CheckResult, CheckVerdict, Exposed, FlagState, ManagedPlan, Revision, RolloutState, timestamp, verdict_of,
};
use config::{Stage, ToJson as _};
use rules::{FlagDefinition, Kind, Timestamp};
use verdicts::Uncounted;

use self::cells::{arm_row, bound_text, stage_row, turn_text, window_text};
use super::identity::VERSION;
use super::markdown::{MarkdownText, code, plain};
use super::rollout_wait::waits_of;
use crate::stage_report::StageReport;

/// The facts of a record.
pub(super) struct Facts<'f> {
    pub(super) flag: &'f str,
    pub(super) revision: Revision,
    pub(super) at: Timestamp,
    pub(super) definition: &'f FlagDefinition,
    pub(super) state: &'f FlagState,
    pub(super) managed: &'f ManagedPlan,
    pub(super) verdicts: &'f [CheckResult],
    /// The evidence about the stage in force; none before the first look.
    pub(super) report: Option<&'f StageReport>,
    /// True if a gate of the gateway document names the flag.
    pub(super) is_gated: bool,
    /// The last rollbacks, newest first; none if the audit log can't be read.
    pub(super) exercises: Option<&'f [Exercise]>,
}

/// A time at which the flag was turned off, turned on again, or rolled back.
pub(super) struct Exercise {
    pub(super) at: Timestamp,
    pub(super) by: String,
    pub(super) step: &'static str,
    pub(super) reason: Option<String>,
}

impl Facts<'_> {
    /// Renders the record.
    pub(super) fn render(&self) -> String {
        let mut text = MarkdownText::default();
        text.heading(1, &format!("Rollout of {}", code(self.flag)));
        text.paragraph(&format!(
            "Generated from the live state at {}, revision {}, by Sluice (API {VERSION}).",
            timestamp::minute(self.at),
            self.revision.0
        ));
        self.summary(&mut text);
        self.strategy(&mut text);
        self.configuration(&mut text);
        self.plan(&mut text);
        self.monitoring(&mut text);
        self.rollback(&mut text);
        self.approvals(&mut text);
        self.checklist(&mut text);
        self.course(&mut text);
        self.evidence(&mut text);
        text.finish()
    }

    fn summary(&self, text: &mut MarkdownText) {
        let ManagedPlan { plan, run } = self.managed;
        text.table(["", ""]);
        text.fact("state", Some(self.state_text()));
        text.fact("ticket", plan.ticket.as_deref().map(plain));
        text.fact("owner", self.definition.owner.as_deref().map(plain));
        let first = run.course.first().map(|first| (first.at, first.by.as_str()));
        let set = first.map(|(at, by)| format!("{} by {}", timestamp::minute(at), plain(by)));
        text.fact("plan created", set);
        let approved = run.approvals.iter().map(|approval| approval.at).max();
        let approved = approved.filter(|_| self.managed.missing_approvals().is_empty());
        match (plan.approvals.is_empty(), approved) {
            (true, _) => text.fact("plan approved", Some("no approval is required".to_owned())),
            (false, approved) => text.fact("plan approved", approved.map(timestamp::minute)),
        }
        for wait in waits_of(self.managed, self.verdicts, self.at) {
            text.fact("waits for", Some(plain(wait.detail())));
        }
    }

    /// Formats the state, with the reason of a pause or an end.
    fn state_text(&self) -> String {
        let state = self.managed.state().as_str().replace('_', " ");
        let stage = self.managed.stage_name();
        let stage = stage.map_or(String::new(), |stage| format!(", in stage {}", plain(stage)));
        let halt = self.managed.run.halt.as_ref().map_or(String::new(), |halt| {
            let check = halt
                .check
                .as_ref()
                .map(|check| format!("the check {} failed", code(check)));
            let change = halt.change.map(|change| change.sentence().to_owned());
            let why = halt.why.as_deref().map(plain);
            let why: String = change
                .or(check)
                .into_iter()
                .chain(why)
                .map(|why| format!(": {why}"))
                .collect();
            format!("; {} by {}{why}", timestamp::minute(halt.at), plain(&halt.by))
        });
        format!("{state}{stage}{halt}")
    }

    fn strategy(&self, text: &mut MarkdownText) {
        let Self {
            definition, managed, ..
        } = self;
        text.heading(2, "1. Strategy");
        text.table(["", ""]);
        text.fact("purpose", definition.description.as_deref().map(plain));
        let kind = definition.kind.unwrap_or(Kind::Release).as_str();
        text.fact("type", Some(format!("{kind} flag")));
        let variants = definition.variants.as_ref().map(|variants| {
            let names = variants.iter().map(|(name, _)| code(&name.value));
            names.collect::<Vec<_>>().join(", ")
        });
        text.fact(
            "variants",
            Some(variants.unwrap_or_else(|| "boolean: on, off".to_owned())),
        );
        let by = managed.plan.by.as_ref().map_or("tenant", |by| &*by.value);
        let stages = managed.plan.stages.len();
        let compared = match managed.plan.stages.iter().any(Stage::has_control) {
            true => ", compared with the rest",
            false => "",
        };
        let plural = if stages == 1 { "" } else { "s" };
        let approach = format!(
            "a percentage by {}, in {stages} stage{plural}{compared}",
            plain(by)
        );
        text.fact("approach", Some(approach));
        let requires = definition
            .requires
            .iter()
            .map(|required| code(&required.flag.value));
        let requires: Vec<String> = requires.collect();
        let depends = if requires.is_empty() {
            "none".to_owned()
        } else {
            requires.join(", ")
        };
        text.fact("dependencies", Some(depends));
        let gate = self
            .is_gated
            .then(|| "enforced by a gate in front of the application".to_owned());
        text.fact("enforcement", gate);
        text.fact(
            "quick disable",
            Some(code(&format!("sluice flags kill {}", self.flag))),
        );
        let revertible = definition
            .revertible
            .map(|is| if is { "yes" } else { "no" }.to_owned());
        text.fact("revertible without loss of data", revertible);
    }

    fn configuration(&self, text: &mut MarkdownText) {
        text.heading(2, "2. Configuration");
        text.paragraph(&format!(
            "Created {}; last changed {} by {}. `sluice audit list --flag {}` lists all changes.",
            timestamp::minute(self.state.created),
            timestamp::minute(self.state.changed),
            plain(&self.state.changed_by),
            self.flag,
        ));
        let json = self.definition.to_json();
        text.gap();
        text.code_block("json", &serde_json::to_string_pretty(&json).unwrap_or_default());
    }

    fn plan(&self, text: &mut MarkdownText) {
        let plan = &self.managed.plan;
        text.heading(2, "3. Rollout plan");
        let headings = ["stage", "audience", "lifecycle", "percentage", "duration", "ends"];
        // Only plans that compare have a column about control.
        if plan.stages.iter().any(Stage::has_control) {
            let [stage, audience, lifecycle, percentage, duration, ends] = headings;
            text.table([
                stage,
                audience,
                lifecycle,
                percentage,
                duration,
                ends,
                "control arm",
            ]);
            for stage in &plan.stages {
                let [name, audience, lifecycle, percentage, duration, ends] = stage_row(stage);
                let control = if stage.has_control() { "yes" } else { "no" }.to_owned();
                text.row([name, audience, lifecycle, percentage, duration, ends, control]);
            }
        } else {
            text.table(headings);
            for stage in &plan.stages {
                text.row(stage_row(stage));
            }
            text.paragraph("No stage has a control arm: comparisons do not apply.");
        }
        text.paragraph(&format!(
            "A stage ends when its duration has passed and every check that applies has passed, each with at least {} \
             requests from {} tenants in each arm.",
            plan.minimum.requests, plan.minimum.tenants
        ));
        let windows: Vec<String> = plan.window.iter().map(window_text).collect();
        text.paragraph(&match windows.is_empty() {
            true => "Stages may be entered at any time.".to_owned(),
            false => format!("Stages may be entered: {}.", windows.join("; ")),
        });
        text.paragraph(&match &plan.finish {
            Some(finish) => format!(
                "At the end the default of the flag becomes {}.",
                code(&finish.default.value)
            ),
            None => "At the end the last stage stays in force.".to_owned(),
        });
    }

    fn monitoring(&self, text: &mut MarkdownText) {
        let plan = &self.managed.plan;
        text.heading(2, "4. Monitoring and alerts");
        text.table([
            "check",
            "metric",
            "bound",
            "effect of a failure",
            "stages",
            "verdict",
        ]);
        let of_plan = plan.checks.iter().map(|check| (check, "all".to_owned()));
        let of_stages = plan
            .stages
            .iter()
            .flat_map(|stage| stage.checks.iter().map(|check| (check, plain(&stage.name))));
        let present = self.managed.run.stage;
        for (check, stages) in of_plan.chain(of_stages) {
            let present = present.filter(|stage| plan.checks_of(*stage).any(|of| of.name == check.name));
            let verdict = match present.map(|stage| plan.can_apply(check, stage)) {
                None => "not in this stage",
                Some(false) => CheckVerdict::NotApplicable.as_str(),
                Some(true) => verdict_of(self.verdicts, &check.name).as_str(),
            };
            text.row([
                plain(&check.name),
                check.metric.as_str().to_owned(),
                bound_text(check),
                check.then.as_str().to_owned(),
                stages,
                verdict.replace('_', " "),
            ]);
        }
        text.paragraph(
            "The controller looks at the checks every 10 seconds. The metrics of the flag are \
             `sluice_flag_requests_total` and `sluice_flag_request_duration_seconds`, by arm.",
        );
    }

    fn approvals(&self, text: &mut MarkdownText) {
        let ManagedPlan { plan, run } = self.managed;
        text.heading(2, "6. Approvals");
        if plan.approvals.is_empty() {
            return text.paragraph("The plan requires none.");
        }
        text.table(["role", "approved"]);
        for role in &plan.approvals {
            let mut given = run.approvals.iter();
            let given = given.find(|given| *given.role == **role);
            let given = given.map(|given| format!("{} by {}", timestamp::minute(given.at), plain(&given.by)));
            let given = given.unwrap_or_else(|| text.missing(&format!("the approval of {}", plain(role))));
            text.row([plain(role), given]);
        }
    }

    fn checklist(&self, text: &mut MarkdownText) {
        let ManagedPlan { plan, run } = self.managed;
        text.heading(2, "7. Checklist");
        if plan.checklist.is_empty() {
            return text.paragraph("The plan has none.");
        }
        for item in &plan.checklist {
            let mut checked = run.checked.iter();
            match checked.find(|checked| *checked.item == **item) {
                Some(checked) => {
                    let at = timestamp::minute(checked.at);
                    text.item(&format!("[x] {} ({at} by {})", plain(item), plain(&checked.by)));
                }
                None => {
                    text.missing(&format!("the item of the checklist: {}", plain(item)));
                    text.item(&format!("[ ] {}", plain(item)));
                }
            }
        }
    }

    fn course(&self, text: &mut MarkdownText) {
        text.heading(2, "8. Course");
        text.table(["time", "turn", "stage", "by", "reason"]);
        for entry in &self.managed.run.course {
            text.row([
                timestamp::minute(entry.at),
                turn_text(entry),
                entry.stage.as_deref().map(plain).unwrap_or_default(),
                plain(&entry.by),
                entry.why.as_deref().map(plain).unwrap_or_default(),
            ]);
        }
    }

    fn evidence(&self, text: &mut MarkdownText) {
        text.heading(2, "9. Evidence of the present stage");
        let Some(report) = self.report else {
            let is_begun = !matches!(self.managed.run.exposed, Exposed::Nothing)
                && self.managed.state() == RolloutState::Running;
            return text.paragraph(match is_begun {
                true => "The controller has not looked at this stage yet.",
                false => "Nothing is measured: no stage is in force.",
            });
        };
        text.table(["arm", "requests", "errors", "tenants", "p50", "p95", "p99"]);
        text.row(arm_row("treatment", &report.treatment));
        if report.has_control {
            text.row(arm_row("control", &report.control));
        }
        let excluded = report.excluded;
        text.paragraph(&format!(
            "Not in an arm: {} requests of tenants that opted in, {} others. Measured since {}.",
            excluded.opted_in.requests,
            excluded.other.requests,
            timestamp::minute(report.since)
        ));
        if report.sample_ratio.is_mismatch {
            text.paragraph(
                "**The arms do not have the percentage of the stage**: comparisons are inconclusive.",
            );
        }
        if report.uncounted != Uncounted::default() {
            text.paragraph("Some counts were not used: `sluice rollout evidence` lists them.");
        }
    }
}
