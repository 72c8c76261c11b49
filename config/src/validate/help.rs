//! Helps for values of the wrong type.

use crate::node::{Node, NodeKind, Scalar, shorten};
use crate::parse::joined_key;
use crate::shape::{Shape, When, all_of};

/// Returns the help for a value of the wrong type.
pub(super) fn type_help(node: &Node<'_>, shape: Shape) -> String {
    let text = node.raw().map_or("", |text| text);
    if let Some(help) = joined_field_help(text, shape).or_else(|| quotes_help(node, shape)) {
        return help;
    }
    match (shape, node.scalar()) {
        (_, Some(Scalar::Null)) => "remove the field, or give it a value".to_owned(),
        // A port alone. In quotes it would not be an address either.
        (Shape::Text(what), Some(Scalar::Integer(port)))
            if what.contains(":8080") && (1..=65_535).contains(&port) =>
        {
            format!(
                "write an address and the port: `\"127.0.0.1:{port}\"`, or `\"0.0.0.0:{port}\"` for all addresses"
            )
        }
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
pub(super) fn joined_field_help(text: &str, shape: Shape) -> Option<String> {
    let (name, value) = joined_key(text)?;
    let is_field = match shape {
        Shape::Union(union) => union().cases.iter().any(|case| case.shape.has_field(name)),
        shape => shape.has_field(name),
    };
    is_field.then(|| format!("write a space after the colon: `{name}: {}`", shorten(value)))
}

/// Returns the help for a word of other tools in the place of a field that has another name here.
pub(super) fn meant_field_help(object: &str, key: &str) -> Option<String> {
    match (object, key) {
        ("a flag", "killed" | "kill" | "disabled" | "disable") => {
            Some("to turn the flag off for everyone, write `enabled: false`".to_owned())
        }
        ("a route", "flag" | "flags" | "feature") => Some(did_you_mean("gate")),
        _ => None,
    }
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
        Shape::Number | Shape::Percentage | Shape::Share => plain.number().is_some(),
        _ => false,
    };
    fits.then(|| format!("remove the quotes: `{text}`"))
}

pub(crate) fn did_you_mean(meant: &str) -> String {
    format!("did you mean `{meant}`?")
}
