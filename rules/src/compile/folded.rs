//! Compiles the operators of clauses with `fold`.

use super::FlagsCompiler;
use crate::bounds::MAX_VALUES;
use crate::folded::{FoldedParts, FoldedSet, FoldedText};
use crate::operator::{FoldedOperator, Operator};
use crate::pattern::Case;
use crate::{AttributeValue, Name, OperatorDefinition, ProblemKind, Site, Sited};

impl FlagsCompiler<'_> {
    /// Compiles an operator of a clause with `fold`.
    pub(super) fn folded_operator(&mut self, definition: &Sited<OperatorDefinition>) -> Option<Operator> {
        use OperatorDefinition as Definition;
        let (site, word) = (definition.site, definition.value.word().as_str());
        let folded = match &definition.value {
            Definition::Eq(value) => FoldedOperator::In(self.folded_set(word, [(&**value, site)])?),
            Definition::Ne(value) => FoldedOperator::NotIn(self.folded_set(word, [(&**value, site)])?),
            Definition::In(values) | Definition::NotIn(values) => {
                self.values(site, word, values.len());
                let values = values.iter().map(|value| (&*value.value, value.site));
                let set = self.folded_set(word, values)?;
                match definition.value {
                    Definition::In(_) => FoldedOperator::In(set),
                    _ => FoldedOperator::NotIn(set),
                }
            }
            Definition::Prefix(texts) => FoldedOperator::Prefix(self.folded_texts(site, word, texts)),
            Definition::Suffix(texts) => FoldedOperator::Suffix(self.folded_texts(site, word, texts)),
            Definition::AnyOf(texts) => FoldedOperator::AnyOf(self.folded_names(site, word, texts)),
            Definition::AllOf(texts) => FoldedOperator::AllOf(self.folded_names(site, word, texts)),
            Definition::NoneOf(texts) => FoldedOperator::NoneOf(self.folded_names(site, word, texts)),
            Definition::Contains(texts) => {
                self.values(site, word, texts.len());
                let parts = texts.iter().map(|text| &*text.value);
                let Some(parts) = FoldedParts::new(parts) else {
                    let (what, limit, found) = ("texts of `contains`", MAX_VALUES, texts.len());
                    let kind = ProblemKind::Limit { what, limit, found };
                    self.problems.report(site, kind);
                    return None;
                };
                FoldedOperator::Contains(parts)
            }
            Definition::Matches(source) => {
                return Some(Operator::Matches(self.pattern(site, source, Case::Folded)?));
            }
            Definition::Gt(_)
            | Definition::Gte(_)
            | Definition::Lt(_)
            | Definition::Lte(_)
            | Definition::Semver(_)
            | Definition::Before(_)
            | Definition::After(_)
            | Definition::IpIn(_)
            | Definition::Exists(_) => {
                self.problems
                    .report(site, ProblemKind::FoldWithoutText { operator: word });
                return None;
            }
        };
        Some(Operator::Folded(folded.into()))
    }

    /// Returns the set of these values; none if one is no text, which is reported.
    fn folded_set<'v>(
        &mut self,
        operator: &'static str,
        values: impl IntoIterator<Item = (&'v AttributeValue, Site)>,
    ) -> Option<FoldedSet> {
        let mut texts = Vec::new();
        for (value, site) in values {
            match value {
                AttributeValue::String(text) => texts.push(&**text),
                _ => {
                    self.problems
                        .report(site, ProblemKind::FoldWithoutText { operator });
                    return None;
                }
            }
        }
        Some(FoldedSet::new(texts))
    }

    fn folded_names(&mut self, site: Site, field: &'static str, texts: &[Name<'_>]) -> FoldedSet {
        self.values(site, field, texts.len());
        FoldedSet::new(texts.iter().map(|text| &*text.value))
    }

    fn folded_texts(&mut self, site: Site, field: &'static str, texts: &[Name<'_>]) -> Box<[FoldedText]> {
        self.values(site, field, texts.len());
        texts.iter().map(|text| FoldedText::new(&text.value)).collect()
    }
}
