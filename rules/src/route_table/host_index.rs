//! The path indices of hosts, visited in the order of precedence.

use std::{collections::HashMap, ops::ControlFlow};

use super::path_index::PathIndex;
use crate::HostPattern;

/// One path index for each host.
#[derive(Debug)]
pub(super) struct HostIndex<E> {
    exact: HashMap<Box<str>, PathIndex<E>>,
    wildcards: HashMap<Box<str>, PathIndex<E>>,
    any: PathIndex<E>,
}

impl<E> Default for HostIndex<E> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            wildcards: HashMap::new(),
            any: PathIndex::default(),
        }
    }
}

impl<E> HostIndex<E> {
    /// Returns the path index of this host, for insertions.
    pub(super) fn paths_of(&mut self, host: &HostPattern) -> &mut PathIndex<E> {
        match host {
            HostPattern::Exact(name) => self.exact.entry(name.clone()).or_default(),
            HostPattern::Wildcard(suffix) => self.wildcards.entry(suffix.clone()).or_default(),
            HostPattern::Any => &mut self.any,
        }
    }

    /// Returns true if every path belongs to any host.
    pub(super) fn is_any(&self) -> bool {
        self.exact.is_empty() && self.wildcards.is_empty()
    }

    /// Returns all path indices.
    pub(super) fn all(&self) -> impl Iterator<Item = &PathIndex<E>> {
        let named = self.exact.values().chain(self.wildcards.values());
        named.chain([&self.any])
    }

    /// Calls `visitor` for the path indices that `host` matches, in the order of precedence, until it breaks.
    pub(super) fn walk<B>(
        &self,
        host: &str,
        visitor: &mut impl FnMut(&PathIndex<E>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some(index) = self.exact.get(host) {
            visitor(index)?;
        }
        // Suffixes from the longest to the shortest, which is the order of precedence.
        let mut rest = host;
        while !self.wildcards.is_empty()
            && let Some((label, suffix)) = rest.split_once('.')
        {
            if let Some(index) = self.wildcards.get(suffix)
                && !label.is_empty()
            {
                visitor(index)?;
            }
            rest = suffix;
        }
        visitor(&self.any)
    }
}
