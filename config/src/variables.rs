//! Environment variables in scalars of `sluice.yaml`: `${NAME}`, and `${NAME:-default}` for a variable that is unset or
//! empty. `$${` stands for `${`.
//!
//! A value is inserted after the document was parsed, as a part of one scalar and never as YAML, so that no value can add
//! a field. The field decides about its type: the same value is a number in a field of numbers and a text in a field
//! of texts. Secrets are left alone: their forms take references only, and values of secrets are in no tree.

use std::borrow::Cow;

use crate::node::{Node, NodeKind, Span};
use crate::problem::{Label, Problem};
use crate::quantity::is_variable_name;
use crate::secret_value::SecretValue;
use crate::shape::{Shape, When};
use crate::source::Source;

/// The beginning of a reference.
const OPEN: &str = "${";

/// The shortest part of a scalar that is masked alone, in bytes. Shorter ones would mask parts of ordinary words.
const MIN_MASKED: usize = 4;

/// The source of the values of variables.
pub(crate) type Variables<'v> = &'v dyn Fn(&str) -> Option<String>;

/// Inserts variables into the scalars of a document with this shape. Returns the inserted texts, which reports mask: an
/// environment contains secrets.
pub(crate) fn insert_variables(
    source: &Source,
    root: &mut Node<'_>,
    shape: Shape,
    variables: Variables<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<SecretValue> {
    let mut inserter = Inserter {
        source,
        variables,
        problems,
        inserted: Vec::new(),
    };
    inserter.node(root, Some(shape));
    inserter.inserted
}

struct Inserter<'a> {
    source: &'a Source,
    variables: Variables<'a>,
    problems: &'a mut Vec<Problem>,
    inserted: Vec<SecretValue>,
}

/// The reason why a text has no value.
enum NoValue<'t> {
    /// `${` without a valid name or without its end.
    Malformed(&'t str),
    /// The variable is not set, and there is no default.
    Unset(&'t str),
}

impl Inserter<'_> {
    fn node(&mut self, node: &mut Node<'_>, shape: Option<Shape>) {
        if node.raw().is_some_and(|text| text.contains(OPEN)) {
            if let Some(shape) = shape.and_then(scalar_shape) {
                self.scalar(node, shape);
            }
            return;
        }
        match &mut node.kind {
            NodeKind::Plain(_) | NodeKind::Quoted(_) | NodeKind::Refused => {}
            NodeKind::List(items) => {
                let item = item_shape(shape);
                items.iter_mut().for_each(|one| self.node(one, item));
            }
            NodeKind::Mapping(entries) => {
                for entry in entries {
                    let field = field_shape(shape, &entry.key);
                    self.node(&mut entry.value, field);
                }
            }
        }
    }

    /// Replaces the references of a scalar.
    fn scalar(&mut self, node: &mut Node<'_>, shape: Shape) {
        let is_plain = matches!(node.kind, NodeKind::Plain(_));
        let span = node.span;
        let mut parts = Vec::new();
        let expanded = node.raw().map(|text| expand(text, self.variables, &mut parts));
        let value = match expanded {
            Some(Ok(value)) => value,
            Some(Err(reason)) => {
                self.report(&reason, span);
                node.kind = NodeKind::Refused;
                return;
            }
            None => return,
        };
        // The parts as well: a message may quote one of them alone.
        parts.retain(|part| part.len() >= MIN_MASKED);
        for text in std::iter::once(value.clone()).chain(parts) {
            self.inserted.push(SecretValue {
                at: span,
                // The excerpt shows the reference, not the value.
                span: Span { len: 0, ..span },
                text,
                is_key: false,
            });
        }
        let value = Cow::Owned(value);
        node.kind = match shape {
            Shape::Boolean
            | Shape::Integer(..)
            | Shape::Number
            | Shape::Percentage
            | Shape::Share
            | Shape::Size
            | Shape::Version
            | Shape::Duration => NodeKind::Plain(value),
            // These accept several types: without quotes the value decides, as if it were written.
            Shape::Scalar | Shape::Variant | Shape::Any if is_plain => NodeKind::Plain(value),
            _ => NodeKind::Quoted(value),
        };
    }

    fn report(&mut self, reason: &NoValue<'_>, span: Span) {
        let (code, title, help) = match reason {
            NoValue::Malformed(text) => (
                "invalid-reference",
                format!("`{text}` is not a reference to an environment variable"),
                "write `${NAME}` or `${NAME:-default}`; for a text with these characters, write `$${`"
                    .to_owned(),
            ),
            NoValue::Unset(name) => (
                "unset-variable",
                format!("the environment variable `{name}` is not set"),
                format!("set `{name}` where sluice is started, or write a default: `${{{name}:-default}}`"),
            ),
        };
        let at = Label::new(self.source, span, "");
        self.problems.push(Problem::error(code, title, at).help(help));
    }
}

/// Returns the text with its references replaced. Appends the inserted values to `parts`.
fn expand<'t>(
    text: &'t str,
    variables: Variables<'_>,
    parts: &mut Vec<String>,
) -> Result<String, NoValue<'t>> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once(OPEN) {
        if let Some(before) = before.strip_suffix('$') {
            expanded.push_str(before);
            expanded.push_str(OPEN);
            rest = reference;
            continue;
        }
        expanded.push_str(before);
        let malformed = || {
            let end = reference.find('}').map_or(reference.len(), |end| end + 1);
            let start = text.len() - reference.len() - OPEN.len();
            let whole = text.get(start..start + OPEN.len() + end);
            NoValue::Malformed(whole.unwrap_or(text))
        };
        let (inner, after) = reference.split_once('}').ok_or_else(malformed)?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_variable_name(name) {
            return Err(malformed());
        }
        let value = variables(name).filter(|value| default.is_none() || !value.is_empty());
        match (value, default) {
            (Some(value), _) => {
                expanded.push_str(&value);
                parts.push(value);
            }
            (None, Some(default)) => expanded.push_str(default),
            (None, None) => return Err(NoValue::Unset(name)),
        }
        rest = after;
    }
    expanded.push_str(rest);
    Ok(expanded)
}

/// Returns the shape of a scalar in the place of this shape; none for a secret, and if no scalar belongs there.
fn scalar_shape(shape: Shape) -> Option<Shape> {
    match shape {
        Shape::Union(union) => scalar_shape(union().case(When::Scalar)?),
        Shape::Secret(_) | Shape::Object(_) | Shape::Map(_) | Shape::List(_) => None,
        shape => Some(shape),
    }
}

fn item_shape(shape: Option<Shape>) -> Option<Shape> {
    match shape? {
        Shape::List(list) => Some(list.item),
        Shape::Union(union) => item_shape(union().case(When::List)),
        Shape::Any => Some(Shape::Any),
        _ => None,
    }
}

fn field_shape(shape: Option<Shape>, key: &str) -> Option<Shape> {
    match shape? {
        Shape::Object(object) => object().field(key).map(|field| field.shape),
        Shape::Map(map) => Some(map.value),
        Shape::Union(union) => {
            let cases = union().cases.iter();
            let mut structures = cases.filter(|case| matches!(case.when, When::Key | When::Mapping));
            structures.find_map(|case| field_shape(Some(case.shape), key))
        }
        Shape::Any => Some(Shape::Any),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let variables = |name: &str| match name {
            "HOST" => Some("a.example".to_owned()),
            "EMPTY" => Some(String::new()),
            "NESTED" => Some("${HOST}".to_owned()),
            _ => None,
        };
        let found = match expand(text, &variables, &mut Vec::new()) {
            Ok(value) => value,
            Err(NoValue::Malformed(text)) => format!("malformed: {text}"),
            Err(NoValue::Unset(name)) => format!("unset: {name}"),
        };
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn references_are_replaced_once_and_dollars_are_kept() {
        check("${HOST}", "a.example");
        check("https://${HOST}:${PORT:-80}/$x", "https://a.example:80/$x");
        check("${EMPTY}${EMPTY:-none}", "none");
        check("${NESTED}", "${HOST}");
        check("$${HOST}", "${HOST}");
        check("^/a$$", "^/a$$");
        check("${A:-}", "");
        check("${A:-x:-y}", "x:-y");
    }

    #[test]
    fn unset_and_malformed_references_are_reported() {
        check("x${PORT}", "unset: PORT");
        check("${HOST", "malformed: ${HOST");
        check("a ${1X} b", "malformed: ${1X}");
        check("${}", "malformed: ${}");
        check("${HOST:+x}", "malformed: ${HOST:+x}");
    }
}
