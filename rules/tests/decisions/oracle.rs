//! An oracle of decisions: the decision table (docs/flags.md) read line by line off the document, as plain and slow as
//! possible. It shares only the buckets with `rules`, which have vectors of their own.

use rules::{AttributeValue, BUCKETS, Eligibility, bucket};
use serde_json::{Value as Json, json};

use crate::test_subject::TestSubject;

/// A document, as JSON.
pub(crate) struct Oracle<'d> {
    pub(crate) document: &'d Json,
    pub(crate) eligibility: Eligibility,
}

/// The expected decision: variant, reason, cause, stage and arm, as the files of the specification write them.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) variant: String,
    pub(crate) reason: &'static str,
    pub(crate) cause: &'static str,
    /// The name of the stage that decided; empty without one.
    pub(crate) stage: String,
    pub(crate) arm: String,
}

/// The outcome of the stages of a plan.
enum Staged {
    /// No audience holds.
    Outside,
    /// This stage admits the subject, and serves this variant.
    Admitted(usize, String),
    /// The last stage whose audience holds; none for a subject without an id.
    HeldBack(Option<usize>),
}

impl Oracle<'_> {
    pub(crate) fn decide(&self, key: &str, subject: &TestSubject) -> Expected {
        let flag = &self.document["flags"][key];
        let record = subject.tenant.as_deref().map(|id| &self.document["tenants"][id]);
        let record = record.unwrap_or(&Json::Null);
        let forced = record["overrides"][key].as_str();
        let has = |list: &str| contains(&record[list], key);
        let plain = |variant: &str, reason, cause: &'static str| Expected {
            variant: variant.to_owned(),
            reason,
            cause,
            stage: String::new(),
            arm: format!("excluded: {cause}"),
        };
        if flag["lifecycle"] == "retired" {
            return plain("on", "STATIC", "retired");
        }
        if flag["enabled"] == false {
            return plain("off", "DISABLED", "killed");
        }
        if subject.open_breakers.iter().any(|open| open == key) {
            return plain("off", "DISABLED", "breaker");
        }
        for required in flag["requires"].as_array().into_iter().flatten() {
            let served = self.decide(required["flag"].as_str().unwrap(), subject).variant;
            if served != required["is"].as_str().unwrap() {
                return plain("off", "DISABLED", "prerequisite");
            }
        }
        if forced == Some("off") {
            return plain("off", "TARGETING_MATCH", "override");
        }
        if has("opt_out") {
            return plain("off", "TARGETING_MATCH", "opt_out");
        }
        let is_eligible = match flag["lifecycle"].as_str() {
            _ if self.eligibility == Eligibility::Relaxed || record["internal"] == true => true,
            Some("ga") => true,
            Some("beta") => record["channel"] == "latest" && has("beta") || has("opt_in"),
            _ => forced == Some("on"),
        };
        if !is_eligible {
            return plain("off", "DISABLED", "lifecycle");
        }
        if forced.is_some() {
            return plain("on", "TARGETING_MATCH", "override");
        }
        for rule in flag["rules"].as_array().into_iter().flatten() {
            if !self.holds(&rule["when"], subject) {
                continue;
            }
            if let Some(variant) = served(key, flag, &rule["serve"], subject) {
                let is_split = rule["serve"].is_object();
                return plain(
                    &variant,
                    if is_split { "SPLIT" } else { "TARGETING_MATCH" },
                    "rule",
                );
            }
        }
        if has("opt_in") {
            let mut found = plain("on", "TARGETING_MATCH", "opt_in");
            let stages = flag["exposure"]["stages"].as_array();
            if stages.is_some_and(|stages| self.is_in_audience(&stages[stages.len() - 1], subject)) {
                found.arm = "opted_in".to_owned();
            }
            return found;
        }
        if flag["exposure"].is_object() {
            if let Some(found) = self.staged_decision(key, flag, subject) {
                return found;
            }
        } else if flag["rollout"].is_object()
            && self.is_in_audience(&flag["rollout"], subject)
            && id(&flag["rollout"], subject).is_some_and(|id| is_in_share(key, flag, &flag["rollout"], id))
            && let Some(variant) = served(key, flag, &on_unless_written(&flag["rollout"]["serve"]), subject)
        {
            return plain(&variant, "SPLIT", "rollout");
        }
        let tier = match (&subject.tenant, record) {
            (None, _) => None,
            (_, Json::Null) => self.document["unknown_tenant"]["tier"].as_str(),
            (_, record) => record["tier"].as_str(),
        };
        if let Some(variant) = tier.and_then(|tier| flag["tiers"][tier].as_str()) {
            return plain(variant, "TARGETING_MATCH", "tier");
        }
        let default = served(key, flag, &flag["default"], subject);
        plain(default.as_deref().unwrap_or("off"), "DEFAULT", "default")
    }

    fn staged_decision(&self, key: &str, flag: &Json, subject: &TestSubject) -> Option<Expected> {
        let stages = flag["exposure"]["stages"].as_array().unwrap();
        let current = stages.len() - 1;
        let name = |stage: usize| stages[stage]["name"].as_str().unwrap().to_owned();
        let (variant, cause, stage, arm) = match self.staged(key, flag, subject) {
            Staged::Outside => return None,
            Staged::Admitted(stage, variant) => (variant, "rollout", Some(stage), "treatment"),
            Staged::HeldBack(stage) => ("off".to_owned(), "held_back", stage, "control"),
        };
        Some(Expected {
            variant,
            reason: "SPLIT",
            cause,
            stage: stage.map(name).unwrap_or_default(),
            arm: match stage == Some(current) {
                true => arm.to_owned(),
                false => format!("excluded: {cause}"),
            },
        })
    }

    fn staged(&self, key: &str, flag: &Json, subject: &TestSubject) -> Staged {
        let exposure = &flag["exposure"];
        let stages = exposure["stages"].as_array().unwrap();
        let entered: Vec<usize> = (0..stages.len())
            .filter(|stage| self.is_in_audience(&stages[*stage], subject))
            .collect();
        let Some(last) = entered.last() else {
            return Staged::Outside;
        };
        let variant = served(key, flag, &on_unless_written(&exposure["serve"]), subject);
        let (Some(id), Some(variant)) = (id(exposure, subject), variant) else {
            return Staged::HeldBack(None);
        };
        let mut admitting = entered.iter();
        match admitting.find(|stage| is_in_share(key, flag, &stages[**stage], id)) {
            Some(stage) => Staged::Admitted(*stage, variant),
            None => Staged::HeldBack(Some(*last)),
        }
    }

    /// Returns true if the audience of a rollout or a stage holds.
    pub(crate) fn is_in_audience(&self, of: &Json, subject: &TestSubject) -> bool {
        of["audience"].is_null() || self.holds(&of["audience"], subject)
    }

    /// Returns true if a condition holds. Only the clauses that the generator writes are known.
    fn holds(&self, condition: &Json, subject: &TestSubject) -> bool {
        if let Some(name) = condition["segment"].as_str() {
            return self.holds(&self.document["segments"][name], subject);
        }
        if condition["not"].is_object() {
            return !self.holds(&condition["not"], subject);
        }
        let record = subject.tenant.as_deref().map(|id| &self.document["tenants"][id]);
        match condition["attribute"].as_str().unwrap() {
            "internal" => record.is_some_and(|record| (record["internal"] == true) == condition["eq"]),
            "groups" => subject
                .groups
                .iter()
                .any(|group| contains(&condition["any_of"], group)),
            name => attribute(subject, name).is_some_and(|found| found == condition["eq"]),
        }
    }
}

fn on_unless_written(serve: &Json) -> Json {
    match serve {
        Json::Null => json!("on"),
        written => written.clone(),
    }
}

fn contains(list: &Json, text: &str) -> bool {
    list.as_array().into_iter().flatten().any(|item| item == text)
}

fn attribute<'s>(subject: &'s TestSubject, name: &str) -> Option<&'s str> {
    let mut attributes = subject.attributes.iter();
    match attributes.find(|(found, _)| found == name) {
        Some((_, AttributeValue::String(text))) => Some(text),
        _ => None,
    }
}

/// Returns the id of the subject for a rollout, exposure or split.
fn id<'s>(of: &Json, subject: &'s TestSubject) -> Option<&'s str> {
    let id = match of["by"].as_str().unwrap_or("tenant") {
        "tenant" => subject.tenant.as_deref(),
        "user" => subject.user.as_deref(),
        name => attribute(subject, name),
    };
    id.filter(|id| !id.is_empty())
}

fn is_in_share(key: &str, flag: &Json, of: &Json, id: &str) -> bool {
    let share = of["percentage"].as_f64().unwrap() * 1_000.0;
    f64::from(bucket(salt(key, flag), id)) < share.round()
}

fn salt<'f>(key: &'f str, flag: &'f Json) -> &'f str {
    flag["salt"].as_str().unwrap_or(key)
}

/// Returns the variant that a rule, a rollout or a default serves; none for a split without an id.
fn served(key: &str, flag: &Json, serve: &Json, subject: &TestSubject) -> Option<String> {
    let Some(weights) = serve["split"].as_object() else {
        return Some(serve.as_str().unwrap_or("off").to_owned());
    };
    let found = bucket(&format!("{}/split", salt(key, flag)), id(serve, subject)?);
    let on = weights["on"].as_f64().unwrap() * 1_000.0;
    assert!(weights.len() == 2 && found < BUCKETS);
    Some(if f64::from(found) < on { "on" } else { "off" }.to_owned())
}
