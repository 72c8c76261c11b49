//! From what documents say to definitions, one file per noun. The forms have reported what is wrong with single values;
//! here it is what they mean together. A part that has a problem is none, so that no problem reads as a default, and
//! the rest is still checked.

pub(crate) mod action;
pub(crate) mod certificates;
pub(crate) mod flags;
pub(crate) mod gateway;
pub(crate) mod headers;
pub(crate) mod issuers;
pub(crate) mod listeners;
pub(crate) mod operators;
pub(crate) mod proxies;
pub(crate) mod routes;
pub(crate) mod settings;
pub(crate) mod signature;
pub(crate) mod upstreams;

use crate::node::Node;
use crate::source::Source;

/// A document and the text it was read from.
#[derive(Debug)]
pub(crate) struct Document<'s> {
    pub(crate) source: &'s Source,
    pub(crate) root: Node<'s>,
}
