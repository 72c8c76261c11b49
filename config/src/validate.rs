//! Reports every difference of a document from its form at once. The forms read values with these checks. A check that
//! returns none has reported a problem.

mod invalid_value;
mod object;
mod scalar;

use std::ops::RangeInclusive;
use std::path::PathBuf;

use rules::Site;

pub(crate) use self::invalid_value::InvalidValue;
use crate::allowance::Allowance;
use crate::node::{MappingEntry, Node, NodeKind, Scalar, Span, shorten};
use crate::parse::joined_key;
use crate::problem::{Label, Problem};
use crate::shape::allow::ALLOW;
use crate::shape::{ListShape, MapShape, Shape, UNBOUNDED, When, all_of};
use crate::source::Source;

/// The version of both documents that this release reads.
pub(crate) const VERSION: i64 = 1;

/// The checks of one document, and the problems that they found.
pub(crate) struct Validator<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
    references: References,
    notes: Notes,
    /// The sites of the objects being read that can have `allow`, outermost first.
    parts: Vec<RangeInclusive<Site>>,
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
    pub(crate) fn new(source: &'a Source, problems: &'a mut Vec<Problem>) -> Self {
        Self {
            source,
            problems,
            references: References::Refused,
            notes: Notes::default(),
            parts: Vec::new(),
        }
    }

    /// Returns the checks of a document whose references to environment variables were replaced.
    pub(crate) fn after_insertion(source: &'a Source, problems: &'a mut Vec<Problem>) -> Self {
        Self {
            references: References::Inserted,
            ..Self::new(source, problems)
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
                if shape.has_field(ALLOW) {
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

/// Returns the offset behind the last value in a node.
fn end(node: &Node<'_>) -> u32 {
    let last = match &node.kind {
        NodeKind::List(items) => items.last(),
        NodeKind::Mapping(entries) => entries.last().map(|entry| &entry.value),
        NodeKind::Plain(_) | NodeKind::Quoted(_) | NodeKind::Refused => None,
    };
    last.map_or(node.span.start.saturating_add(node.span.len), end)
}

/// Returns the help for a value of the wrong type.
fn type_help(node: &Node<'_>, shape: Shape) -> String {
    let text = node.raw().map_or("", |text| text);
    if let Some(help) = joined_field_help(text, shape).or_else(|| quotes_help(node, shape)) {
        return help;
    }
    match (shape, node.scalar()) {
        (_, Some(Scalar::Null)) => "remove the field, or give it a value".to_owned(),
        (Shape::Text(_) | Shape::Name(_) | Shape::Prose | Shape::Choice(_) | Shape::Variant, Some(_)) => {
            format!("to write this text, put it in quotes: `\"{text}\"`")
        }
        (Shape::Union(union), None) if node.items().is_some() && union().combines() => {
            "write `{ all: [...] }` or `{ any: [...] }`".to_owned()
        }
        (Shape::Union(union), Some(Scalar::Boolean(true))) if union().case(When::List).is_some() => {
            "write them as a list: `[.., ..]`; there is no word for all of them".to_owned()
        }
        (Shape::List(_), Some(_)) => format!("write a list: `[{}]`", shorten(text)),
        (Shape::Boolean, Some(Scalar::Text("on" | "yes"))) => did_you_mean("true"),
        (Shape::Boolean, Some(Scalar::Text("off" | "no"))) => did_you_mean("false"),
        (Shape::Object(object), _) => {
            format!("its fields are {}", all_of(&object().names()))
        }
        _ => format!("write {}", shape.expects()),
    }
}

/// Returns the help for a text that is a field and its value without the space between them.
fn joined_field_help(text: &str, shape: Shape) -> Option<String> {
    let (name, value) = joined_key(text)?;
    let is_field = match shape {
        Shape::Union(union) => union().cases.iter().any(|case| case.shape.has_field(name)),
        shape => shape.has_field(name),
    };
    is_field.then(|| format!("write a space after the colon: `{name}: {}`", shorten(value)))
}

/// Returns the help for a text in quotes that would have the right type without them.
fn quotes_help(node: &Node<'_>, shape: Shape) -> Option<String> {
    let NodeKind::Quoted(text) = &node.kind else {
        return None;
    };
    let plain = Node {
        span: node.span,
        kind: NodeKind::Plain(text.clone()),
    };
    let fits = match shape {
        Shape::Boolean => plain.boolean().is_some(),
        Shape::Integer(..) | Shape::Version => plain.integer().is_some(),
        Shape::Number | Shape::Percentage => plain.number().is_some(),
        _ => false,
    };
    fits.then(|| format!("remove the quotes: `{text}`"))
}

fn did_you_mean(meant: &str) -> String {
    format!("did you mean `{meant}`?")
}
