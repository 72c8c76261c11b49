//! Reports every difference of a document from its form at once. The forms read values with these checks. A check that
//! returns none has reported a problem.

mod help;
mod invalid_value;
mod object;
mod scalar;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use rules::Site;

pub(crate) use self::help::did_you_mean;
use self::help::type_help;
pub(crate) use self::invalid_value::InvalidValue;
use crate::allowance::Allowance;
use crate::node::{MappingEntry, Node, NodeKind, Span};
use crate::problem::{Label, Problem};
use crate::shape::{ALLOW, ListShape, MapShape, Shape, UNBOUNDED};
use crate::source::Source;

/// The version of both documents that this release reads.
pub(crate) const VERSION: i64 = 1;

/// The checks of one document, and the problems that they found.
pub(crate) struct Validator<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
    origin: Origin,
    references: References,
    notes: Notes,
    /// The sites of the objects being read that have `allow`, outermost first.
    parts: Vec<RangeInclusive<Site>>,
}

/// The author of a document.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// People.
    #[default]
    People,
    /// Sluice, in its store or a copy of it.
    Store,
}

/// The references to environment variables in the scalars of a document.
#[derive(Clone, Copy, PartialEq, Eq)]
enum References {
    /// They are replaced already.
    Inserted,
    /// They are not replaced, which is reported.
    Refused,
}

/// The results of a validation that are no errors.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) warnings: Vec<Problem>,
    pub(crate) allowances: Vec<Allowance>,
}

/// The position of a value in its document, for messages.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'n> {
    /// The name of the field, or the noun of a document.
    pub(crate) name: &'n str,
    /// The place of its key, or of the value itself. Problems of values of several lines point here.
    owner: Span,
    /// True for the value of a key.
    is_field: bool,
}

impl<'n> Slot<'n> {
    /// Returns the slot of a document.
    pub(crate) fn root(root: &Node<'_>, shape: Shape) -> Self {
        let start = root.span.start;
        Self {
            name: match shape {
                Shape::Object(object) => object().name,
                _ => "",
            },
            owner: Span { start, len: 1 },
            is_field: false,
        }
    }

    /// Returns the slot of the value of a key.
    pub(crate) fn field(name: &'n str, owner: Span) -> Self {
        Self {
            name,
            owner,
            is_field: true,
        }
    }

    /// Returns the slot of an item of the list in this slot.
    pub(crate) fn item(self, node: &Node<'_>) -> Self {
        Self {
            owner: node.span,
            is_field: false,
            ..self
        }
    }

    /// Returns the subject of a message about the value.
    fn subject(self) -> String {
        if self.is_field {
            format!("`{}`", self.name)
        } else {
            format!("an item of `{}`", self.name)
        }
    }
}

impl<'a> Validator<'a> {
    pub(crate) fn new(origin: Origin, source: &'a Source, problems: &'a mut Vec<Problem>) -> Self {
        Self {
            source,
            problems,
            origin,
            references: References::Refused,
            notes: Notes::default(),
            parts: Vec::new(),
        }
    }

    /// Returns the checks of a document whose references to environment variables were replaced.
    pub(crate) fn after_insertion(source: &'a Source, problems: &'a mut Vec<Problem>) -> Self {
        Self {
            references: References::Inserted,
            ..Self::new(Origin::People, source, problems)
        }
    }

    /// Returns the warnings, and the codes that are allowed.
    pub(crate) fn into_notes(self) -> Notes {
        self.notes
    }

    /// Warns of a value that is probably not meant as it is read.
    pub(crate) fn warn(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) {
        let at = Label::new(self.source, span, "");
        self.notes
            .warnings
            .push(Problem::warning(code, title, at).help(help));
    }

    /// Allows a warning about the object that is being read.
    pub(crate) fn allow(&mut self, code: &'static str, span: Span) {
        if let Some(part) = self.parts.last().cloned() {
            let at = Label::new(self.source, span, "");
            self.notes.allowances.push(Allowance { code, at, part });
        }
    }

    /// Returns true if the document may have a field that only stores have; otherwise reports the field.
    pub(crate) fn accepts_stored_field(&mut self, name: &str, span: Span) -> bool {
        if self.origin == Origin::People {
            let title = format!("`{name}` is not a field of documents");
            let help = "remove it: the rollout plan of the flag sets it in the store; to serve a percentage of the subjects, \
                 write `rollout`";
            self.report::<()>("stored-field", title, span, "", help);
        }
        self.origin == Origin::Store
    }

    /// Returns the site of a place in this document.
    pub(crate) fn site(&self, span: Span) -> Site {
        self.source.site(span.start)
    }

    /// Reports a value that is invalid in combination with others.
    pub(crate) fn error(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        help: impl Into<String>,
    ) {
        self.report::<()>(code, title, span, "", help);
    }

    /// Returns the path of a file that is named relative to this document.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        let folder = self.source.path.parent();
        folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }

    /// Returns the entries of a mapping from names that the operator chooses.
    pub(crate) fn map_entries<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        map: &'static MapShape,
        slot: Slot<'_>,
    ) -> Option<&'n [MappingEntry<'s>]> {
        let entries = self.entries(node, Shape::Map(map), slot)?;
        self.count(entries.len(), map.min, map.max, slot);
        Some(entries)
    }

    /// Returns the entries of a mapping.
    pub(crate) fn entries<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        shape: Shape,
        slot: Slot<'_>,
    ) -> Option<&'n [MappingEntry<'s>]> {
        match &node.kind {
            NodeKind::Mapping(entries) => {
                if has_allow(node, shape) {
                    let start = slot.owner.start.min(node.span.start);
                    self.parts
                        .push(self.source.site(start)..=self.source.site(end(node)));
                }
                Some(entries)
            }
            NodeKind::Refused => None,
            _ => self.wrong_type(node, shape, slot),
        }
    }

    /// Returns the items of a list.
    pub(crate) fn items<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        list: &'static ListShape,
        slot: Slot<'_>,
    ) -> Option<&'n [Node<'s>]> {
        let items = match &node.kind {
            NodeKind::List(items) => items,
            NodeKind::Refused => return None,
            _ => return self.wrong_type(node, Shape::List(list), slot),
        };
        self.count(items.len(), list.min, list.max, slot);
        Some(items)
    }

    fn count(&mut self, found: usize, min: usize, max: usize, slot: Slot<'_>) {
        // Fewer than the minimum, but not empty, is reported by `rules`, whose message names the definition.
        if found == 0 && min > 0 {
            let title = format!("`{}` is empty", slot.name);
            let least = if min == 1 {
                "at least one is".to_owned()
            } else {
                format!("at least {min} are")
            };
            let help = "add an entry, or remove the empty field";
            self.report::<()>("empty", title, slot.owner, &format!("{least} needed"), help);
        }
        if found > max && max != UNBOUNDED {
            let title = format!("`{}` has {found} entries; the maximum is {max}", slot.name);
            let help = "remove some of them";
            self.report::<()>("limit", title, slot.owner, "", help);
        }
    }

    fn wrong_type<T>(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) -> Option<T> {
        let title = match shape {
            Shape::Object(object) if object().name == slot.name => {
                format!("{} is a mapping, not {}", slot.name, node.describe())
            }
            _ => format!(
                "{} takes {}, not {}",
                slot.subject(),
                shape.expects(),
                node.describe()
            ),
        };
        let is_empty = node.is_null() && node.span.len == 0;
        let span = if is_empty || node.scalar().is_none() {
            slot.owner
        } else {
            node.span
        };
        self.report("wrong-type", title, span, "", type_help(node, shape))
    }

    /// Reports a problem, and returns none in the place of the value.
    fn report<T>(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        label: &str,
        help: impl Into<String>,
    ) -> Option<T> {
        let at = Label::new(self.source, span, label);
        let problem = Problem::error(code, title, at);
        self.problems.push(problem.help(help));
        None
    }
}

/// Returns true for an object that lists warnings that are expected.
fn has_allow(node: &Node<'_>, shape: Shape) -> bool {
    node.entry(ALLOW).is_some() && shape.has_field(ALLOW)
}

/// Returns the offset behind the last value in a node. With included documents it is not always in the last entry.
fn end(node: &Node<'_>) -> u32 {
    let last = match &node.kind {
        NodeKind::List(items) => items.iter().map(end).max(),
        NodeKind::Mapping(entries) => entries.iter().map(|entry| end(&entry.value)).max(),
        NodeKind::Plain(_) | NodeKind::Quoted(_) | NodeKind::Refused => None,
    };
    last.unwrap_or_default()
        .max(node.span.start.saturating_add(node.span.len))
}
