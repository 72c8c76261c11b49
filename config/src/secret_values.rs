//! Values of a document that are secrets, or stand where one may have been put by mistake. Reports mask them, whatever
//! they look like.
//!
//! A value is taken for a secret where its field is named like one (`secret`, `token`, `hash`); where its field is
//! unknown and has secrets beside it; and where it should be a mapping of a secret's source, or a path or URL of one and
//! does not look like it.

use redact::{is_name, is_random};

use crate::node::{Node, NodeKind, Span};
use crate::quantity;
use crate::shape::sluice::PATH;
use crate::shape::{Object, Shape, Union, When};

/// A value that no report shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretValue {
    pub(crate) span: Span,
    /// What it says, without quotes and escapes.
    pub(crate) text: String,
}

/// Finds the secrets of a document of this form.
pub(crate) fn secret_values(root: &Node<'_>, object: &'static Object) -> Vec<SecretValue> {
    let mut finder = Finder { found: Vec::new() };
    let place = Place {
        is_named: false,
        is_beside: false,
        is_source: false,
    };
    finder.node(root, Some(Shape::Object(object)), place);
    finder.found
}

struct Finder {
    found: Vec<SecretValue>,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    /// In a field that is named like a secret.
    is_named: bool,
    /// Where there are fields for secrets.
    is_beside: bool,
    /// In a field that says where a secret is.
    is_source: bool,
}

impl Finder {
    fn node(&mut self, node: &Node<'_>, shape: Option<Shape>, place: Place) {
        match &node.kind {
            NodeKind::Plain(text) | NodeKind::Quoted(text) => {
                if quantity::reference(text).is_none() && !text.is_empty() && place.is_secret(text, shape) {
                    self.found.push(SecretValue {
                        span: node.span,
                        text: text.to_string(),
                    });
                }
            }
            NodeKind::List(items) => {
                let item = match shape {
                    Some(Shape::List(list)) => Some(list.item),
                    Some(Shape::Union(union)) => match union.case(When::List) {
                        Some(Shape::List(list)) => Some(list.item),
                        _ => shape,
                    },
                    other => other,
                };
                items.iter().for_each(|one| self.node(one, item, place));
            }
            NodeKind::Mapping(_) => self.mapping(node, shape, place),
            NodeKind::Refused => {}
        }
    }

    fn mapping(&mut self, node: &Node<'_>, shape: Option<Shape>, place: Place) {
        let (object, union) = match shape {
            Some(Shape::Object(object)) => (Some(object), None),
            Some(Shape::Union(union)) => (case(node, union), Some(union)),
            _ => (None, None),
        };
        let is_beside = place.is_beside
            || object.is_some_and(Object::has_secrets)
            || union.is_some_and(Union::has_secrets);
        for entry in node.entries().unwrap_or_default() {
            let field = object.and_then(|object| object.field(&entry.key));
            // Of several cases that are written at once, each has its field.
            let field = field.or_else(|| {
                union
                    .and_then(|union| case_of(union, &entry.key))?
                    .field(&entry.key)
            });
            let shape = match (field, shape) {
                (Some(field), _) => Some(field.shape),
                (None, Some(Shape::Map(map))) => Some(map.value),
                (None, _) => None,
            };
            let is_named = is_name(&entry.key);
            let tells_source =
                |union: &Union| union.has_secrets() && union.keys().any(|key| key == entry.key);
            let place = Place {
                is_named,
                // Beneath a field that is known, it depends on what is there.
                is_beside: is_beside && shape.is_none(),
                is_source: union.is_some_and(tells_source) || (is_named && is_path(shape)),
            };
            self.node(&entry.value, shape, place);
        }
    }
}

impl Place {
    fn is_secret(self, text: &str, shape: Option<Shape>) -> bool {
        match shape {
            Some(Shape::Secret) => true,
            // A mapping is expected, which may say where a secret is.
            Some(Shape::Union(union)) => self.is_named || union.has_secrets(),
            Some(Shape::Object(object)) => self.is_named || object.has_secrets(),
            Some(Shape::Text(_) | Shape::Name(_)) if self.is_source => !is_location(text, shape),
            Some(Shape::Text(_) | Shape::Name(_)) => self.is_named,
            // One of known values, or a number.
            Some(_) => false,
            None => self.is_named || self.is_beside,
        }
    }
}

/// Whether a text looks like the path or URL that a field takes, and not like a secret. The shortest secrets that
/// are taken have 32 bytes; short texts are names of files.
fn is_location(text: &str, shape: Option<Shape>) -> bool {
    const SHORT: usize = 16;
    let is_name = is_path(shape) && text.len() < SHORT;
    (is_name || text.contains(['.', '/'])) && !is_random(text)
}

fn is_path(shape: Option<Shape>) -> bool {
    match (shape, PATH) {
        (Some(Shape::Text(what)), Shape::Text(path)) => what == path,
        _ => false,
    }
}

/// The object that a mapping is, where that shows.
fn case(node: &Node<'_>, union: &'static Union) -> Option<&'static Object> {
    match union.keys().find(|key| node.field(key).is_some()) {
        Some(key) => case_of(union, key),
        None => object(union.case(When::Mapping)?),
    }
}

/// The object that a mapping with this key is.
fn case_of(union: &'static Union, key: &str) -> Option<&'static Object> {
    let key = union.keys().find(|known| *known == key)?;
    object(union.case(When::Key(key))?)
}

fn object(shape: Shape) -> Option<&'static Object> {
    match shape {
        Shape::Object(object) => Some(object),
        _ => None,
    }
}

impl Object {
    /// Whether it has fields for secrets, or for where they are.
    fn has_secrets(&self) -> bool {
        self.fields.iter().any(|field| match field.shape {
            Shape::Secret => true,
            Shape::Text(_) | Shape::Name(_) => is_name(field.name) || field.name == "secret_file",
            _ => false,
        })
    }
}

impl Union {
    /// Whether one of its cases has.
    fn has_secrets(&self) -> bool {
        self.cases.iter().any(|case| match case.shape {
            Shape::Object(object) => object.has_secrets(),
            _ => false,
        })
    }
}
