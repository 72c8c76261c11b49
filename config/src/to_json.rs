//! Conversion of definitions to JSON, in the form of a flags document. Reading the result yields the same definition.

use rules::{
    AttributeValue, ConditionDefinition, ExposureDefinition, FlagDefinition, Name, OwnedName,
    RequirementDefinition, RolloutDefinition, RuleDefinition, ScheduleDefinition, SegmentDefinition,
    ServeDefinition, Sited, Spelled, StageDefinition, TenantDefinition,
};
use serde_json::{Map, Value};

use crate::shape::condition::operator_value;
use crate::value_json::{ToJson, number, text, texts};

impl ToJson for FlagDefinition {
    fn to_json(&self) -> Value {
        let Self {
            key: _,
            description,
            owner,
            kind,
            lifecycle,
            enabled,
            default,
            variants,
            off,
            tiers,
            requires,
            rules,
            rollout,
            plan,
            exposure,
            schedule,
            revertible,
            revert,
            expires,
            opt_in_serves,
            final_variant,
            salt,
            allow,
        } = self;
        let mut flag = JsonFields::default();
        flag.put("description", description.as_deref());
        flag.put("owner", owner.as_deref());
        flag.put("kind", kind.map(rules::Kind::as_str));
        flag.put("lifecycle", lifecycle.map(|lifecycle| lifecycle.value.as_str()));
        flag.put("enabled", *enabled);
        flag.put("default", default.as_ref().map(|serve| serve.value.to_json()));
        flag.put("variants", variants.as_ref().map(|all| variant_values(all)));
        flag.put("off", off.as_ref().map(variant));
        flag.put("tiers", some(tiers).map(variants_by_name));
        flag.put("requires", some(requires).map(list));
        flag.put("rules", some(rules).map(list));
        flag.put("rollout", rollout.as_ref().map(ToJson::to_json));
        // The text was read from JSON.
        let plan = plan
            .as_deref()
            .and_then(|plan| serde_json::from_str::<Value>(plan).ok());
        flag.put("plan", plan);
        flag.put("exposure", exposure.as_ref().map(ToJson::to_json));
        flag.put(
            "schedule",
            schedule.as_ref().map(|schedule| schedule.value.to_json()),
        );
        flag.put("revertible", *revertible);
        flag.put("revert", revert.as_deref());
        flag.put("expires", expires.as_ref().map(text));
        flag.put("opt_in_serves", opt_in_serves.as_ref().map(variant));
        flag.put("final", final_variant.as_ref().map(variant));
        flag.put("salt", salt.as_ref().map(text));
        flag.put("allow", some(allow).map(<[_]>::to_vec));
        flag.into()
    }
}

impl ToJson for SegmentDefinition {
    fn to_json(&self) -> Value {
        self.condition.value.to_json()
    }
}

impl ToJson for TenantDefinition<'_> {
    fn to_json(&self) -> Value {
        let Self {
            id: _,
            tier,
            channel,
            internal,
            beta,
            overrides,
            opt_in,
            opt_out,
            attributes,
        } = self;
        let names = |names: &Option<Vec<Name<'_>>>| names.as_ref().map(|names| texts(names));
        let mut tenant = JsonFields::default();
        tenant.put("tier", tier.as_ref().map(text));
        tenant.put("channel", channel.map(rules::Channel::as_str));
        tenant.put("internal", *internal);
        tenant.put("beta", names(beta));
        tenant.put("overrides", overrides.as_ref().map(|all| variants_by_name(all)));
        tenant.put("opt_in", names(opt_in));
        tenant.put("opt_out", names(opt_out));
        tenant.put(
            "attributes",
            attributes.as_ref().map(|all| attributes_by_name(all)),
        );
        tenant.into()
    }
}

impl ToJson for ConditionDefinition {
    fn to_json(&self) -> Value {
        let nested = |parts: &[Sited<Self>]| -> Value {
            let parts = parts.iter().map(|part| part.value.to_json());
            parts.collect::<Vec<_>>().into()
        };
        let mut condition = JsonFields::default();
        match self {
            Self::All(parts) => condition.put("all", Some(nested(parts))),
            Self::Any(parts) => condition.put("any", Some(nested(parts))),
            Self::Not(part) => condition.put("not", Some(part.value.to_json())),
            Self::Segment(name) => condition.put("segment", Some(text(name))),
            Self::Clause {
                attribute,
                fold,
                operator,
            } => {
                condition.put("attribute", Some(text(attribute)));
                let value = operator_value(&operator.value);
                condition.put(operator.value.word().as_str(), Some(value));
                condition.put("fold", *fold);
            }
        }
        condition.into()
    }
}

impl ToJson for ServeDefinition {
    fn to_json(&self) -> Value {
        match self {
            Self::Variant(name) => variant(name),
            Self::Split { weights, by } => {
                let weights = weights.iter();
                let weights = weights.map(|(name, weight)| (name.value.to_string(), number(&weight.value)));
                let mut split = JsonFields::default();
                split.put("split", Some(Value::Object(weights.collect())));
                split.put("by", by.as_ref().map(text));
                split.into()
            }
        }
    }
}

impl ToJson for RequirementDefinition {
    fn to_json(&self) -> Value {
        let Some(is) = &self.is else {
            return text(&self.flag);
        };
        let mut requirement = JsonFields::default();
        requirement.put("flag", Some(text(&self.flag)));
        requirement.put("is", Some(variant(is)));
        requirement.into()
    }
}

impl ToJson for RuleDefinition {
    fn to_json(&self) -> Value {
        let mut rule = JsonFields::default();
        rule.put("name", self.name.as_deref());
        rule.put("when", Some(self.when.value.to_json()));
        rule.put("serve", Some(self.serve.value.to_json()));
        rule.into()
    }
}

impl ToJson for RolloutDefinition {
    fn to_json(&self) -> Value {
        let Self {
            percentage,
            by,
            audience,
            serve,
        } = self;
        let mut rollout = JsonFields::default();
        rollout.put("percentage", Some(number(&percentage.value)));
        rollout.put("by", by.as_ref().map(text));
        rollout.put(
            "audience",
            audience.as_ref().map(|audience| audience.value.to_json()),
        );
        rollout.put("serve", serve.as_ref().map(|serve| serve.value.to_json()));
        rollout.into()
    }
}

impl ToJson for ExposureDefinition {
    fn to_json(&self) -> Value {
        let Self {
            by,
            serve,
            stages,
            errors,
            breaker,
        } = self;
        let mut exposure = JsonFields::default();
        exposure.put("by", by.as_ref().map(text));
        exposure.put("serve", serve.as_ref().map(|serve| serve.value.to_json()));
        exposure.put("stages", Some(list(&stages.value)));
        exposure.put("errors", some(errors).map(<[u16]>::to_vec));
        exposure.put("breaker", breaker.as_ref().map(ToJson::to_json));
        exposure.into()
    }
}

impl ToJson for StageDefinition {
    fn to_json(&self) -> Value {
        let Self {
            name,
            audience,
            percentage,
        } = self;
        let audience = audience.as_ref().map(|audience| audience.value.to_json());
        let mut stage = JsonFields::default();
        stage.put("name", Some(&**name));
        stage.put("audience", audience);
        stage.put("percentage", Some(number(&percentage.value)));
        stage.into()
    }
}

impl ToJson for ScheduleDefinition {
    fn to_json(&self) -> Value {
        let mut schedule = JsonFields::default();
        schedule.put("from", self.from.as_ref().map(text));
        schedule.put("until", self.until.as_ref().map(text));
        schedule.into()
    }
}

/// An object that omits fields without a value.
#[derive(Default)]
pub(crate) struct JsonFields(Map<String, Value>);

impl JsonFields {
    pub(crate) fn put(&mut self, name: &str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }
}

impl From<JsonFields> for Value {
    fn from(fields: JsonFields) -> Self {
        Self::Object(fields.0)
    }
}

/// A list that is omitted if it is empty, because both mean the same.
pub(crate) fn some<T>(list: &[T]) -> Option<&[T]> {
    (!list.is_empty()).then_some(list)
}

pub(crate) fn list<T: ToJson>(items: &[T]) -> Value {
    items.iter().map(ToJson::to_json).collect()
}

/// Returns the name of a variant. `true` and `false` are written as booleans, which are read as these names.
pub(crate) fn variant(name: &Name<'_>) -> Value {
    match &*name.value {
        "true" => true.into(),
        "false" => false.into(),
        other => other.into(),
    }
}

/// Returns variants by the names of tiers or the keys of flags.
pub fn variants_by_name(pairs: &[(Name<'_>, Name<'_>)]) -> Value {
    let entries = pairs.iter();
    let entries = entries.map(|(name, served)| (name.value.to_string(), variant(served)));
    Value::Object(entries.collect())
}

/// Returns the attributes of a tenant by their names.
pub fn attributes_by_name(attributes: &[(Name<'_>, Spelled<AttributeValue>)]) -> Value {
    let entries = attributes.iter();
    let entries = entries.map(|(name, value)| (name.value.to_string(), value.to_json()));
    Value::Object(entries.collect())
}

fn variant_values(variants: &[(OwnedName, Box<str>)]) -> Value {
    let entries = variants.iter().map(|(name, value)| {
        // The values are JSON texts, which were made when they were read.
        (
            name.value.to_string(),
            serde_json::from_str(value).unwrap_or_default(),
        )
    });
    Value::Object(entries.collect())
}
