//! Compiles conditions: names to ids, operators to sets, automata and ranges.

use std::sync::Arc;

use semver::VersionReq;

use crate::{
    AttributeId, AttributeValue, ConditionDefinition, Name, Noun, OperatorDefinition, Pattern, ProblemKind,
    Site, Sited, Spelled,
    condition::{Clause, Condition},
    network::{Networks, parse_network},
    operator::{Operator, Scalars},
    string_set::StringSet,
    subject::AttributeRef,
    time::instant,
};

use super::FlagsCompiler;
use crate::bounds::{MAX_NESTING, MAX_VALUES};

/// The most values of a list that an explanation shows.
const SHOWN_VALUES: usize = 3;

impl FlagsCompiler<'_> {
    pub(super) fn condition(&mut self, definition: &Sited<ConditionDefinition>) -> Option<Condition> {
        self.nested(definition, 1)
    }

    fn nested(&mut self, definition: &Sited<ConditionDefinition>, depth: usize) -> Option<Condition> {
        if depth > MAX_NESTING {
            self.problems
                .report(definition.site, ProblemKind::Nesting { limit: MAX_NESTING });
            return None;
        }
        match &definition.value {
            ConditionDefinition::All(parts) => self
                .parts(definition.site, "all", parts, depth)
                .map(Condition::All),
            ConditionDefinition::Any(parts) => self
                .parts(definition.site, "any", parts, depth)
                .map(Condition::Any),
            ConditionDefinition::Not(part) => Some(Condition::Not(Box::new(
                self.nested(part, depth.saturating_add(1))?,
            ))),
            ConditionDefinition::Segment(name) => {
                let segment = self.names.segment(&name.value);
                if segment.is_none() {
                    self.problems.unknown(Noun::Segment, name);
                }
                segment.map(Condition::Segment)
            }
            ConditionDefinition::Clause { attribute, operator } => {
                let text = clause_text(&attribute.value, &operator.value).into();
                if attribute.value == "tier" {
                    self.tiers_of_clause(operator);
                }
                let operator = self.operator(operator)?;
                let attribute = self.attribute(&attribute.value)?;
                Some(Condition::Clause(Clause {
                    attribute,
                    operator,
                    text,
                }))
            }
        }
    }

    fn parts(
        &mut self,
        site: Site,
        field: &'static str,
        parts: &[Sited<ConditionDefinition>],
        depth: usize,
    ) -> Option<Box<[Condition]>> {
        self.values(site, field, parts.len());
        let compiled: Vec<_> = parts
            .iter()
            .map(|part| self.nested(part, depth.saturating_add(1)))
            .collect();
        compiled.into_iter().collect()
    }

    /// Reports tiers that a clause names and that do not exist.
    fn tiers_of_clause(&mut self, operator: &Sited<OperatorDefinition>) {
        use OperatorDefinition as Definition;
        let mut check = |value: &AttributeValue, site: Site| {
            if let AttributeValue::String(name) = value
                && self.names.tier(name).is_none()
            {
                self.problems.report(
                    site,
                    ProblemKind::Unknown {
                        what: Noun::Tier,
                        name: name.to_string(),
                    },
                );
            }
        };
        match &operator.value {
            Definition::Eq(value) | Definition::Ne(value) => check(value, operator.site),
            Definition::In(values) | Definition::NotIn(values) => {
                values.iter().for_each(|value| check(&value.value, value.site));
            }
            _ => {}
        }
    }

    /// Returns the attribute of this name, and registers it as read by a condition.
    pub(super) fn attribute(&mut self, name: &str) -> Option<AttributeRef> {
        AttributeRef::reserved(name).or_else(|| self.intern(name).map(AttributeRef::Named))
    }

    fn intern(&mut self, name: &str) -> Option<AttributeId> {
        match self.attributes.id(name) {
            Some(id) => Some(id),
            None => Arc::make_mut(&mut self.attributes).intern(name),
        }
    }

    /// Reports an empty list, and one that is too long.
    fn values(&mut self, site: Site, field: &'static str, found: usize) {
        if found == 0 {
            self.problems.report(site, ProblemKind::Empty { field });
        }
        self.problems.limit(site, "values in a clause", MAX_VALUES, found);
    }

    fn operator(&mut self, definition: &Sited<OperatorDefinition>) -> Option<Operator> {
        use OperatorDefinition as Definition;
        let site = definition.site;
        Some(match &definition.value {
            Definition::Eq(value) => Operator::In(Scalars::new([&**value])),
            Definition::Ne(value) => Operator::NotIn(Scalars::new([&**value])),
            Definition::In(values) => Operator::In(self.scalars(site, "in", values)),
            Definition::NotIn(values) => Operator::NotIn(self.scalars(site, "not_in", values)),
            Definition::Gt(bound) => Operator::Greater(**bound),
            Definition::Gte(bound) => Operator::GreaterOrEqual(**bound),
            Definition::Lt(bound) => Operator::Less(**bound),
            Definition::Lte(bound) => Operator::LessOrEqual(**bound),
            Definition::Prefix(texts) => Operator::Prefix(self.texts(site, "prefix", texts)),
            Definition::Suffix(texts) => Operator::Suffix(self.texts(site, "suffix", texts)),
            Definition::Contains(texts) => Operator::Contains(self.texts(site, "contains", texts)),
            Definition::Matches(source) => Operator::Matches(self.pattern(site, source)?),
            Definition::AnyOf(texts) => Operator::AnyOf(self.set(site, "any_of", texts)),
            Definition::AllOf(texts) => Operator::AllOf(self.set(site, "all_of", texts)),
            Definition::NoneOf(texts) => Operator::NoneOf(self.set(site, "none_of", texts)),
            Definition::Semver(text) => Operator::Version(self.version(site, text)?),
            Definition::Before(text) => Operator::Before(self.instant(site, text)?),
            Definition::After(text) => Operator::After(self.instant(site, text)?),
            Definition::IpIn(texts) => Operator::Within(self.networks(site, texts)),
            Definition::Exists(expected) => Operator::Exists(*expected),
        })
    }

    fn scalars(
        &mut self,
        site: Site,
        field: &'static str,
        values: &[Sited<Spelled<AttributeValue>>],
    ) -> Scalars {
        self.values(site, field, values.len());
        Scalars::new(values.iter().map(|value| &*value.value))
    }

    fn texts(&mut self, site: Site, field: &'static str, texts: &[Name<'_>]) -> Box<[Box<str>]> {
        self.values(site, field, texts.len());
        texts.iter().map(|text| Box::from(&*text.value)).collect()
    }

    fn set(&mut self, site: Site, field: &'static str, texts: &[Name<'_>]) -> StringSet {
        self.values(site, field, texts.len());
        StringSet::new(texts.iter().map(|text| &*text.value))
    }

    fn pattern(&mut self, site: Site, source: &str) -> Option<Pattern> {
        Pattern::parse(source)
            .map_err(|invalid| self.problems.report(site, ProblemKind::InvalidPattern(invalid)))
            .ok()
    }

    fn version(&mut self, site: Site, text: &str) -> Option<VersionReq> {
        VersionReq::parse(text)
            .map_err(|error| {
                let kind = ProblemKind::InvalidVersionRequirement {
                    text: text.to_owned(),
                    reason: error.to_string(),
                };
                self.problems.report(site, kind);
            })
            .ok()
    }

    fn instant(&mut self, site: Site, text: &str) -> Option<time::OffsetDateTime> {
        let at = instant(text);
        if at.is_none() {
            self.problems.report(
                site,
                ProblemKind::InvalidTime {
                    text: text.to_owned(),
                },
            );
        }
        at
    }

    fn networks(&mut self, site: Site, texts: &[Name<'_>]) -> Networks {
        self.values(site, "ip_in", texts.len());
        let mut networks = Vec::with_capacity(texts.len());
        for text in texts {
            match parse_network(&text.value) {
                Some(network) => networks.push(network),
                None => {
                    let kind = ProblemKind::InvalidNetwork {
                        text: text.value.to_string(),
                    };
                    self.problems.report(text.site, kind);
                }
            }
        }
        Networks::new(&networks)
    }
}

/// Returns the clause as text, with long lists cut short.
fn clause_text(attribute: &str, operator: &OperatorDefinition) -> String {
    use OperatorDefinition as Definition;
    let (name, value) = match operator {
        Definition::Eq(value) => ("eq", scalar_text(value)),
        Definition::Ne(value) => ("ne", scalar_text(value)),
        Definition::In(values) => (
            "in",
            list_text(values.iter().map(|value| scalar_text(&value.value))),
        ),
        Definition::NotIn(values) => (
            "not_in",
            list_text(values.iter().map(|value| scalar_text(&value.value))),
        ),
        Definition::Gt(bound) => ("gt", bound.value.to_string()),
        Definition::Gte(bound) => ("gte", bound.value.to_string()),
        Definition::Lt(bound) => ("lt", bound.value.to_string()),
        Definition::Lte(bound) => ("lte", bound.value.to_string()),
        Definition::Prefix(texts) => ("prefix", names_text(texts)),
        Definition::Suffix(texts) => ("suffix", names_text(texts)),
        Definition::Contains(texts) => ("contains", names_text(texts)),
        Definition::Matches(source) => ("matches", source.to_string()),
        Definition::AnyOf(texts) => ("any_of", names_text(texts)),
        Definition::AllOf(texts) => ("all_of", names_text(texts)),
        Definition::NoneOf(texts) => ("none_of", names_text(texts)),
        Definition::Semver(text) => ("semver", text.to_string()),
        Definition::Before(text) => ("before", text.to_string()),
        Definition::After(text) => ("after", text.to_string()),
        Definition::IpIn(texts) => ("ip_in", names_text(texts)),
        Definition::Exists(expected) => ("exists", expected.to_string()),
    };
    format!("{attribute} {name} {value}")
}

fn scalar_text(value: &AttributeValue) -> String {
    match value {
        AttributeValue::String(text) => text.to_string(),
        AttributeValue::Number(number) => number.to_string(),
        AttributeValue::Boolean(boolean) => boolean.to_string(),
        AttributeValue::List(items) => list_text(items.iter().map(ToString::to_string)),
    }
}

fn names_text(texts: &[Name<'_>]) -> String {
    list_text(texts.iter().map(|text| text.value.to_string()))
}

fn list_text(values: impl ExactSizeIterator<Item = String>) -> String {
    let count = values.len();
    let shown: Vec<String> = values.take(SHOWN_VALUES).collect();
    let more = count.saturating_sub(SHOWN_VALUES);
    if more == 0 {
        format!("[{}]", shown.join(", "))
    } else {
        format!("[{}, and {more} more]", shown.join(", "))
    }
}
