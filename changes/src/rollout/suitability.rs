//! The reasons for which a plan cannot advance: it does not fit the flag, its tenants, or the policy. The form of a plan
//! was checked when it was read.

use config::{Metric, RolloutPlan, closest};
use rules::{Lifecycle, MAX_BREAKERS, OwnedName, ServeDefinition, Timestamp};

use super::audience::{self, FindSegment};
use crate::condition_names::segments_of;
use crate::flag::ManagedFlag;
use crate::policy::{LifecyclePolicy, MetricSource, Revertible};
use crate::refusal::{Code, Refusal};
use crate::state::State;
use crate::timestamp;

/// The surroundings of a plan.
pub(crate) struct Surroundings<'s> {
    pub(crate) key: &'s str,
    pub(crate) flag: &'s ManagedFlag,
    /// The state, for its tenants.
    pub(crate) tenants: &'s State,
    /// Finds a segment.
    pub(crate) segment: FindSegment<'s>,
    /// The names of the segments, for suggestions.
    pub(crate) segments: Vec<&'s str>,
    pub(crate) policy: &'s LifecyclePolicy,
    /// The number of stages that were entered already: their lifecycles are reached.
    pub(crate) entered: usize,
    /// True if several people can approve: operators are configured.
    pub(crate) has_operators: bool,
    pub(crate) at: Timestamp,
}

/// Returns every reason for which the plan cannot advance.
pub(crate) fn unsuitable(plan: &RolloutPlan, surroundings: &Surroundings<'_>) -> Vec<Refusal> {
    let mut check = Check {
        plan,
        surroundings,
        reasons: Vec::new(),
    };
    check.lifecycles();
    check.audiences();
    check.variants();
    check.approvals();
    check.breakers();
    check.queries();
    check.reasons
}

struct Check<'c> {
    plan: &'c RolloutPlan,
    surroundings: &'c Surroundings<'c>,
    reasons: Vec<Refusal>,
}

impl Check<'_> {
    fn refuse(&mut self, field: impl Into<String>, detail: String, help: impl Into<String>) {
        let refusal = Refusal::new(Code::InvalidPlan, detail).help(help);
        self.reasons.push(refusal.fact("field", field.into()));
    }

    /// Follows the lifecycle through the stages. The promotion of each must be permitted when the stages before it have
    /// taken their time.
    fn lifecycles(&mut self) {
        let Surroundings {
            key,
            flag,
            entered,
            at,
            ..
        } = *self.surroundings;
        let kind = flag.kind();
        if !kind.has_lifecycle() {
            for (index, stage) in self.plan.stages.iter().enumerate() {
                if stage.lifecycle.is_some() {
                    let detail = format!(
                        "stage `{}` promotes {key}, whose kind {kind} has no lifecycle",
                        stage.name
                    );
                    self.refuse(format!("stages[{index}].lifecycle"), detail, "remove the field");
                }
            }
            return;
        }
        let mut reached = flag.lifecycle().unwrap_or_default();
        if reached == Lifecycle::Retired {
            let detail = format!("{key} is retired, and serves its final variant to everyone");
            self.refuse("stages", detail, "revert it to ga first");
            return;
        }
        // The soak of the present lifecycle counts. That of a plan that has begun is not followed: its next promotion waits
        // for it.
        let mut soaked = match entered {
            0 => at.0.saturating_sub(flag.state.since.0).max(0),
            _ => i64::MAX,
        };
        for (index, stage) in self.plan.stages.iter().enumerate().skip(entered) {
            if let Some(to) = stage.lifecycle.filter(|to| *to != reached) {
                self.promotion(index, (reached, to), soaked);
                (reached, soaked) = (to, 0);
            }
            let duration = i64::try_from(stage.for_ms).unwrap_or(i64::MAX);
            soaked = soaked.saturating_add(duration);
        }
        if self.plan.finish.is_some() && reached != Lifecycle::Ga {
            let detail = format!(
                "`finish` serves {key} to everyone, but the last stage leaves it at {reached}, where only eligible tenants \
                 have it"
            );
            self.refuse(
                "finish",
                detail,
                "add `lifecycle: ga` to a stage, or remove `finish`",
            );
        }
    }

    fn promotion(&mut self, index: usize, (from, to): (Lifecycle, Lifecycle), soaked: i64) {
        let Surroundings {
            key, flag, policy, ..
        } = *self.surroundings;
        let Some(stage) = self.plan.stages.get(index) else {
            return;
        };
        let name = &stage.name;
        let field = format!("stages[{index}].lifecycle");
        if to < from {
            let detail = format!("stage `{name}` would revert {key} from {from} to {to}");
            self.refuse(field, detail, "remove the field, or revert the flag first");
            return;
        }
        let next = Lifecycle::ALL.into_iter().find(|state| *state > from);
        if let Some(next) = next.filter(|next| *next != to) {
            let detail = format!("stage `{name}` promotes {key} from {from} to {to}, which skips {next}");
            self.refuse(
                field.clone(),
                detail,
                format!("add `lifecycle: {next}` to a stage before it"),
            );
        }
        // The first stage is entered by a person, who may wait.
        let soak_ms = match to {
            Lifecycle::Ga => policy.soak_before(to).max(policy.ga.stable_ms),
            _ => policy.soak_before(to),
        };
        if index > 0 && soaked < soak_ms {
            let (needed, found) = (timestamp::duration(soak_ms), timestamp::duration(soaked));
            let missing = timestamp::duration(soak_ms.saturating_sub(soaked));
            let detail = format!(
                "stage `{name}` promotes {key} to {to} after {found} at {from}; the policy needs {needed}"
            );
            let help = format!("make the stages before it {missing} longer");
            self.refuse(format!("stages[{}].for", index.saturating_sub(1)), detail, help);
        }
        let needs_revertible = policy.ga.revertible == Revertible::Required;
        if to == Lifecycle::Ga && needs_revertible && !flag.is_revertible() {
            let detail = format!(
                "stage `{name}` promotes {key} to ga, but its definition does not say `revertible: true`"
            );
            let help = "make sure that it can be reverted without harm, then set `revertible: true` in its definition";
            self.refuse(field.clone(), detail, help);
        }
        if to == Lifecycle::Ga && needs_revertible && flag.revert_path().is_none() {
            let detail = format!(
                "stage `{name}` promotes {key} to ga, but its definition does not name its revert path"
            );
            let help = "set `revert` in its definition: the text or link that says how to revert it";
            self.refuse(field, detail, help);
        }
    }

    fn audiences(&mut self) {
        let Surroundings {
            tenants,
            segment,
            ref segments,
            ..
        } = *self.surroundings;
        for (index, stage) in self.plan.stages.iter().enumerate() {
            let Some(audience) = stage.audience.as_ref().map(|audience| &audience.value) else {
                continue;
            };
            let field = format!("stages[{index}].audience");
            let name = &stage.name;
            let unknown = segments_of(audience)
                .into_iter()
                .filter(|name| segment(name).is_none());
            let unknown: Vec<&str> = unknown.collect();
            for missing in &unknown {
                let meant = closest(missing, segments.iter().copied());
                let help = meant.map_or_else(
                    || "define the segment in the flags document, or use another audience".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                );
                let detail = format!(
                    "the audience of stage `{name}` names the segment `{missing}`, which does not exist"
                );
                self.refuse(field.clone(), detail, help);
            }
            if unknown.is_empty() && audience::is_provably_empty(audience, tenants, segment) {
                let shown = audience::shown(audience);
                let detail = format!("the audience of stage `{name}` is empty: no tenant can meet {shown}");
                self.refuse(
                    field,
                    detail,
                    "use another audience, or change the records of tenants first",
                );
            }
        }
    }

    fn variants(&mut self) {
        let Surroundings { key, flag, .. } = *self.surroundings;
        match &self.plan.serve {
            None if !self.has_variant("on") => {
                let detail =
                    format!("{key} has no variant `on`, so the variant of admitted subjects is unknown");
                self.refuse(
                    "serve",
                    detail,
                    format!("add `serve` with {}", self.variants_text()),
                );
            }
            None => {}
            Some(ServeDefinition::Variant(variant)) => {
                if flag.is_off(variant) {
                    let detail = format!("`serve` is `{}`, the variant without the feature", variant.value);
                    self.refuse("serve", detail, format!("write {}", self.variants_text()));
                } else {
                    self.known_variant("serve", variant);
                }
            }
            Some(ServeDefinition::Split { weights, .. }) => {
                for (variant, _) in weights {
                    self.known_variant("serve", variant);
                }
            }
        }
        if let Some(finish) = &self.plan.finish {
            self.known_variant("finish.default", &finish.default);
        }
    }

    fn known_variant(&mut self, field: &str, variant: &OwnedName) {
        let variant = self.surroundings.flag.variant(variant);
        if !self.has_variant(&variant.value) {
            let detail = format!(
                "`{field}` names the variant `{}`, which {} does not have",
                variant.value, self.surroundings.key
            );
            self.refuse(field, detail, format!("write {}", self.variants_text()));
        }
    }

    fn has_variant(&self, name: &str) -> bool {
        match &self.surroundings.flag.definition.variants {
            Some(variants) => variants.iter().any(|(known, _)| known.value == name),
            None => matches!(name, "on" | "off"),
        }
    }

    /// Returns the variants that give the feature, as text.
    fn variants_text(&self) -> String {
        let flag = self.surroundings.flag;
        let variants = flag.definition.variants.as_ref();
        let names = variants.map(|variants| {
            let on = variants.iter().filter(|(name, _)| !flag.is_off(name));
            on.map(|(name, _)| format!("`{}`", name.value))
                .collect::<Vec<_>>()
        });
        names.map_or_else(|| "`on`".to_owned(), |names| names.join(" or "))
    }

    fn approvals(&mut self) {
        if self.surroundings.has_operators || self.plan.approvals.is_empty() {
            return;
        }
        let detail =
            "nobody can approve the plan: no operators are configured, so all callers are one person";
        let help = "configure operators in sluice.yaml (`admin`), or remove `approvals`";
        self.refuse("approvals", detail.to_owned(), help);
    }

    fn queries(&mut self) {
        if self.surroundings.policy.metrics == MetricSource::Prometheus {
            return;
        }
        let stages = self.plan.stages.iter().flat_map(|stage| &stage.checks);
        let checks = self.plan.checks.iter().chain(stages);
        let queries = checks.filter(|check| matches!(check.metric, Metric::Prometheus { .. }));
        let named: Vec<String> = queries.map(|check| format!("`{}`", check.name)).collect();
        if named.is_empty() {
            return;
        }
        let detail = format!("{} queries Prometheus, and none is configured", named.join(", "));
        let help = "set `control.prometheus` in sluice.yaml and restart, or remove the check";
        self.refuse("checks", detail, help);
    }

    /// A node keeps the state of a limited number of breakers.
    fn breakers(&mut self) {
        if self.plan.breaker.is_none() {
            return;
        }
        let has_breaker = |(key, flag): &(&str, ManagedFlag)| {
            let exposure = flag.definition.exposure.as_ref();
            *key != self.surroundings.key && exposure.is_some_and(|exposure| exposure.breaker.is_some())
        };
        let others = self.surroundings.tenants.flags().filter(has_breaker).count();
        if others >= MAX_BREAKERS {
            let detail = format!("{others} flags have a plan with a breaker already; no more is possible");
            let help = "remove `breaker` here, or end the plan of another flag";
            self.refuse("breaker", detail, help);
        }
    }
}
