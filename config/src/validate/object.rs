//! Mappings with known fields, and values of several shapes that are distinguished by a key.

use super::help::{did_you_mean, joined_field_help, meant_field_help};
use super::{Slot, Validator, has_allow};
use crate::node::{MappingEntry, Node, NodeKind, Span, shorten};
use crate::problem::{Label, Problem};
use crate::shape::{FieldShape, Needs, ObjectShape, Shape, UnionShape, When, all_of, any_of};
use crate::suggest::closest;

impl Validator<'_> {
    /// Reports an entry that is no field of an object.
    pub(crate) fn unknown(&mut self, entry: &MappingEntry<'_>, shape: Shape) {
        if let Shape::Object(object) = shape {
            self.unknown_field(&entry.key, entry.key_span, (shape, object()));
        }
    }

    /// Reports fields of an object that are missing or exclude each other. `unknown` is true if it has an unknown
    /// field.
    pub(crate) fn finish(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>, unknown: bool) {
        let Shape::Object(object) = shape else { return };
        let object = object();
        if has_allow(node, shape) {
            self.parts.pop();
        }
        // An unknown field may be a misspelt one, which is then not reported as missing as well.
        if !unknown {
            for field in object.fields().filter(|field| field.required) {
                if node.field(field.name).is_none() {
                    self.missing(object, field, slot);
                }
            }
        }
        match object.needs {
            Needs::Nothing => {}
            Needs::AtLeastOne if unknown || object.fields().any(|field| node.field(field.name).is_some()) => {
            }
            Needs::AtLeastOne => {
                let names = any_of(&object.names());
                let title = format!("{} needs {names}, or both", object.name);
                let help = format!("write {names}, or remove the whole field");
                self.report::<()>("missing-field", title, slot.owner, "none of them is here", help);
            }
            Needs::ExactlyOne(fields, several) => {
                self.exactly_one(node, object, (fields, several), (slot, unknown));
            }
        }
    }

    fn exactly_one(
        &mut self,
        node: &Node<'_>,
        object: &'static ObjectShape,
        (fields, several): (&'static [FieldShape], &str),
        (slot, unknown): (Slot<'_>, bool),
    ) {
        let written: Vec<_> = fields.iter().filter_map(|field| node.entry(field.name)).collect();
        match written.as_slice() {
            [] if unknown => {}
            [] => {
                let names: Vec<&str> = fields.iter().map(|field| field.name).collect();
                let title = format!("{} needs one of {}", object.name, any_of(&names));
                let help = "write exactly one of them";
                self.report::<()>("missing-field", title, slot.owner, "none of them is here", help);
            }
            [_] => {}
            [first, .., last] => {
                self.several(object.name, &written, (first, last), several);
            }
        }
    }

    /// Reports fields that exclude each other.
    fn several(
        &mut self,
        owner: &str,
        written: &[&MappingEntry<'_>],
        (first, last): (&MappingEntry<'_>, &MappingEntry<'_>),
        help: &str,
    ) {
        let names: Vec<&str> = written.iter().map(|entry| &*entry.key).collect();
        let title = format!("{owner} can have only one of {}", all_of(&names));
        let at = Label::new(self.source, last.key_span, "one more");
        let first = Label::new(self.source, first.key_span, "one");
        let problem = Problem::error("conflicting-fields", title, at).also(first);
        self.problems.push(problem.help(help));
    }

    fn missing(&mut self, object: &'static ObjectShape, field: &'static FieldShape, slot: Slot<'_>) {
        let title = format!("{} needs the field `{}`", object.name, field.name);
        let help = format!("add `{}`: {}", field.name, as_fragment(field.doc));
        self.report::<()>("missing-field", title, slot.owner, "it is missing here", help);
    }

    fn unknown_field(&mut self, key: &str, span: Span, (shape, object): (Shape, &'static ObjectShape)) {
        let title = format!("{} has no field `{}`", object.name, shorten(key));
        let names = object.names();
        let joined = joined_field_help(key, shape);
        let meant = joined
            .or_else(|| meant_field_help(object.name, key))
            .or_else(|| closest(key, names.iter().copied()).map(did_you_mean));
        let help = meant.unwrap_or_else(|| format!("its fields are {}", all_of(&names)));
        self.report::<()>("unknown-field", title, span, "", help);
    }

    /// Returns the index of the case of a union that a node is, or reports that it is none.
    pub(crate) fn case(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) -> Option<usize> {
        let Shape::Union(describe) = shape else {
            return None;
        };
        let union = describe();
        let position = match &node.kind {
            NodeKind::Plain(_) | NodeKind::Quoted(_) => union.position(When::Scalar),
            NodeKind::List(_) => union.position(When::List),
            NodeKind::Mapping(_) => return self.case_of_mapping(node, shape, union, slot),
            NodeKind::Refused => return None,
        };
        match position
            .and_then(|case| union.cases.get(case))
            .map(|case| case.shape)
        {
            Some(Shape::Choice(values)) if node.text().is_some() => {
                self.choice(node, values, union.name, slot)?;
                position
            }
            Some(Shape::Choice(_)) => self.wrong_type(node, shape, slot),
            Some(_) if !node.is_null() => position,
            _ => self.wrong_type(node, shape, slot),
        }
    }

    fn case_of_mapping(
        &mut self,
        node: &Node<'_>,
        shape: Shape,
        union: &'static UnionShape,
        slot: Slot<'_>,
    ) -> Option<usize> {
        let present: Vec<_> = union.keys().filter_map(|key| node.entry(key)).collect();
        match present.as_slice() {
            [one] => union.position_of(&one.key),
            [] => match union.position(When::Mapping) {
                Some(case) => Some(case),
                None if union.keys().next().is_none() => self.wrong_type(node, shape, slot),
                None => self.no_case(node, (shape, union), slot),
            },
            [first, .., last] => {
                self.several(union.name, &present, (first, last), "keep one of them");
                None
            }
        }
    }

    /// Reports a mapping that has none of the keys that distinguish the cases.
    fn no_case<T>(
        &mut self,
        node: &Node<'_>,
        (shape, union): (Shape, &'static UnionShape),
        slot: Slot<'_>,
    ) -> Option<T> {
        let keys: Vec<&str> = union.keys().collect();
        for entry in node.entries().unwrap_or_default() {
            let joined = joined_field_help(&entry.key, shape);
            let meant = || closest(&entry.key, keys.iter().copied()).map(did_you_mean);
            if let Some(help) = joined.or_else(meant) {
                let title = format!("{} has no field `{}`", union.name, shorten(&entry.key));
                return self.report("unknown-field", title, entry.key_span, "", help);
            }
        }
        let title = format!("{} needs one of {}", union.name, any_of(&keys));
        let help = "write exactly one of them";
        self.report("missing-field", title, slot.owner, "none of them is here", help)
    }
}

/// Returns the first sentence of a documentation as a fragment: without its full stop, and in lower case unless it
/// opens with an abbreviation.
fn as_fragment(doc: &str) -> String {
    let sentence = doc.split_once(". ").map_or(doc, |(first, _)| first);
    let sentence = sentence.trim_end_matches('.');
    let mut chars = sentence.chars();
    match chars.next() {
        Some(first) if !chars.as_str().starts_with(char::is_uppercase) => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => sentence.to_owned(),
    }
}
