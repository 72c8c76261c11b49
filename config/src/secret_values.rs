//! Finds the values of a document that are secrets, or that are in a place where a secret may have been written by
//! mistake. Reports mask them, whatever they look like.
//!
//! A value is treated as a secret in these cases:
//! - its field has the name of a secret (`secret`, `db_password`, `hash`);
//! - its field is unknown, and the object has fields for secrets;
//! - its field takes the location of a secret as a mapping, a path or a URL, and the value does not look like one;
//! - there are fields for secrets nearby, and the value is not close to anything that its field accepts.
//!
//! Of hosts and URLs, user and password are secrets. A document of tokens may be a secret as a whole, put in the
//! place of the document: there, a scalar in the place of a mapping or a list is a secret, and so is an unknown key.
//! Names that the operator chooses (attributes, headers, claims) have no effect.

mod harmless;
mod named;
mod value_context;

use std::ops::Range;

use redact::user_info;

use self::harmless::is_word;
use self::named::names_secret;
pub(crate) use self::named::{named_in_comments, named_values};
use self::value_context::{ValueContext, is_path};
use crate::node::{MappingEntry, Node, NodeKind, Span};
use crate::quantity;
use crate::secret_value::SecretValue;
use crate::shape::{ObjectShape, Shape, UnionShape, When};
use crate::suggest::closest;

/// Fields of these documents that contain a secret, or the location of one.
const FIELDS: [&str; 7] = ["hash", "key", "keys", "secret", "secret_file", "token", "tokens"];

/// The maximum length, in bytes, of a text in the place of a mapping or a list; longer ones are masked as a whole.
const LONGEST_TEXT: usize = 4 * 1024;

/// Returns the secrets of a document with this text and shape. A confidential document may be a secret as a whole.
pub(crate) fn secret_values(
    text: &str,
    is_confidential: bool,
    root: &Node<'_>,
    shape: Shape,
) -> Vec<SecretValue> {
    let mut finder = Finder {
        source: text,
        found: Vec::new(),
    };
    let context = ValueContext {
        is_confidential,
        ..ValueContext::default()
    };
    finder.node(root, Some(shape), context);
    finder.found
}

struct Finder<'t> {
    source: &'t str,
    found: Vec<SecretValue>,
}

impl Finder<'_> {
    fn node(&mut self, node: &Node<'_>, shape: Option<Shape>, context: ValueContext) {
        match &node.kind {
            NodeKind::Plain(text) | NodeKind::Quoted(text) => {
                if let Some(part) = secret_part(text, node.is_null(), shape, context) {
                    self.keep(node.span, text, part, false);
                } else if takes_structure(shape) {
                    self.lines(node.span, text);
                }
            }
            NodeKind::List(items) => {
                let item = match shape {
                    Some(Shape::List(list)) => Some(list.item),
                    Some(Shape::Union(union)) => match union().case(When::List) {
                        Some(Shape::List(list)) => Some(list.item),
                        _ => shape,
                    },
                    other => other,
                };
                items.iter().for_each(|one| self.node(one, item, context));
            }
            NodeKind::Mapping(entries) => self.mapping(node, entries, shape, context),
            NodeKind::Refused => {}
        }
    }

    /// Adds the named values of a text in the place of a mapping: YAML reads lines of `NAME = VALUE` as one text.
    fn lines(&mut self, at: Span, text: &str) {
        if text.len() > LONGEST_TEXT {
            return self.keep(at, text, 0..text.len(), false);
        }
        for part in named_values(text) {
            self.keep(at, text, part, false);
        }
    }

    fn mapping(
        &mut self,
        node: &Node<'_>,
        entries: &[MappingEntry<'_>],
        shape: Option<Shape>,
        context: ValueContext,
    ) {
        let (object, union) = match shape {
            Some(Shape::Object(object)) => (Some(object()), None),
            Some(Shape::Union(union)) => (case(node, union()), Some(union())),
            _ => (None, None),
        };
        // In a mapping where none is accepted, every value is treated as the value of the field.
        let is_inherited = match shape {
            Some(Shape::Secret(_)) => true,
            Some(Shape::Text(_) | Shape::Name(_)) => context.is_source || context.is_named,
            None => context.is_beside || context.is_named,
            _ => false,
        } || context.is_confidential;
        let is_beside = is_inherited
            || object.is_some_and(ObjectShape::has_secrets)
            || union.is_some_and(UnionShape::has_secrets);
        let is_near = is_beside || object.is_some_and(ObjectShape::has_sources);
        for entry in entries {
            let field = object.and_then(|object| object.field(&entry.key));
            // If the fields of several cases are written at once, each is searched with its own shape.
            let field = field.or_else(|| {
                union
                    .and_then(|union| case_of(union, &entry.key))?
                    .field(&entry.key)
            });
            let (inner, is_chosen) = match (field, shape) {
                (Some(field), _) => (Some(field.shape), false),
                (None, Some(Shape::Map(map))) => (Some(map.value), true),
                (None, _) => (None, false),
            };
            let is_hidden =
                entry.value.is_null() || (context.is_confidential && !is_misspelt(&entry.key, object));
            self.key(entry, inner.is_none() && is_hidden, is_beside);
            let is_named = match inner {
                Some(_) => !is_chosen && FIELDS.contains(&&*entry.key),
                None => names_secret(&entry.key),
            };
            let tells_source =
                |union: &UnionShape| union.has_secrets() && union.keys().any(|key| key == entry.key);
            let context = ValueContext {
                is_named,
                // Below a known field, the shape of that field decides.
                is_beside: is_beside && inner.is_none(),
                is_near,
                is_source: union.is_some_and(tells_source) || (is_named && is_path(inner)),
                is_confidential: context.is_confidential,
            };
            self.node(&entry.value, inner, context);
        }
    }

    /// Adds the secret in a key. An unknown key without a value may be a value itself: in `{ secret:VALUE }` a space
    /// is missing, in `{ VALUE }` a field. In all other keys, the user and password of a host are secret.
    fn key(&mut self, entry: &MappingEntry<'_>, is_value: bool, is_beside: bool) {
        let text = &*entry.key;
        let part = match text.split_once([':', '=']) {
            Some((name, value)) if is_value && names_secret(name.trim()) => {
                Some(text.len() - value.len()..text.len())
            }
            _ if is_value && is_beside => Some(0..text.len()),
            _ => user_info(text, false),
        };
        if let Some(part) = part {
            self.keep(entry.key_span, text, part, true);
        }
    }

    /// Adds a part of a value; the whole value if the part cannot be found in the source because of escapes.
    fn keep(&mut self, at: Span, text: &str, part: Range<usize>, is_key: bool) {
        let Some(secret) = text.get(part.clone()).filter(|secret| !secret.is_empty()) else {
            return;
        };
        let written = self
            .source
            .get(at.start as usize..(at.start.saturating_add(at.len)) as usize);
        // The span of a part is only known if the value is written without escapes. Else mask the whole value.
        let is_whole = secret.len() == text.len();
        let found = written
            .filter(|_| !is_whole)
            .and_then(|written| written.find(text));
        let span = found.and_then(|offset| {
            Some(Span {
                start: at.start.checked_add(u32::try_from(offset + part.start).ok()?)?,
                len: u32::try_from(part.len()).ok()?,
            })
        });
        self.found.push(SecretValue {
            at,
            span: span.unwrap_or(at),
            text: secret.to_owned(),
            is_key,
        });
    }
}

/// Returns true for an unknown key that is close to the name of a field, or is a single word.
fn is_misspelt(key: &str, object: Option<&'static ObjectShape>) -> bool {
    let fields = object.into_iter().flat_map(ObjectShape::fields);
    is_word(key) || closest(key, fields.map(|field| field.name)).is_some()
}

/// Returns the part of a value that is secret.
fn secret_part(
    text: &str,
    is_null: bool,
    shape: Option<Shape>,
    context: ValueContext,
) -> Option<Range<usize>> {
    if let Some(name) = quantity::reference(text) {
        // Names of variables are in capitals by convention; another text may be the secret itself.
        let is_capital = |byte: u8| !byte.is_ascii_lowercase();
        return (!name.bytes().all(is_capital)).then_some("${".len()..text.len() - "}".len());
    }
    if !text.is_empty() && !is_null && context.is_secret(text, shape) {
        return Some(0..text.len());
    }
    match shape {
        Some(Shape::Prose | Shape::Scalar | Shape::Any) => None,
        _ => user_info(text, shape.is_some_and(names_host)),
    }
}

/// Returns true for a shape that accepts only mappings or lists.
fn takes_structure(shape: Option<Shape>) -> bool {
    matches!(shape, Some(Shape::Object(_) | Shape::Map(_) | Shape::List(_)))
}

/// Returns true for a field that accepts a host, an address or a URL.
fn names_host(shape: Shape) -> bool {
    match shape {
        Shape::Text(what) | Shape::Name(what) => ["HOST", "host", "URL", "address"]
            .iter()
            .any(|word| what.contains(word)),
        Shape::Union(union) => union().case(When::Scalar).is_some_and(names_host),
        _ => false,
    }
}

/// Returns the object of the case of a union that a mapping is, if its keys tell.
fn case(node: &Node<'_>, union: &'static UnionShape) -> Option<&'static ObjectShape> {
    match union.keys().find(|key| node.field(key).is_some()) {
        Some(key) => case_of(union, key),
        None => object(union.case(When::Mapping)?),
    }
}

/// Returns the object of the case of a union with this key.
fn case_of(union: &'static UnionShape, key: &str) -> Option<&'static ObjectShape> {
    let case = union.cases.get(union.position_of(key)?)?;
    object(case.shape)
}

fn object(shape: Shape) -> Option<&'static ObjectShape> {
    match shape {
        Shape::Object(object) => Some(object()),
        _ => None,
    }
}

impl ObjectShape {
    /// Returns true if it has fields for secrets or for locations of secrets.
    fn has_secrets(&self) -> bool {
        self.fields().any(|field| match field.shape {
            Shape::Secret(_) => true,
            Shape::Text(_) | Shape::Name(_) => FIELDS.contains(&field.name),
            _ => false,
        })
    }

    /// Returns true if one of its fields is a union of locations of secrets.
    fn has_sources(&self) -> bool {
        self.fields()
            .any(|field| matches!(field.shape, Shape::Union(union) if union().has_secrets()))
    }
}

impl UnionShape {
    /// Returns true if one of its cases has fields for secrets or for locations of secrets.
    fn has_secrets(&self) -> bool {
        self.cases.iter().any(|case| match case.shape {
            Shape::Object(object) => object().has_secrets(),
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests;
