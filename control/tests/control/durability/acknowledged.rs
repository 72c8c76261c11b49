//! The output of a writer.

use std::collections::BTreeSet;

use crate::durability::change::Change;
use crate::durability::model::Model;

#[derive(Debug, Default)]
pub(crate) struct Acknowledged {
    pub(crate) changes: Vec<Change>,
    pub(crate) refused: Vec<Change>,
    /// Acknowledged after a refusal.
    pub(crate) again: usize,
    pub(crate) lines: Vec<Line>,
    /// Other lines of its output: the reason of a failure.
    pub(crate) besides: String,
}

/// The last line of the output, or the reason of a failure.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line {
    End,
    Because(String),
}

impl Acknowledged {
    pub(crate) fn take(&mut self, line: &str) {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match (word, Change::parse(rest)) {
            ("done", Some(change)) => {
                self.again += usize::from(!self.refused.is_empty());
                self.changes.push(change);
            }
            ("refused", Some(change)) => self.refused.push(change),
            ("end", _) => self.lines.push(Line::End),
            ("because", _) => self.lines.push(Line::Because(rest.to_owned())),
            _ => {
                self.besides.push_str(line);
                self.besides.push('\n');
            }
        }
    }

    /// Asserts that the writer knew the outcome of each change.
    pub(crate) fn nothing_else_is_in(&self, model: &Model) {
        let acknowledged: BTreeSet<Change> = self.changes.iter().copied().collect();
        let kept: BTreeSet<Change> = model.changes.iter().copied().collect();
        assert_eq!(kept, acknowledged, "what was refused is there");
    }
}
