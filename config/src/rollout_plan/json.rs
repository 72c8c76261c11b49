//! Conversion of rollout plans to JSON, in the form of a document. Reading the result yields the same plan.

use rules::{Breaker, Decimal, ServeDefinition};
use serde_json::Value;

use super::{
    Bound, Check, CheckAction, DEFAULT_ALPHA, DEFAULT_CAP, DEFAULT_PATIENCE_MS, Metric, Minimum,
    PrometheusBound, Rollback, RolloutPlan, Stage, Window,
};
use crate::quantity::duration_text;
use crate::rollout_plan::Advance;
use crate::to_json::{JsonFields, list, some, variant};
use crate::value_json::{ToJson, number, text};

impl ToJson for RolloutPlan {
    /// Returns the plan without the fields that have their default, except `checks`.
    fn to_json(&self) -> Value {
        let Self {
            ticket,
            stages,
            checks,
            minimum,
            window,
            approvals,
            checklist,
            rollback,
            finish,
            by,
            serve,
            errors,
            alpha,
            cap,
            patience_ms,
            breaker,
        } = self;
        let mut plan = JsonFields::default();
        plan.put("ticket", ticket.as_deref());
        plan.put("stages", Some(list(stages)));
        plan.put("checks", Some(list(checks)));
        plan.put(
            "minimum",
            (*minimum != Minimum::default()).then(|| minimum.to_json()),
        );
        plan.put("window", some(window).map(list));
        plan.put("approvals", some(approvals).map(texts));
        plan.put("checklist", some(checklist).map(texts));
        plan.put(
            "rollback",
            (*rollback != Rollback::default()).then_some(rollback.as_str()),
        );
        plan.put(
            "finish",
            finish.as_ref().map(|finish| {
                let mut fields = JsonFields::default();
                fields.put("default", Some(variant(&finish.default)));
                Value::from(fields)
            }),
        );
        plan.put("by", by.as_ref().map(text));
        plan.put("serve", serve.as_ref().map(ServeDefinition::to_json));
        plan.put("errors", some(errors).map(<[u16]>::to_vec));
        let has_other_alpha = Decimal::parse(DEFAULT_ALPHA) != Ok(*alpha);
        plan.put("alpha", has_other_alpha.then(|| number(&(*alpha).into())));
        plan.put("cap", Some(*cap).filter(|cap| *cap != DEFAULT_CAP));
        let has_other_patience = *patience_ms != DEFAULT_PATIENCE_MS;
        plan.put(
            "patience",
            has_other_patience.then(|| duration_text(*patience_ms)),
        );
        plan.put("breaker", breaker.as_ref().map(Breaker::to_json));
        plan.into()
    }
}

impl ToJson for Stage {
    fn to_json(&self) -> Value {
        let Self {
            name,
            lifecycle,
            audience,
            percentage,
            for_ms,
            advance,
            checks,
            window,
        } = self;
        let mut stage = JsonFields::default();
        stage.put("name", Some(&**name));
        stage.put("lifecycle", lifecycle.map(rules::Lifecycle::as_str));
        stage.put(
            "audience",
            audience.as_ref().map(|audience| audience.value.to_json()),
        );
        stage.put("percentage", Some(number(percentage)));
        stage.put("for", Some(duration_text(*for_ms)));
        stage.put(
            "advance",
            (*advance != Advance::default()).then_some(advance.as_str()),
        );
        stage.put("checks", some(checks).map(list));
        stage.put("window", some(window).map(list));
        stage.into()
    }
}

impl ToJson for Check {
    fn to_json(&self) -> Value {
        let mut check = JsonFields::default();
        check.put("name", Some(&*self.name));
        let bound = match &self.metric {
            Metric::ErrorRate(bound) => bounded(bound, |value| percent(*value)),
            Metric::P50(bound) | Metric::P95(bound) | Metric::P99(bound) => {
                bounded(bound, |value| duration_text(*value))
            }
            Metric::Prometheus { query, bound } => {
                let mut fields = JsonFields::default();
                fields.put("query", Some(&**query));
                match bound {
                    PrometheusBound::Above(bound) => fields.put("above", Some(number(bound))),
                    PrometheusBound::Below(bound) => fields.put("below", Some(number(bound))),
                }
                fields.into()
            }
            Metric::Reports { same_cause } => {
                let mut fields = JsonFields::default();
                fields.put("same_cause", Some(*same_cause));
                fields.into()
            }
        };
        check.put(self.metric.as_str(), Some(bound));
        check.put(
            "then",
            (self.then != CheckAction::default()).then_some(self.then.as_str()),
        );
        check.into()
    }
}

impl ToJson for Minimum {
    fn to_json(&self) -> Value {
        let mut minimum = JsonFields::default();
        minimum.put("requests", Some(self.requests));
        minimum.put("tenants", Some(self.tenants));
        minimum.into()
    }
}

impl ToJson for Window {
    fn to_json(&self) -> Value {
        let mut window = JsonFields::default();
        let days: Vec<Value> = self.days.names().map(Value::from).collect();
        window.put("days", Some(days));
        window.put("from", Some(self.from.to_string()));
        window.put("until", Some(self.until.to_string()));
        window.put("zone", Some(self.zone.name()));
        window.into()
    }
}

impl ToJson for Breaker {
    fn to_json(&self) -> Value {
        let mut breaker = JsonFields::default();
        breaker.put("errors", Some(percent(self.errors)));
        breaker.put("requests", Some(self.requests));
        breaker.put("for", Some(duration_text(self.for_ms)));
        breaker.put("dry_run", self.dry_run.then_some(true));
        breaker.into()
    }
}

fn bounded<T>(bound: &Bound<T>, value: impl FnOnce(&T) -> String) -> Value {
    let mut fields = JsonFields::default();
    match bound {
        Bound::Above(above) => fields.put("above", Some(value(above))),
        Bound::WorseThanControl(ratio) => fields.put("worse_than_control", Some(percent(*ratio))),
    }
    fields.into()
}

fn percent(value: Decimal) -> String {
    format!("{value}%")
}

fn texts(texts: &[Box<str>]) -> Value {
    texts.iter().map(|text| Value::from(&**text)).collect()
}
