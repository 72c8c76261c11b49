//! The names that a flag refers to, and the flags that refer to it, in a flags document.

use std::collections::{BTreeMap, BTreeSet};

use crate::condition_names::{conditions_of, segments_of};
use crate::state::State;

/// The references from and to a flag.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct References {
    /// The flags that it requires, in the order written, each with the variant that it must serve; none for any but its
    /// off variant.
    pub requires: Vec<(String, Option<String>)>,
    /// The flags that require it, in key order. Flags that require these are not among them.
    pub required_by: Vec<String>,
    /// The segments that its conditions use, by name: true if one of them names it, false if only another segment does.
    pub segments: BTreeMap<String, bool>,
}

impl State {
    /// Returns the references from and to a flag; `None` if there is no such flag. Reads every flag.
    #[must_use]
    pub fn references(&self, flag: &str) -> Option<References> {
        let definition = self.document.flags.get(flag)?;
        let requires = definition.requires.iter().map(|required| {
            let is = required.is.as_ref().map(|is| is.value.to_string());
            (required.flag.value.to_string(), is)
        });
        let all = self.document.flags.iter();
        let dependents = all.filter(|(_, other)| {
            let mut required = other.requires.iter();
            required.any(|required| required.flag.value == flag)
        });
        let direct: BTreeSet<&str> = conditions_of(definition)
            .flat_map(|condition| segments_of(&condition.value))
            .collect();
        Some(References {
            requires: requires.collect(),
            required_by: dependents.map(|(key, _)| key.to_string()).collect(),
            segments: self.with_inner_segments(direct),
        })
    }

    /// Returns the segments, and those that their conditions use, each with true if it is one of the first.
    fn with_inner_segments(&self, direct: BTreeSet<&str>) -> BTreeMap<String, bool> {
        let mut found: BTreeMap<String, bool> = BTreeMap::new();
        let mut pending: Vec<&str> = direct.iter().copied().collect();
        while let Some(name) = pending.pop() {
            if found.insert(name.to_owned(), direct.contains(name)).is_none()
                && let Some(segment) = self.document.segments.get(name)
            {
                pending.extend(segments_of(&segment.condition.value));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use config::FlagsDocument;

    use super::*;

    const DOCUMENT: &str = "version: 1
segments:
  dach: { attribute: country, in: [DE, AT, CH] }
  large: { attribute: seats, gt: 100 }
  pilots: { all: [{ segment: dach }, { not: { segment: large } }] }
  unused: { attribute: seats, gt: 1 }
flags:
  core: {}
  theme: { variants: { red: 1, blue: 2 }, default: red, off: red }
  board:
    requires: [core, { flag: theme, is: blue }]
    rules: [{ when: { segment: pilots }, serve: on }]
    rollout: { percentage: 10, audience: { segment: dach } }
  print: { requires: [board] }
  export: { requires: [print] }
";

    #[test]
    fn references_of_a_flag_have_both_directions() {
        let document = FlagsDocument::parse("flags.yaml", DOCUMENT.as_bytes()).unwrap();
        let state = State {
            document,
            ..State::default()
        };
        let board = state.references("board").unwrap();
        assert_eq!(
            board.requires,
            [
                ("core".to_owned(), None),
                ("theme".to_owned(), Some("blue".to_owned()))
            ]
        );
        assert_eq!(board.required_by, ["print"]);
        let segments: Vec<_> = board.segments.into_iter().collect();
        let expected = [("dach", true), ("large", false), ("pilots", true)];
        assert_eq!(segments, expected.map(|(name, direct)| (name.to_owned(), direct)));
        assert_eq!(
            state.references("export").unwrap().required_by,
            Vec::<String>::new()
        );
        assert_eq!(state.references("no.such"), None);
    }
}
