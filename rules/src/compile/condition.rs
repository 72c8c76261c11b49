//! Compiles conditions: names to ids, operators to sets, automata and ranges.

use std::sync::Arc;

use semver::VersionReq;

use crate::{
    AttributeId, AttributeValue, ConditionDefinition, InvalidPattern, Name, Noun, OperatorDefinition,
    Pattern, ProblemKind, Site, Sited, Spelled,
    condition::{Clause, Condition, Segment},
    flags::FlagSlot,
    network::{Networks, parse_network},
    operator::{Operator, Scalars},
    pattern::Case,
    patterns::are_within_limit,
    string_set::StringSet,
    subject::AttributeRef,
    time::instant,
    version,
};

use super::FlagsCompiler;
use crate::bounds::{MAX_NESTING, MAX_VALUES};

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
            ConditionDefinition::Clause {
                attribute,
                fold,
                operator,
            } => {
                let case = match fold {
                    Some(true) => Case::Folded,
                    Some(false) | None => Case::Exact,
                };
                let text = operator.value.clause_text(&attribute.value, case).into();
                if attribute.value == "tier" && case == Case::Exact {
                    self.tiers_of_clause(operator);
                }
                let operator = match case {
                    Case::Exact => self.operator(operator)?,
                    Case::Folded => self.folded_operator(operator)?,
                };
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
            // Patterns and parts of texts name no tier, and the other operators compare to no text that is a tier.
            Definition::Prefix(_)
            | Definition::Suffix(_)
            | Definition::Contains(_)
            | Definition::Matches(_)
            | Definition::Gt(_)
            | Definition::Gte(_)
            | Definition::Lt(_)
            | Definition::Lte(_)
            | Definition::AnyOf(_)
            | Definition::AllOf(_)
            | Definition::NoneOf(_)
            | Definition::Semver(_)
            | Definition::Before(_)
            | Definition::After(_)
            | Definition::IpIn(_)
            | Definition::Exists(_) => {}
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
    pub(super) fn values(&mut self, site: Site, field: &'static str, found: usize) {
        if found == 0 {
            self.problems.report(site, ProblemKind::Empty { field });
        }
        self.problems.limit(site, "values in a clause", MAX_VALUES, found);
    }

    fn operator(&mut self, definition: &Sited<OperatorDefinition>) -> Option<Operator> {
        use OperatorDefinition as Definition;
        let (site, word) = (definition.site, definition.value.word().as_str());
        Some(match &definition.value {
            Definition::Eq(value) => Operator::In(Scalars::new([&**value])),
            Definition::Ne(value) => Operator::NotIn(Scalars::new([&**value])),
            Definition::In(values) => Operator::In(self.scalars(site, word, values)),
            Definition::NotIn(values) => Operator::NotIn(self.scalars(site, word, values)),
            Definition::Gt(bound) => Operator::Greater(**bound),
            Definition::Gte(bound) => Operator::GreaterOrEqual(**bound),
            Definition::Lt(bound) => Operator::Less(**bound),
            Definition::Lte(bound) => Operator::LessOrEqual(**bound),
            Definition::Prefix(texts) => Operator::Prefix(self.texts(site, word, texts)),
            Definition::Suffix(texts) => Operator::Suffix(self.texts(site, word, texts)),
            Definition::Contains(texts) => Operator::Contains(self.texts(site, word, texts)),
            Definition::Matches(source) => Operator::Matches(self.pattern(site, source, Case::Exact)?),
            Definition::AnyOf(texts) => Operator::AnyOf(self.set(site, word, texts)),
            Definition::AllOf(texts) => Operator::AllOf(self.set(site, word, texts)),
            Definition::NoneOf(texts) => Operator::NoneOf(self.set(site, word, texts)),
            Definition::Semver(text) => Operator::Version(self.version(site, text)?.into()),
            Definition::Before(text) => Operator::Before(self.instant(site, text)?),
            Definition::After(text) => Operator::After(self.instant(site, text)?),
            Definition::IpIn(texts) => Operator::Within(self.networks(site, word, texts)),
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

    pub(super) fn pattern(&mut self, site: Site, source: &str, case: Case) -> Option<Arc<Pattern>> {
        let is_new = !self.patterns.knows(source, case);
        match self.patterns.compile_with(source, case) {
            Ok(pattern) => {
                self.newest_pattern = is_new.then_some(site).or(self.newest_pattern);
                Some(pattern)
            }
            Err(invalid) => {
                let invalid = ProblemKind::InvalidPattern(invalid?);
                self.problems.report(site, invalid);
                None
            }
        }
    }

    /// Adds the expressions of conditions that were compiled before.
    pub(super) fn reuse_patterns<'c>(&mut self, conditions: impl Iterator<Item = &'c Condition>) {
        conditions.for_each(|condition| {
            condition.visit_patterns(&mut |pattern| self.patterns.reuse(pattern));
        });
    }

    /// Reports the flags and segments if their expressions exceed the limit of a document together. Only a new
    /// expression can do that.
    pub(super) fn check_patterns(&mut self, flags: &[FlagSlot], segments: &[Segment]) {
        let Some(site) = self.newest_pattern else { return };
        let mut all = Vec::new();
        let flags = flags.iter().flatten().flat_map(|flag| flag.conditions());
        for condition in flags.chain(segments.iter().map(|segment| &segment.condition)) {
            condition.visit_patterns(&mut |pattern| all.push(pattern));
        }
        if !are_within_limit(all.into_iter()) {
            let kind = ProblemKind::InvalidPattern(InvalidPattern::TooMany);
            self.problems.report(site, kind);
        }
    }

    fn version(&mut self, site: Site, text: &str) -> Option<VersionReq> {
        version::requirement(text)
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

    fn networks(&mut self, site: Site, field: &'static str, texts: &[Name<'_>]) -> Networks {
        self.values(site, field, texts.len());
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
