//! Values of a document that are secrets, or stand where one may have been put by mistake. Reports mask them, whatever
//! they look like.
//!
//! A value is taken for a secret where its field is named like one (`secret`, `db_password`, `hash`); where its field is
//! unknown and has secrets beside it; where it should be a mapping of a secret's source, or a path or URL of one and
//! does not look like it; and where it stands beside secrets and is nothing that its field takes. Of hosts and URLs,
//! user and password are secrets. A document of tokens may be a secret as a whole, put in its place: there, a scalar is
//! taken for one where a mapping or a list should be, and so is an unknown key. Names of an operator's choice (attributes, headers, claims) say nothing.

mod harmless;
mod place;

use std::ops::Range;

use redact::{is_secret_name, user_info};

use self::harmless::is_word;
use self::place::{Place, is_path};
use crate::masked::named_values;
use crate::node::{Entry, Node, NodeKind, Span};
use crate::quantity;
use crate::shape::{Object, Shape, Union, When};
use crate::source::Source;
use crate::suggest::closest;

/// Names that belong to secrets in documents, and to other things in a log.
const NAMES: [&str; 3] = ["hash", "key", "keys"];
/// Fields of these documents that hold a secret, or say where one is.
const FIELDS: [&str; 7] = ["hash", "key", "keys", "secret", "secret_file", "token", "tokens"];

/// Longer texts in the place of a mapping or a list are masked as a whole, in bytes.
const LONGEST_TEXT: usize = 4 * 1024;

/// A value that no report shows, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SecretValue {
    /// The whole value, at which problems point.
    pub(crate) at: Span,
    /// What is masked of it.
    pub(crate) span: Span,
    /// What that says, without quotes and escapes.
    pub(crate) text: String,
    /// Set for a key: problems elsewhere may quote it.
    pub(crate) is_key: bool,
}

/// Whether a field of a document with this name holds a secret.
pub(crate) fn names_secret(name: &str) -> bool {
    NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) || is_secret_name(name)
}

/// Finds the secrets of a document of this form, which was read from `source`.
pub(crate) fn secret_values(source: &Source, root: &Node<'_>, shape: Shape) -> Vec<SecretValue> {
    let mut finder = Finder {
        source: &source.text,
        found: Vec::new(),
    };
    let place = Place {
        is_confidential: source.is_confidential(),
        ..Place::default()
    };
    finder.node(root, Some(shape), place);
    finder.found
}

struct Finder<'t> {
    source: &'t str,
    found: Vec<SecretValue>,
}

impl Finder<'_> {
    fn node(&mut self, node: &Node<'_>, shape: Option<Shape>, place: Place) {
        match &node.kind {
            NodeKind::Plain(text) | NodeKind::Quoted(text) => {
                if let Some(part) = secret_part(text, node.is_null(), shape, place) {
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
                items.iter().for_each(|one| self.node(one, item, place));
            }
            NodeKind::Mapping(entries) => self.mapping(node, entries, shape, place),
            NodeKind::Refused => {}
        }
    }

    /// Notes the named values of a text in the place of a mapping: lines of `NAME = VALUE` are one text in YAML.
    fn lines(&mut self, at: Span, text: &str) {
        if text.len() > LONGEST_TEXT {
            return self.keep(at, text, 0..text.len(), false);
        }
        for part in named_values(text) {
            self.keep(at, text, part, false);
        }
    }

    fn mapping(&mut self, node: &Node<'_>, entries: &[Entry<'_>], shape: Option<Shape>, place: Place) {
        let (object, union) = match shape {
            Some(Shape::Object(object)) => (Some(object()), None),
            Some(Shape::Union(union)) => (case(node, union()), Some(union())),
            _ => (None, None),
        };
        // Beneath what takes no mapping, everything is as secret as the value would be.
        let is_inherited = match shape {
            Some(Shape::Secret) => true,
            Some(Shape::Text(_) | Shape::Name(_)) => place.is_source || place.is_named,
            None => place.is_beside || place.is_named,
            _ => false,
        } || place.is_confidential;
        let is_beside =
            is_inherited || object.is_some_and(Object::has_secrets) || union.is_some_and(Union::has_secrets);
        let is_near = is_beside || object.is_some_and(Object::has_sources);
        for entry in entries {
            let field = object.and_then(|object| object.field(&entry.key));
            // Of several cases that are written at once, each has its field.
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
                entry.value.is_null() || (place.is_confidential && !is_misspelt(&entry.key, object));
            self.key(entry, inner.is_none() && is_hidden, is_beside);
            let is_named = match inner {
                Some(_) => !is_chosen && FIELDS.contains(&&*entry.key),
                None => names_secret(&entry.key),
            };
            let tells_source =
                |union: &Union| union.has_secrets() && union.keys().any(|key| key == entry.key);
            let place = Place {
                is_named,
                // Beneath a field that is known, it depends on what is there.
                is_beside: is_beside && inner.is_none(),
                is_near,
                is_source: union.is_some_and(tells_source) || (is_named && is_path(inner)),
                is_confidential: place.is_confidential,
            };
            self.node(&entry.value, inner, place);
        }
    }

    /// Notes the secret in a key. One that is unknown and has no value may be a value: `{ secret:VALUE }` lacks a space,
    /// `{ VALUE }` a field. In any other, user and password of a host are secret.
    fn key(&mut self, entry: &Entry<'_>, is_value: bool, is_beside: bool) {
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

    /// Notes a part of a value; all of it where that can't be found in the source because of escapes.
    fn keep(&mut self, at: Span, text: &str, part: Range<usize>, is_key: bool) {
        let Some(secret) = text.get(part.clone()).filter(|secret| !secret.is_empty()) else {
            return;
        };
        let written = self
            .source
            .get(at.start as usize..(at.start.saturating_add(at.len)) as usize);
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

/// Returns true for an unknown key that was meant as a field, or is one word.
fn is_misspelt(key: &str, object: Option<&'static Object>) -> bool {
    let fields = object.into_iter().flat_map(Object::fields);
    is_word(key) || closest(key, fields.map(|field| field.name)).is_some()
}

/// The part of a value that is secret.
fn secret_part(text: &str, is_null: bool, shape: Option<Shape>, place: Place) -> Option<Range<usize>> {
    if let Some(name) = quantity::reference(text) {
        // A variable is named in capitals, by habit; anything else may be the secret itself.
        let is_capital = |byte: u8| !byte.is_ascii_lowercase();
        return (!name.bytes().all(is_capital)).then_some("${".len()..text.len() - "}".len());
    }
    if !text.is_empty() && !is_null && place.is_secret(text, shape) {
        return Some(0..text.len());
    }
    match shape {
        Some(Shape::Prose | Shape::Scalar | Shape::Any) => None,
        _ => user_info(text, shape.is_some_and(names_host)),
    }
}

/// Returns true where no text is taken, but a mapping or a list.
fn takes_structure(shape: Option<Shape>) -> bool {
    matches!(shape, Some(Shape::Object(_) | Shape::Map(_) | Shape::List(_)))
}

/// Whether a field takes a host, an address or a URL.
fn names_host(shape: Shape) -> bool {
    match shape {
        Shape::Text(what) | Shape::Name(what) => ["HOST", "host", "URL", "address"]
            .iter()
            .any(|word| what.contains(word)),
        Shape::Union(union) => union().case(When::Scalar).is_some_and(names_host),
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
    let case = union.cases.get(union.position_of(key)?)?;
    object(case.shape)
}

fn object(shape: Shape) -> Option<&'static Object> {
    match shape {
        Shape::Object(object) => Some(object()),
        _ => None,
    }
}

impl Object {
    /// Whether it has fields for secrets, or for where they are.
    fn has_secrets(&self) -> bool {
        self.fields().any(|field| match field.shape {
            Shape::Secret => true,
            Shape::Text(_) | Shape::Name(_) => FIELDS.contains(&field.name),
            _ => false,
        })
    }

    /// Whether a field of it says where secrets are.
    fn has_sources(&self) -> bool {
        self.fields()
            .any(|field| matches!(field.shape, Shape::Union(union) if union().has_secrets()))
    }
}

impl Union {
    /// Whether one of its cases has.
    fn has_secrets(&self) -> bool {
        self.cases.iter().any(|case| match case.shape {
            Shape::Object(object) => object().has_secrets(),
            _ => false,
        })
    }
}
