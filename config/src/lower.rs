//! From nodes to definitions, one file per noun. The validator has reported what is of the wrong shape;
//! here that is left out without a word, so that the rest can still be judged.

pub(crate) mod action;
pub(crate) mod certificates;
pub(crate) mod flags;
pub(crate) mod gate;
pub(crate) mod gateway;
pub(crate) mod headers;
pub(crate) mod issuers;
pub(crate) mod limits;
pub(crate) mod listeners;
pub(crate) mod operators;
pub(crate) mod process_limits;
pub(crate) mod proxies;
pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod signature;
pub(crate) mod upstreams;

use std::borrow::Cow;

use rules::{Name, Sited};

use crate::node::{Node, Scalar, Span};
use crate::source::Source;

/// A document and the text it was read from.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    pub(crate) source: &'s Source,
    pub(crate) root: Node<'s>,
}

/// Turns nodes of one source into what `rules` knows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lower<'s> {
    pub(crate) source: &'s Source,
}

impl<'s> Lower<'s> {
    fn sited<T>(self, value: T, span: Span) -> Sited<T> {
        Sited::new(value, self.source.site(span.start))
    }

    /// A text.
    fn name(self, node: &Node<'s>) -> Option<Name<'s>> {
        Some(self.sited(node.text()?.clone(), node.span))
    }

    /// The name of a variant, or a boolean in its place.
    fn variant(self, node: &Node<'s>) -> Option<Name<'s>> {
        let name = match node.scalar()? {
            Scalar::Boolean(true) => Cow::Borrowed("true"),
            Scalar::Boolean(false) => Cow::Borrowed("false"),
            Scalar::Text(_) => node.raw()?.clone(),
            _ => return None,
        };
        Some(self.sited(name, node.span))
    }

    /// Every text of a list.
    fn names(self, node: Option<&Node<'s>>) -> Vec<Name<'s>> {
        node.and_then(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|item| self.name(item))
            .collect()
    }
}
