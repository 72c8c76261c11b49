//! Collects the problems of a definition, and looks up names with a problem for each that is unknown.

use std::collections::HashMap;

use crate::bounds::MAX_NAME;
use crate::{DefinitionProblem, Name, NamedFlag, Names, Noun, ProblemKind, Site, VariantId};

/// The problems found so far, and the look-ups that can add one.
#[derive(Debug, Default)]
pub(crate) struct Problems(Vec<DefinitionProblem>);

impl Problems {
    pub(crate) fn report(&mut self, site: Site, kind: ProblemKind) {
        self.0.push(DefinitionProblem { site, kind });
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn into_vec(self) -> Vec<DefinitionProblem> {
        self.0
    }

    /// Reports a list that is longer than `limit`.
    pub(crate) fn limit(&mut self, site: Site, what: &'static str, limit: usize, found: usize) {
        if found > limit {
            self.report(site, ProblemKind::Limit { what, limit, found });
        }
    }

    /// Returns the flag of this name, or reports a problem.
    pub(crate) fn flag<'n>(&mut self, names: &'n Names, key: &Name<'_>) -> Option<&'n NamedFlag> {
        let flag = names.flag(&key.value);
        if flag.is_none() {
            self.unknown(Noun::Flag, key);
        }
        flag
    }

    /// Returns the variant of `flag` with this name, or reports a problem.
    pub(crate) fn variant(&mut self, flag: &NamedFlag, name: &Name<'_>) -> Option<VariantId> {
        let variant = flag.variant(&name.value);
        if variant.is_none() {
            let kind = ProblemKind::UnknownVariant {
                flag: flag.key.to_string(),
                variant: name.value.to_string(),
                variants: flag.variants.iter().map(ToString::to_string).collect(),
            };
            self.report(name.site, kind);
        }
        variant
    }

    pub(crate) fn unknown(&mut self, what: Noun, name: &Name<'_>) {
        self.report(
            name.site,
            ProblemKind::Unknown {
                what,
                name: name.value.to_string(),
            },
        );
    }

    /// Reports every name that occurs more than once in `names`.
    pub(crate) fn duplicates<'x>(&mut self, what: Noun, names: impl IntoIterator<Item = &'x Name<'x>>) {
        let mut first: HashMap<&str, Site> = HashMap::new();
        for name in names {
            if let Some(&first) = first.get(&*name.value) {
                self.report(
                    name.site,
                    ProblemKind::Duplicate {
                        what,
                        name: name.value.to_string(),
                        first,
                    },
                );
            } else {
                first.insert(&*name.value, name.site);
            }
        }
    }

    /// Reports a name that is not 1 to [`MAX_NAME`] characters of the alphabet of flag keys.
    pub(crate) fn name(&mut self, what: Noun, name: &Name<'_>) {
        let text = &*name.value;
        let starts = text.starts_with(|c: char| c.is_ascii_alphabetic());
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if !starts || text.len() > MAX_NAME || !text.chars().all(allowed) {
            let kind = ProblemKind::InvalidName {
                what,
                name: text.to_owned(),
                limit: MAX_NAME,
            };
            self.report(name.site, kind);
        }
    }
}
