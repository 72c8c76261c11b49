//! Reports every difference of a document from its form at once. The forms read values with these checks: a value that
//! none of them yields was reported.

mod object;
mod scalar;

use std::path::PathBuf;

use rules::Site;

use crate::form::{Form, Of};
use crate::node::{Entry, Node, NodeKind, Scalar, Span, shorten};
use crate::problem::{Label, Problem};
use crate::secret_values::secret_values;
use crate::shape::{List, Map, Shape, UNBOUNDED, all_of};
use crate::source::Source;

/// The version of both documents that this program reads.
pub(crate) const VERSION: i64 = 1;

/// Reads the document whose root is `root`, and reports every difference from its form.
pub(crate) fn read_document<'s, F: Form>(
    source: &Source,
    root: &Node<'s>,
    problems: &mut Vec<Problem>,
) -> Option<Of<'s, F>> {
    source.keep_secrets(secret_values(source, root, F::SHAPE));
    F::read(
        root,
        Slot::root(root, F::SHAPE),
        &mut Validator { source, problems },
    )
}

/// The problems of one document, and the checks that find them.
pub(crate) struct Validator<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

/// The place of a value in its document.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'n> {
    /// The field, or what it is.
    pub(crate) name: &'n str,
    /// The place of its key, or of itself: it stands for a value of several lines.
    owner: Span,
    /// Set for the value of a key.
    is_field: bool,
}

impl<'n> Slot<'n> {
    /// The place of a document.
    fn root(root: &Node<'_>, shape: Shape) -> Self {
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

    /// The place of the value of a key.
    pub(crate) fn field(name: &'n str, owner: Span) -> Self {
        Self {
            name,
            owner,
            is_field: true,
        }
    }

    /// The place of an item of a list that stands here.
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

impl Validator<'_> {
    /// Returns the site of a place in this document.
    pub(crate) fn site(&self, span: Span) -> Site {
        self.source.site(span.start)
    }

    /// Reports a value that means nothing together with others.
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

    /// Returns the entries of a mapping from names of the operator's choice.
    pub(crate) fn map_entries<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        map: &'static Map,
        slot: Slot<'_>,
    ) -> Option<&'n [Entry<'s>]> {
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
    ) -> Option<&'n [Entry<'s>]> {
        match &node.kind {
            NodeKind::Mapping(entries) => Some(entries),
            NodeKind::Refused => None,
            _ => self.wrong_type(node, shape, slot),
        }
    }

    /// Returns the items of a list.
    pub(crate) fn items<'n, 's>(
        &mut self,
        node: &'n Node<'s>,
        list: &'static List,
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
        // One of at least two is judged by `rules`, which knows what is meant by them.
        if found == 0 && min > 0 {
            let title = format!("`{}` is empty", slot.name);
            let least = if min == 1 {
                "at least one is".to_owned()
            } else {
                format!("at least {min} are")
            };
            let help = "add one, or remove what is empty";
            self.report::<()>("empty", title, slot.owner, &format!("{least} needed"), help);
        }
        if found > max && max != UNBOUNDED {
            let title = format!("`{}` has at most {max} entries, here are {found}", slot.name);
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

    /// Reports a problem. There is no value then.
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

/// Returns how to make a value of the wrong type one of the right type.
fn type_help(node: &Node<'_>, shape: Shape) -> String {
    let text = node.raw().map_or("", |text| text);
    match (shape, node.scalar()) {
        (_, Some(Scalar::Null)) => "leave the field out, or give it a value".to_owned(),
        (Shape::Text(_) | Shape::Name(_) | Shape::Prose | Shape::Choice(_) | Shape::Variant, Some(_)) => {
            format!("if that text is meant, put it in quotes: `\"{text}\"`")
        }
        (Shape::Union(union), None) if node.items().is_some() && union().combines() => {
            "write `{ all: [...] }` or `{ any: [...] }`".to_owned()
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

fn did_you_mean(meant: &str) -> String {
    format!("did you mean `{meant}`?")
}
