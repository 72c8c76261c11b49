//! Definitions that borrow nothing: for who keeps them longer than the text they were read from.

use std::borrow::Cow;

use super::{
    ConditionDefinition, FlagDefinition, Name, OperatorDefinition, RequirementDefinition, RolloutDefinition,
    RuleDefinition, ScheduleDefinition, SegmentDefinition, ServeDefinition, UnknownTenantDefinition,
};
use crate::Sited;

impl Name<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> Name<'static> {
        name(self)
    }
}

impl FlagDefinition<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> FlagDefinition<'static> {
        FlagDefinition {
            key: name(self.key),
            description: self.description.map(text),
            owner: self.owner.map(text),
            kind: self.kind,
            lifecycle: self.lifecycle,
            enabled: self.enabled,
            default: self.default.map(serve),
            variants: self.variants.map(|variants| {
                variants
                    .into_iter()
                    .map(|(variant, value)| (name(variant), value))
                    .collect()
            }),
            off: self.off.map(name),
            tiers: self
                .tiers
                .into_iter()
                .map(|(tier, variant)| (name(tier), name(variant)))
                .collect(),
            requires: self.requires.into_iter().map(requirement).collect(),
            rules: self.rules.into_iter().map(rule).collect(),
            rollout: self.rollout.map(rollout),
            schedule: self.schedule.map(|schedule| {
                let ScheduleDefinition { from, until } = schedule.value;
                let (from, until) = (from.map(name), until.map(name));
                Sited::new(ScheduleDefinition { from, until }, schedule.site)
            }),
            revertible: self.revertible,
            expires: self.expires.map(name),
            opt_in_serves: self.opt_in_serves.map(name),
            final_variant: self.final_variant.map(name),
            salt: self.salt.map(name),
        }
    }
}

impl SegmentDefinition<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> SegmentDefinition<'static> {
        SegmentDefinition {
            name: name(self.name),
            condition: condition(self.condition),
        }
    }
}

impl UnknownTenantDefinition<'_> {
    /// The same, owned.
    #[must_use]
    pub fn into_owned(self) -> UnknownTenantDefinition<'static> {
        match self {
            Self::Tier(tier) => UnknownTenantDefinition::Tier(name(tier)),
            Self::Reject => UnknownTenantDefinition::Reject,
        }
    }
}

fn text(text: Cow<'_, str>) -> Cow<'static, str> {
    Cow::Owned(text.into_owned())
}

fn name(name: Name<'_>) -> Name<'static> {
    Sited::new(text(name.value), name.site)
}

fn names(all: Vec<Name<'_>>) -> Vec<Name<'static>> {
    all.into_iter().map(name).collect()
}

fn conditions(all: Vec<Sited<ConditionDefinition<'_>>>) -> Vec<Sited<ConditionDefinition<'static>>> {
    all.into_iter().map(condition).collect()
}

fn condition(sited: Sited<ConditionDefinition<'_>>) -> Sited<ConditionDefinition<'static>> {
    let value = match sited.value {
        ConditionDefinition::All(parts) => ConditionDefinition::All(conditions(parts)),
        ConditionDefinition::Any(parts) => ConditionDefinition::Any(conditions(parts)),
        ConditionDefinition::Not(part) => ConditionDefinition::Not(Box::new(condition(*part))),
        ConditionDefinition::Segment(segment) => ConditionDefinition::Segment(name(segment)),
        ConditionDefinition::Clause {
            attribute,
            operator: op,
        } => ConditionDefinition::Clause {
            attribute: name(attribute),
            operator: Sited::new(operator(op.value), op.site),
        },
    };
    Sited::new(value, sited.site)
}

fn operator(definition: OperatorDefinition<'_>) -> OperatorDefinition<'static> {
    use OperatorDefinition as Definition;
    match definition {
        Definition::Eq(value) => Definition::Eq(value),
        Definition::Ne(value) => Definition::Ne(value),
        Definition::In(values) => Definition::In(values),
        Definition::NotIn(values) => Definition::NotIn(values),
        Definition::Gt(bound) => Definition::Gt(bound),
        Definition::Gte(bound) => Definition::Gte(bound),
        Definition::Lt(bound) => Definition::Lt(bound),
        Definition::Lte(bound) => Definition::Lte(bound),
        Definition::Prefix(texts) => Definition::Prefix(names(texts)),
        Definition::Suffix(texts) => Definition::Suffix(names(texts)),
        Definition::Contains(texts) => Definition::Contains(names(texts)),
        Definition::Matches(source) => Definition::Matches(text(source)),
        Definition::AnyOf(texts) => Definition::AnyOf(names(texts)),
        Definition::AllOf(texts) => Definition::AllOf(names(texts)),
        Definition::NoneOf(texts) => Definition::NoneOf(names(texts)),
        Definition::Semver(requirement) => Definition::Semver(text(requirement)),
        Definition::Before(time) => Definition::Before(text(time)),
        Definition::After(time) => Definition::After(text(time)),
        Definition::IpIn(networks) => Definition::IpIn(names(networks)),
        Definition::Exists(expected) => Definition::Exists(expected),
    }
}

fn serve(sited: Sited<ServeDefinition<'_>>) -> Sited<ServeDefinition<'static>> {
    let value = match sited.value {
        ServeDefinition::Variant(variant) => ServeDefinition::Variant(name(variant)),
        ServeDefinition::Split { weights, by } => ServeDefinition::Split {
            weights: weights
                .into_iter()
                .map(|(variant, weight)| (name(variant), weight))
                .collect(),
            by: by.map(name),
        },
    };
    Sited::new(value, sited.site)
}

fn requirement(definition: RequirementDefinition<'_>) -> RequirementDefinition<'static> {
    RequirementDefinition {
        flag: name(definition.flag),
        is: definition.is.map(name),
    }
}

fn rule(definition: RuleDefinition<'_>) -> RuleDefinition<'static> {
    RuleDefinition {
        name: definition.name.map(text),
        when: condition(definition.when),
        serve: serve(definition.serve),
    }
}

fn rollout(definition: RolloutDefinition<'_>) -> RolloutDefinition<'static> {
    RolloutDefinition {
        percentage: definition.percentage,
        by: definition.by.map(name),
        audience: definition.audience.map(condition),
        serve: definition.serve.map(serve),
    }
}
