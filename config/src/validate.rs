//! Reports every difference of a document from its form at once. The forms read values with these checks: a value that
//! none of them yields was reported.

mod object;

use std::borrow::Cow;
use std::path::PathBuf;

use rules::{InvalidDecimal, Site};

use crate::form::{Form, Of, Refusal};
use crate::node::{Entry, Node, NodeKind, Scalar, Span, shorten};
use crate::problem::{Label, Problem};
use crate::quantity;
use crate::secret_values::secret_values;
use crate::shape::{List, Map, Shape, UNBOUNDED, all_of, any_of};
use crate::source::Source;
use crate::suggest::closest;

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
    /// What stands for the value where it is more than a line: its key, if it has one.
    owner: Span,
    /// Whether it is the value of a key.
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

    /// How the value is spoken of.
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

    /// Refuses numbers that JSON's readers, or a comparison, can't hold. Nothing else is wrong with a value of any type.
    pub(crate) fn any(&mut self, node: &Node<'_>) {
        if let Some(invalid) = node.invalid_number() {
            self.invalid_number::<()>(node, invalid, Shape::Any);
        }
        // As deep as a document is nested, which its reader bounds.
        for item in node.items().unwrap_or_default() {
            self.any(item);
        }
        for entry in node.entries().unwrap_or_default() {
            self.any(&entry.value);
        }
    }

    /// Returns the scalar, where it has this shape.
    pub(crate) fn scalar<'n>(
        &mut self,
        node: &'n Node<'_>,
        shape: Shape,
        slot: Slot<'_>,
    ) -> Option<Scalar<'n>> {
        if matches!(node.kind, NodeKind::Refused) {
            return None;
        }
        let Some(scalar) = node.scalar() else {
            return self.wrong_type(node, shape, slot);
        };
        if let (Shape::Number | Shape::Percentage | Shape::Scalar, Some(invalid)) =
            (shape, node.invalid_number())
        {
            return self.invalid_number(node, invalid, shape);
        }
        match (shape, scalar) {
            (Shape::Boolean | Shape::Scalar | Shape::Variant, Scalar::Boolean(_))
            | (Shape::Number | Shape::Percentage | Shape::Scalar, Scalar::Integer(_) | Scalar::Number(_))
            | (Shape::Prose | Shape::Scalar, Scalar::Text(_)) => Some(scalar),
            (Shape::Version, Scalar::Integer(found)) if found == i128::from(VERSION) => Some(scalar),
            (Shape::Version, Scalar::Integer(found)) => self.version(node, found),
            (Shape::Integer(min, max), Scalar::Integer(value)) => {
                let is_within = (i128::from(min)..=i128::from(max)).contains(&value);
                is_within
                    .then_some(scalar)
                    .or_else(|| self.integer(node, value, (min, max), slot))
            }
            (Shape::Choice(_), Scalar::Text(_)) => self.word(node, shape, slot).map(|_| scalar),
            (Shape::Name(_), Scalar::Text("")) => self.empty(node, slot),
            (Shape::Text(_) | Shape::Name(_) | Shape::Variant, Scalar::Text(text)) if text.contains("${") => {
                self.misplaced_reference(node, text)
            }
            (Shape::Text(_) | Shape::Name(_) | Shape::Variant, Scalar::Text(_)) => Some(scalar),
            (Shape::Duration, Scalar::Text(text)) if quantity::duration_ms(text).is_some() => Some(scalar),
            (Shape::Size, Scalar::Text(text)) if quantity::size_bytes(text).is_some() => Some(scalar),
            (Shape::Size, Scalar::Integer(bytes)) if u64::try_from(bytes).is_ok() => Some(scalar),
            (Shape::Duration | Shape::Size, Scalar::Text(_) | Scalar::Integer(_)) => {
                self.quantity(node, shape, slot)
            }
            (Shape::Secret, Scalar::Text(text)) if quantity::reference(text).is_some() => Some(scalar),
            (
                Shape::Secret,
                Scalar::Text(_) | Scalar::Integer(_) | Scalar::Number(_) | Scalar::InvalidNumber(_),
            ) => self.secret(node),
            _ => self.wrong_type(node, shape, slot),
        }
    }

    /// Returns the text, where it has this shape.
    pub(crate) fn text<'s>(&mut self, node: &Node<'s>, shape: Shape, slot: Slot<'_>) -> Option<Cow<'s, str>> {
        self.scalar(node, shape, slot)?;
        node.text().cloned()
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

    /// Returns what was parsed of a scalar, or reports why it was not.
    pub(crate) fn parsed<T>(
        &mut self,
        node: &Node<'_>,
        code: &'static str,
        parsed: Result<T, Refusal>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(Refusal { title, help }) => self.report(code, title, node.span, "", help),
        }
    }

    /// Returns the path of a file that is named relative to this document.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        let folder = self.source.path.parent();
        folder.map_or_else(|| PathBuf::from(path), |folder| folder.join(path))
    }

    /// Returns which of the words of a choice this is.
    pub(crate) fn word(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) -> Option<usize> {
        if matches!(node.kind, NodeKind::Refused) {
            return None;
        }
        match (shape, node.text()) {
            (Shape::Choice(words), Some(_)) => self.choice(node, words, &any_of(words), slot),
            _ => self.wrong_type(node, shape, slot),
        }
    }

    fn misplaced_reference<T>(&mut self, node: &Node<'_>, text: &str) -> Option<T> {
        let title = format!(
            "`{}` is not replaced here: references are for secrets only",
            shorten(text)
        );
        let help = "write the value itself; only fields for secrets take `${NAME}`";
        self.report("misplaced-reference", title, node.span, "a reference", help)
    }

    fn empty<T>(&mut self, node: &Node<'_>, slot: Slot<'_>) -> Option<T> {
        let title = format!("`{}` is empty", slot.name);
        let help = "write a text, or leave the field out where it may be";
        self.report("empty", title, node.span, "", help)
    }

    fn version<T>(&mut self, node: &Node<'_>, found: i128) -> Option<T> {
        let title = format!("version {found} of this format is not known here");
        let help = format!("this program reads version {VERSION}");
        self.report("unsupported-version", title, node.span, "", help)
    }

    fn integer<T>(
        &mut self,
        node: &Node<'_>,
        value: i128,
        (min, max): (i64, i64),
        slot: Slot<'_>,
    ) -> Option<T> {
        let title = format!("{} is {min} to {max}, not {value}", slot.subject());
        let help = format!("write {}", Shape::Integer(min, max).expects());
        self.report("out-of-range", title, node.span, "", help)
    }

    fn invalid_number<T>(&mut self, node: &Node<'_>, invalid: InvalidDecimal, shape: Shape) -> Option<T> {
        let found = shorten(node.raw().map_or("", |text| text));
        let title = format!("`{found}` can't be compared exactly: {invalid}");
        let help = match shape {
            Shape::Scalar => {
                "write a number within these limits, or put it in quotes to compare it as a text"
            }
            Shape::Any => "write a number within these limits, or put it in quotes to serve it as a text",
            _ => "write a number within these limits",
        };
        self.report("invalid-number", title, node.span, "", help)
    }

    /// Returns which of `values` the text is. `expected` lists them, and what else the field takes.
    fn choice(
        &mut self,
        node: &Node<'_>,
        values: &'static [&'static str],
        expected: &str,
        slot: Slot<'_>,
    ) -> Option<usize> {
        let text = node.raw().map_or("", |text| text);
        let known = values.iter().position(|value| *value == text);
        if known.is_some() {
            return known;
        }
        let title = format!("{} is {expected}, not `{}`", slot.subject(), shorten(text));
        let help = closest(text, values.iter().copied()).map(did_you_mean);
        let help = help.unwrap_or_else(|| format!("write {expected}"));
        self.report("unknown-value", title, node.span, "", help)
    }

    fn quantity<T>(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) -> Option<T> {
        let (code, what) = match shape {
            Shape::Size => ("invalid-size", "size"),
            _ => ("invalid-duration", "duration"),
        };
        let found = node.raw().map_or("", |text| text);
        let title = format!(
            "{} takes a {what}, and `{}` is none",
            slot.subject(),
            shorten(found)
        );
        self.report(code, title, node.span, "", format!("write {}", shape.expects()))
    }

    fn secret<T>(&mut self, node: &Node<'_>) -> Option<T> {
        let help = "put the secret into an environment variable and refer to it: `\"${NAME}\"`; or into a file, \
                    with `secret_file`";
        let title = "a secret is never written in the document";
        self.report("secret-in-document", title, node.span, "", help)
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

/// How a value of the wrong type could be made one of the right type.
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
