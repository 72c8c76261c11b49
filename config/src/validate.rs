//! Compares a document with its shape and reports every difference at once.
//! Who lowers the document afterwards finds values of the right shape, or leaves them out silently.

mod object;

use rules::InvalidDecimal;

use crate::node::{Node, NodeKind, Scalar, Span, shorten};
use crate::problem::{Label, Problem};
use crate::quantity;
use crate::secret_values::secret_values;
use crate::shape::{List, Map, Object, Shape, UNBOUNDED, all_of, any_of};
use crate::source::Source;
use crate::suggest::closest;

/// The version of both documents that this program reads.
pub(crate) const VERSION: i64 = 1;

/// Reports every difference of `root` from `object`.
pub(crate) fn validate(
    source: &Source,
    root: &Node<'_>,
    object: &'static Object,
    problems: &mut Vec<Problem>,
) {
    source.keep_secrets(secret_values(source, root, object));
    let mut validator = Validator { source, problems };
    let slot = Slot {
        name: object.name,
        owner: Span {
            start: root.span.start,
            len: 1,
        },
        is_field: false,
    };
    validator.check(root, Shape::Object(object), slot);
}

struct Validator<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

/// Where a value stands.
#[derive(Clone, Copy)]
struct Slot<'n> {
    /// The field, or what it is.
    name: &'n str,
    /// What stands for the value where it is more than a line: its key, if it has one.
    owner: Span,
    /// Whether it is the value of a key.
    is_field: bool,
}

impl Slot<'_> {
    fn item(self, node: &Node<'_>) -> Self {
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
    fn check(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) {
        if matches!(node.kind, NodeKind::Refused) {
            return;
        }
        match shape {
            Shape::Object(object) => self.object(node, object, slot),
            Shape::Map(map) => self.map(node, map, slot),
            Shape::List(list) => self.list(node, list, slot),
            Shape::Union(union) => self.union(node, union, slot),
            Shape::Any => self.any(node),
            _ => self.scalar(node, shape, slot),
        }
    }

    /// Refuses numbers that JSON's readers, or a comparison, can't hold. Nothing else is wrong with a value of any type.
    fn any(&mut self, node: &Node<'_>) {
        if let Some(invalid) = node.invalid_number() {
            self.invalid_number(node, invalid, Shape::Any);
        }
        // As deep as a document is nested, which its reader bounds.
        for item in node.items().unwrap_or_default() {
            self.any(item);
        }
        for entry in node.entries().unwrap_or_default() {
            self.any(&entry.value);
        }
    }

    fn scalar(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) {
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
            | (Shape::Prose | Shape::Scalar, Scalar::Text(_)) => {}
            (Shape::Version, Scalar::Integer(found)) if found == i128::from(VERSION) => {}
            (Shape::Version, Scalar::Integer(found)) => self.version(node, found),
            (Shape::Integer(min, max), Scalar::Integer(value)) => self.integer(node, value, (min, max), slot),
            (Shape::Choice(values), Scalar::Text(_)) => self.choice(node, values, &any_of(values), slot),
            (Shape::Name(_), Scalar::Text("")) => self.empty(node, slot),
            (Shape::Text(_) | Shape::Name(_) | Shape::Variant, Scalar::Text(text)) => self.text(node, text),
            (Shape::Duration, Scalar::Text(text)) if quantity::duration_ms(text).is_some() => {}
            (Shape::Duration, Scalar::Text(_) | Scalar::Integer(_)) => {
                self.quantity(node, "duration", shape, slot)
            }
            (Shape::Size, Scalar::Text(text)) if quantity::size_bytes(text).is_some() => {}
            (Shape::Size, Scalar::Integer(bytes)) if u64::try_from(bytes).is_ok() => {}
            (Shape::Size, Scalar::Text(_) | Scalar::Integer(_)) => self.quantity(node, "size", shape, slot),
            (Shape::Secret, Scalar::Text(text)) if quantity::reference(text).is_some() => {}
            (
                Shape::Secret,
                Scalar::Text(_) | Scalar::Integer(_) | Scalar::Number(_) | Scalar::InvalidNumber(_),
            ) => self.secret(node),
            _ => self.wrong_type(node, shape, slot),
        }
    }

    fn text(&mut self, node: &Node<'_>, text: &str) {
        if text.contains("${") {
            let title = format!(
                "`{}` is not replaced here: references are for secrets only",
                shorten(text)
            );
            let help = "write the value itself; only fields for secrets take `${NAME}`";
            self.report(
                "misplaced-reference",
                title,
                node.span,
                "a reference",
                Some(help.to_owned()),
            );
        }
    }

    fn empty(&mut self, node: &Node<'_>, slot: Slot<'_>) {
        let title = format!("`{}` is empty", slot.name);
        let help = "write a text, or leave the field out where it may be".to_owned();
        self.report("empty", title, node.span, "", Some(help));
    }

    fn version(&mut self, node: &Node<'_>, found: i128) {
        let title = format!("version {found} of this format is not known here");
        let help = format!("this program reads version {VERSION}");
        self.report("unsupported-version", title, node.span, "", Some(help));
    }

    fn integer(&mut self, node: &Node<'_>, value: i128, (min, max): (i64, i64), slot: Slot<'_>) {
        if value < i128::from(min) || value > i128::from(max) {
            let title = format!("{} is {min} to {max}, not {value}", slot.subject());
            let help = format!("write {}", Shape::Integer(min, max).expects());
            self.report("out-of-range", title, node.span, "", Some(help));
        }
    }

    fn invalid_number(&mut self, node: &Node<'_>, invalid: InvalidDecimal, shape: Shape) {
        let found = shorten(node.raw().map_or("", |text| text));
        let title = format!("`{found}` can't be compared exactly: {invalid}");
        let help = match shape {
            Shape::Scalar => {
                "write a number within these limits, or put it in quotes to compare it as a text"
            }
            Shape::Any => "write a number within these limits, or put it in quotes to serve it as a text",
            _ => "write a number within these limits",
        };
        self.report("invalid-number", title, node.span, "", Some(help.to_owned()));
    }

    /// Reports a text that is none of `values`. `expected` lists them, and what else the field takes.
    fn choice(&mut self, node: &Node<'_>, values: &'static [&'static str], expected: &str, slot: Slot<'_>) {
        let text = node.raw().map_or("", |text| text);
        if values.contains(&text) {
            return;
        }
        let title = format!("{} is {expected}, not `{}`", slot.subject(), shorten(text));
        let help = closest(text, values.iter().copied()).map(did_you_mean);
        let help = help.or_else(|| Some(format!("write {expected}")));
        self.report("unknown-value", title, node.span, "", help);
    }

    fn quantity(&mut self, node: &Node<'_>, what: &str, shape: Shape, slot: Slot<'_>) {
        let found = node.raw().map_or("", |text| text);
        let title = format!(
            "{} takes a {what}, and `{}` is none",
            slot.subject(),
            shorten(found)
        );
        let code = if what == "size" {
            "invalid-size"
        } else {
            "invalid-duration"
        };
        self.report(
            code,
            title,
            node.span,
            "",
            Some(format!("write {}", shape.expects())),
        );
    }

    fn secret(&mut self, node: &Node<'_>) {
        let help = "put the secret into an environment variable and refer to it: `\"${NAME}\"`; or into a file, \
                    with `secret_file`";
        let at = Label::new(self.source, node.span, "");
        let problem = Problem::error(
            "secret-in-document",
            "a secret is never written in the document",
            at,
        );
        self.problems.push(problem.help(help));
    }

    fn map(&mut self, node: &Node<'_>, map: &'static Map, slot: Slot<'_>) {
        let Some(entries) = node.entries() else {
            return self.wrong_type(node, Shape::Map(map), slot);
        };
        self.count(entries.len(), map.min, map.max, slot);
        for entry in entries {
            let slot = Slot {
                name: &entry.key,
                owner: entry.key_span,
                is_field: true,
            };
            self.check(&entry.value, map.value, slot);
        }
    }

    fn list(&mut self, node: &Node<'_>, list: &'static List, slot: Slot<'_>) {
        let Some(items) = node.items() else {
            return self.wrong_type(node, Shape::List(list), slot);
        };
        self.count(items.len(), list.min, list.max, slot);
        for item in items {
            self.check(item, list.item, slot.item(item));
        }
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
            let help = Some("add one, or remove what is empty".to_owned());
            self.report("empty", title, slot.owner, &format!("{least} needed"), help);
        }
        if found > max && max != UNBOUNDED {
            let title = format!("`{}` has at most {max} entries, here are {found}", slot.name);
            self.report(
                "limit",
                title,
                slot.owner,
                "",
                Some("remove some of them".to_owned()),
            );
        }
    }

    fn wrong_type(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) {
        let title = match shape {
            Shape::Object(object) if object.name == slot.name => {
                format!("{} is a mapping, not {}", object.name, node.describe())
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
        let problem = Problem::error("wrong-type", title, Label::new(self.source, span, ""));
        self.problems.push(problem.help(type_help(node, shape)));
    }

    fn report(
        &mut self,
        code: &'static str,
        title: impl Into<String>,
        span: Span,
        label: &str,
        help: Option<String>,
    ) {
        let at = Label::new(self.source, span, label);
        self.problems
            .push(Problem::error(code, title, at).maybe_help(help));
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
        (Shape::Union(union), None) if node.items().is_some() && union.combines() => {
            "write `{ all: [...] }` or `{ any: [...] }`".to_owned()
        }
        (Shape::List(_), Some(_)) => format!("write a list: `[{}]`", shorten(text)),
        (Shape::Boolean, Some(Scalar::Text("on" | "yes"))) => did_you_mean("true"),
        (Shape::Boolean, Some(Scalar::Text("off" | "no"))) => did_you_mean("false"),
        (Shape::Object(object), _) => {
            let names: Vec<&str> = object.fields.iter().map(|field| field.name).collect();
            format!("its fields are {}", all_of(&names))
        }
        _ => format!("write {}", shape.expects()),
    }
}

fn did_you_mean(meant: &str) -> String {
    format!("did you mean `{meant}`?")
}
