//! Lowers the fields of documents to definitions, one file per noun. The forms have checked single values; this
//! checks them together. A part with a problem becomes none, not its default, and the rest is still checked, so that
//! all problems are reported at once.

pub(crate) mod action;
pub(crate) mod attribute_types;
pub(crate) mod certificates;
pub(crate) mod flags;
pub(crate) mod gateway;
pub(crate) mod headers;
pub(crate) mod issuers;
pub(crate) mod listeners;
pub(crate) mod notify;
pub(crate) mod operators;
pub(crate) mod plan;
pub(crate) mod proxies;
pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod signature;
mod traces;
pub(crate) mod upstreams;

use crate::node::Node;
use crate::source::Source;

/// A parsed document, with the text that it was read from.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    pub(crate) source: &'s Source,
    pub(crate) root: Node<'s>,
}
