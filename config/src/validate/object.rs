//! Mappings with known fields, and those of several shapes that are told apart by a key.

use super::{Slot, Validator, did_you_mean};
use crate::node::{Node, NodeKind, Span, shorten};
use crate::problem::{Label, Problem};
use crate::shape::{Field, Object, Shape, Union, When, all_of, any_of};
use crate::suggest::closest;

impl Validator<'_> {
    pub(super) fn object(&mut self, node: &Node<'_>, object: &'static Object, slot: Slot<'_>) {
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
        let names = object.at_least_one;
        if !unknown && !names.is_empty() && names.iter().all(|name| node.field(name).is_none()) {
            let title = format!("{} needs {}, or both", object.name, any_of(names));
            let help = Some(format!("write {}, or leave it out as a whole", any_of(names)));
            self.report("missing-field", title, slot.owner, "none of them is here", help);
        }
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

    pub(super) fn union(&mut self, node: &Node<'_>, union: &'static Union, slot: Slot<'_>) {
        let shape = match &node.kind {
            NodeKind::Plain(_) | NodeKind::Quoted(_) => union.case(When::Scalar),
            NodeKind::List(_) => union.case(When::List),
            NodeKind::Mapping(_) => return self.mapping_of(node, union, slot),
            NodeKind::Refused => return,
        };
        match shape {
            Some(Shape::Choice(values)) if node.text().is_some() => {
                self.choice(node, values, union.name, slot);
            }
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
}
