//! Scalars: numbers, texts, words and quantities.

use std::borrow::Cow;

use rules::InvalidDecimal;

use super::help::did_you_mean;
use super::{InvalidValue, References, Slot, VERSION, Validator};
use crate::node::{Node, NodeKind, Scalar, shorten};
use crate::quantity;
use crate::shape::{Shape, any_of};
use crate::suggest::{closest, qualified};

impl Validator<'_> {
    /// Reports numbers that readers of JSON, or a comparison, cannot represent. Every other value is valid.
    pub(crate) fn any(&mut self, node: &Node<'_>) {
        if let Some(invalid) = node.invalid_number() {
            self.invalid_number::<()>(node, invalid, Shape::Any);
        }
        self.warn_of_ambiguous_number(node, Shape::Any);
        // The recursion is bounded by the nesting of a document, which its reader limits.
        for item in node.items().unwrap_or_default() {
            self.any(item);
        }
        for entry in node.entries().unwrap_or_default() {
            self.any(&entry.value);
        }
    }

    /// Warns of a number whose spelling is that of a text: an id, a postal code or a telephone number.
    fn warn_of_ambiguous_number(&mut self, node: &Node<'_>, shape: Shape) {
        let Some(written) = node.raw().filter(|text| is_ambiguous_number(text)) else {
            return;
        };
        let Some(number) = node.number() else { return };
        let title = format!("`{written}` is read as the number {number}");
        let use_of_text = match shape {
            Shape::Scalar => "to compare it as a text",
            _ => "to serve it as a text",
        };
        let help =
            format!("put it in quotes {use_of_text}: `\"{written}\"`; for the number write `{number}`");
        self.warn("ambiguous-number", title, node.span, help);
    }

    /// Returns the scalar if it has this shape; otherwise reports it.
    pub(crate) fn scalar<'n>(
        &mut self,
        node: &'n Node<'_>,
        shape: Shape,
        slot: Slot<'_>,
    ) -> Option<Scalar<'n>> {
        // The parser has reported it: a second problem at the same place would mislead.
        if matches!(node.kind, NodeKind::Refused) {
            return None;
        }
        let Some(scalar) = node.scalar() else {
            return self.wrong_type(node, shape, slot);
        };
        if let (Shape::Number | Shape::Percentage | Shape::Share | Shape::Scalar, Some(invalid)) =
            (shape, node.invalid_number())
        {
            return self.invalid_number(node, invalid, shape);
        }
        if let Shape::Scalar = shape {
            self.warn_of_ambiguous_number(node, shape);
        }
        match (shape, scalar) {
            (Shape::Boolean | Shape::Scalar | Shape::Variant, Scalar::Boolean(_))
            | (
                Shape::Number | Shape::Percentage | Shape::Share | Shape::Scalar,
                Scalar::Integer(_) | Scalar::Number(_),
            )
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
            (Shape::Text(_) | Shape::Name(_) | Shape::Variant, Scalar::Text(text))
                if self.references == References::Refused && text.contains("${") =>
            {
                self.misplaced_reference(node, text)
            }
            (Shape::Text(_) | Shape::Name(_) | Shape::Variant, Scalar::Text(_)) => Some(scalar),
            (Shape::Duration, Scalar::Text(text)) if quantity::duration_ms(text).is_some() => Some(scalar),
            (Shape::Size, Scalar::Text(text)) if quantity::size_bytes(text).is_some() => Some(scalar),
            (Shape::Size, Scalar::Integer(bytes)) if u64::try_from(bytes).is_ok() => Some(scalar),
            (Shape::Duration | Shape::Size, Scalar::Text(_) | Scalar::Integer(_)) => {
                self.quantity(node, shape, slot)
            }
            (Shape::Secret(_), Scalar::Text(text)) if quantity::reference(text).is_some() => Some(scalar),
            // A secret in plain text is reported without its value, whatever its type.
            (
                Shape::Secret(file),
                Scalar::Text(_) | Scalar::Integer(_) | Scalar::Number(_) | Scalar::InvalidNumber(_),
            ) => self.secret(node, file),
            _ => self.wrong_type(node, shape, slot),
        }
    }

    /// Returns the text if it has this shape; otherwise reports it.
    pub(crate) fn text<'s>(&mut self, node: &Node<'s>, shape: Shape, slot: Slot<'_>) -> Option<Cow<'s, str>> {
        self.scalar(node, shape, slot)?;
        node.text().cloned()
    }

    /// Returns the parsed value, or reports the reason why there is none.
    pub(crate) fn parsed<T>(
        &mut self,
        node: &Node<'_>,
        code: &'static str,
        parsed: Result<T, InvalidValue>,
    ) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(InvalidValue { title, help }) => self.report(code, title, node.span, "", help),
        }
    }

    /// Returns the index of the word in a choice, or reports the node.
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
            "`{}` is not replaced here: only sluice.yaml and the documents that it includes take references",
            shorten(text)
        );
        let help = "write the value itself";
        self.report("misplaced-reference", title, node.span, "a reference", help)
    }

    fn empty<T>(&mut self, node: &Node<'_>, slot: Slot<'_>) -> Option<T> {
        let title = format!("`{}` is empty", slot.name);
        let help = "write a text, or remove the field if it is optional";
        self.report("empty", title, node.span, "", help)
    }

    fn version<T>(&mut self, node: &Node<'_>, found: i128) -> Option<T> {
        let title = format!("version {found} of this format is not supported");
        let help = format!("write `version: {VERSION}`, the version that this release reads");
        self.report("unsupported-version", title, node.span, "", help)
    }

    fn integer<T>(
        &mut self,
        node: &Node<'_>,
        value: i128,
        (min, max): (i64, i64),
        slot: Slot<'_>,
    ) -> Option<T> {
        let title = format!("{} must be from {min} to {max}, not {value}", slot.subject());
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

    /// Returns the index of the text in `values`, or reports it. `expected` lists the values and all else that the
    /// field takes.
    pub(super) fn choice(
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
        let title = format!("{} must be {expected}, not `{}`", slot.subject(), shorten(text));
        let values = || values.iter().copied();
        let meant = closest(text, values()).or_else(|| qualified(text, values()));
        let help = meant.map(did_you_mean);
        let help = help.unwrap_or_else(|| format!("write {expected}"));
        self.report("unknown-value", title, node.span, "", help)
    }

    fn quantity<T>(&mut self, node: &Node<'_>, shape: Shape, slot: Slot<'_>) -> Option<T> {
        let (code, what) = match shape {
            Shape::Size => ("invalid-size", "size"),
            _ => ("invalid-duration", "duration"),
        };
        let found = node.raw().map_or("", |text| text);
        let title = format!("{} takes a {what}, not `{}`", slot.subject(), shorten(found));
        self.report(code, title, node.span, "", format!("write {}", shape.expects()))
    }

    /// Reports a secret in the document. `file` is the field that takes the path of a file instead.
    fn secret<T>(&mut self, node: &Node<'_>, file: Option<&str>) -> Option<T> {
        let mut help =
            "put the secret into an environment variable and write a reference to it: `\"${NAME}\"`"
                .to_owned();
        if let Some(file) = file {
            help.push_str(&format!("; or into a file, with `{file}`"));
        }
        let title = "a secret can't be written in the document";
        self.report("secret-in-document", title, node.span, "", help)
    }
}

/// Returns true if a number has a plus sign, a leading zero or a base, which numbers of JSON do not have.
fn is_ambiguous_number(text: &str) -> bool {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let mut characters = unsigned.chars();
    matches!(
        (characters.next(), characters.next()),
        (Some('+'), _) | (Some('0'), Some('0'..='9' | 'x' | 'o'))
    )
}
