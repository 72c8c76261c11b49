//! Compares a document with its shape and reports every difference at once.
//! Who lowers the document afterwards finds values of the right shape, or leaves them out silently.

use crate::node::{Node, NodeKind, Scalar, Span, shorten};
use crate::problem::{Label, Problem};
use crate::quantity;
use crate::shape::{Field, List, Map, Object, Shape, UNBOUNDED, Union, When, all_of, any_of};
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
            Shape::Any => {}
            _ => self.scalar(node, shape, slot),
        }
    }

    fn scalar(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) {
        let Some(scalar) = node.scalar() else {
            return self.wrong_type(node, shape, slot);
        };
        match (shape, scalar) {
            (Shape::Boolean | Shape::Scalar | Shape::Variant, Scalar::Boolean(_))
            | (Shape::Number | Shape::Scalar, Scalar::Integer(_) | Scalar::Number(_))
            | (Shape::Prose | Shape::Scalar, Scalar::Text(_)) => {}
            (Shape::Version, Scalar::Integer(found)) if found == i128::from(VERSION) => {}
            (Shape::Version, Scalar::Integer(found)) => self.version(node, found),
            (Shape::Integer(min, max), Scalar::Integer(value)) => self.integer(node, value, (min, max), slot),
            (Shape::Choice(values), Scalar::Text(text)) => self.choice(node, text, values, slot),
            (Shape::Text(_) | Shape::Variant, Scalar::Text(text)) => self.text(node, text),
            (Shape::Duration, Scalar::Text(text)) if quantity::duration_ms(text).is_some() => {}
            (Shape::Duration, Scalar::Text(_) | Scalar::Integer(_)) => {
                self.quantity(node, "duration", shape, slot)
            }
            (Shape::Size, Scalar::Text(text)) if quantity::size_bytes(text).is_some() => {}
            (Shape::Size, Scalar::Integer(bytes)) if u64::try_from(bytes).is_ok() => {}
            (Shape::Size, Scalar::Text(_) | Scalar::Integer(_)) => self.quantity(node, "size", shape, slot),
            (Shape::Secret, Scalar::Text(text)) if quantity::reference(text).is_some() => {}
            (Shape::Secret, Scalar::Text(_) | Scalar::Integer(_) | Scalar::Number(_)) => self.secret(node),
            _ => self.wrong_type(node, shape, slot),
        }
    }

    fn text(&mut self, node: &Node<'_>, text: &str) {
        if text.contains("${") {
            let title = format!(
                "`{}` is not replaced here: references are for secrets only",
                shorten(text)
            );
            let help = "write the value itself; only `keys.secret` of an issuer takes `${NAME}`";
            self.report(
                "misplaced-reference",
                title,
                node.span,
                "a reference",
                Some(help.to_owned()),
            );
        }
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

    fn choice(&mut self, node: &Node<'_>, text: &str, values: &'static [&'static str], slot: Slot<'_>) {
        if values.contains(&text) {
            return;
        }
        let title = format!(
            "{} is {}, not `{}`",
            slot.subject(),
            any_of(values),
            shorten(text)
        );
        let help = closest(text, values.iter().copied()).map(did_you_mean);
        let help = help.or_else(|| Some(format!("write {}", any_of(values))));
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
        let title = "a secret is never written in the document";
        self.report(
            "secret-in-document",
            title,
            node.span,
            "a reference `${NAME}` is expected",
            Some(help.to_owned()),
        );
    }

    fn object(&mut self, node: &Node<'_>, object: &'static Object, slot: Slot<'_>) {
        let Some(entries) = node.entries() else {
            return self.wrong_type(node, Shape::Object(object), slot);
        };
        let mut unknown = false;
        for entry in entries {
            match object.field(&entry.key) {
                Some(field) => {
                    let slot = Slot {
                        name: field.name,
                        owner: entry.key_span,
                        is_field: true,
                    };
                    self.check(&entry.value, field.shape, slot);
                }
                None => {
                    unknown = true;
                    self.unknown_field(&entry.key, entry.key_span, object.name, object.fields);
                }
            }
        }
        // A misspelt field is not missing as well.
        if !unknown {
            for field in object.fields.iter().filter(|field| field.required) {
                if node.field(field.name).is_none() {
                    self.missing(object, field, slot);
                }
            }
        }
        self.exactly_one(node, object, slot, unknown);
    }

    fn exactly_one(&mut self, node: &Node<'_>, object: &'static Object, slot: Slot<'_>, unknown: bool) {
        let written: Vec<_> = object
            .exactly_one
            .iter()
            .filter_map(|name| node.entry(name))
            .collect();
        match written.as_slice() {
            [] if object.exactly_one.is_empty() || unknown => {}
            [] => {
                let title = format!("{} needs one of {}", object.name, any_of(object.exactly_one));
                let help = Some("write exactly one of them".to_owned());
                self.report("missing-field", title, slot.owner, "none of them is here", help);
            }
            [_] => {}
            [first, rest @ ..] => {
                let names: Vec<&str> = written.iter().map(|entry| &*entry.key).collect();
                let title = format!("{} has one of {}, not several", object.name, all_of(&names));
                let Some(last) = rest.last() else { return };
                let at = Label::new(self.source, last.key_span, "one more");
                let first = Label::new(self.source, first.key_span, "one");
                let help = if object.field("attribute").is_some() {
                    "write one clause for each and join them with `all`"
                } else {
                    "keep one of them"
                };
                self.problems.push(
                    Problem::error("conflicting-fields", title, at)
                        .also(first)
                        .help(help),
                );
            }
        }
    }

    fn missing(&mut self, object: &'static Object, field: &'static Field, slot: Slot<'_>) {
        let title = format!("{} needs the field `{}`", object.name, field.name);
        let doc = field.doc.trim_end_matches('.');
        let help = format!(
            "add `{}`: {}{}",
            field.name,
            doc.get(..1).unwrap_or_default().to_lowercase(),
            doc.get(1..).unwrap_or_default()
        );
        self.report(
            "missing-field",
            title,
            slot.owner,
            "it is missing here",
            Some(help),
        );
    }

    fn unknown_field(&mut self, key: &str, span: Span, owner: &str, fields: &'static [Field]) {
        let title = format!("{owner} has no field `{}`", shorten(key));
        let help = closest(key, fields.iter().map(|field| field.name))
            .map(did_you_mean)
            .unwrap_or_else(|| {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                format!("its fields are {}", all_of(&names))
            });
        self.report("unknown-field", title, span, "", Some(help));
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
        if found < min {
            let title = format!("`{}` is empty", slot.name);
            let least = if min == 1 {
                "at least one".to_owned()
            } else {
                format!("at least {min}")
            };
            let help = Some("add one, or remove what is empty".to_owned());
            self.report("empty", title, slot.owner, &format!("{least} is needed"), help);
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

    fn union(&mut self, node: &Node<'_>, union: &'static Union, slot: Slot<'_>) {
        let shape = match &node.kind {
            NodeKind::Plain(_) | NodeKind::Quoted(_) => union.case(When::Scalar),
            NodeKind::List(_) => union.case(When::List),
            NodeKind::Mapping(_) => return self.mapping_of(node, union, slot),
            NodeKind::Refused => return,
        };
        match shape {
            Some(shape) if !node.is_null() => self.check(node, shape, slot),
            _ => self.wrong_type(node, Shape::Union(union), slot),
        }
    }

    fn mapping_of(&mut self, node: &Node<'_>, union: &'static Union, slot: Slot<'_>) {
        let present: Vec<_> = union.keys().filter_map(|key| node.entry(key)).collect();
        match present.as_slice() {
            [one] => {
                let key = union.keys().find(|key| *key == one.key);
                if let Some(shape) = key.and_then(|key| union.case(When::Key(key))) {
                    self.check(node, shape, slot);
                }
            }
            [] => match union.case(When::Mapping) {
                Some(shape) => self.check(node, shape, slot),
                None if union.keys().next().is_none() => self.wrong_type(node, Shape::Union(union), slot),
                None => self.no_case(node, union, slot),
            },
            [first, .., last] => {
                let names: Vec<&str> = present.iter().map(|entry| &*entry.key).collect();
                let title = format!("{} has one of {}, not several", union.name, all_of(&names));
                let at = Label::new(self.source, last.key_span, "one more");
                let first = Label::new(self.source, first.key_span, "one");
                let problem = Problem::error("conflicting-fields", title, at).also(first);
                self.problems.push(problem.help("keep one of them"));
            }
        }
    }

    /// Reports a mapping that has none of the keys by which the cases are told apart.
    fn no_case(&mut self, node: &Node<'_>, union: &'static Union, slot: Slot<'_>) {
        let keys: Vec<&str> = union.keys().collect();
        for entry in node.entries().unwrap_or_default() {
            if let Some(meant) = closest(&entry.key, keys.iter().copied()) {
                let title = format!("{} has no field `{}`", union.name, shorten(&entry.key));
                return self.report(
                    "unknown-field",
                    title,
                    entry.key_span,
                    "",
                    Some(did_you_mean(meant)),
                );
            }
        }
        let title = format!("{} needs one of {}", union.name, any_of(&keys));
        let help = Some("write exactly one of them".to_owned());
        self.report("missing-field", title, slot.owner, "none of them is here", help);
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
        self.report("wrong-type", title, span, "", Some(type_help(node, shape)));
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
        (Shape::Text(_) | Shape::Prose | Shape::Choice(_) | Shape::Variant, Some(_)) => {
            format!("if that text is meant, put it in quotes: `\"{text}\"`")
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
