//! The paths of one host's routes as a tree of segments, walked in the order of precedence.

use std::ops::ControlFlow;

use super::RouteId;
use crate::{
    PathPattern,
    path::{Segment, Slash},
    target::decoded_bytes,
};

/// The tree. A request's path leads to each node at most once, so a walk never visits more than it holds.
#[derive(Debug, Default)]
pub(super) struct PathIndex {
    root: Node,
    /// Whether any path has a parameter, and any is `/prefix/**`: else those walks are spared.
    parameters: bool,
    below: bool,
}

/// All paths that begin with the same segments.
#[derive(Debug, Default)]
struct Node {
    /// By the decoded text of the next segment, sorted.
    literals: Vec<(Box<str>, Node)>,
    parameter: Option<Box<Node>>,
    /// The routes whose path ends here, in the order of precedence.
    here: Vec<RouteId>,
    /// The routes that take this and everything below, in the order of precedence.
    below: Vec<RouteId>,
}

/// A request's path on its way down the tree.
#[derive(Clone, Copy)]
struct Rest<'p> {
    /// The segments not yet walked, without a slash at either end.
    path: &'p str,
    /// Whether the whole path ends in a slash.
    slash: Slash,
}

impl PathIndex {
    /// Adds a route. Routes are added in the order of precedence.
    pub(super) fn insert(&mut self, pattern: &PathPattern, id: RouteId) {
        let mut node = &mut self.root;
        for segment in pattern.segments() {
            node = match segment {
                Segment::Literal(text) => node.literal_or_new(text),
                Segment::Parameter(_) => {
                    self.parameters = true;
                    node.parameter.get_or_insert_default()
                }
            };
        }
        if pattern.is_below() {
            self.below = true;
            node.below.push(id);
        } else {
            node.here.push(id);
        }
    }

    /// Shows `visitor` the routes of each place that `path` leads to, in the order of precedence, and the
    /// trailing slash that the path has.
    pub(super) fn walk(
        &self,
        path: &str,
        visitor: &mut impl FnMut(&[RouteId], Slash) -> ControlFlow<RouteId>,
    ) -> ControlFlow<RouteId> {
        // `*` leads nowhere: it is about the server and not about a path of it.
        let Some(path) = path.strip_prefix('/') else {
            return ControlFlow::Continue(());
        };
        let rest = match path.strip_suffix('/') {
            Some(path) => Rest {
                path,
                slash: Slash::With,
            },
            None => Rest {
                path,
                slash: Slash::Without,
            },
        };
        self.root.walk_literals(rest, visitor)?;
        if self.parameters {
            self.root.walk_parameters(rest, false, visitor)?;
        }
        if self.below {
            self.root.walk_below(rest, visitor)?;
        }
        ControlFlow::Continue(())
    }

    /// The groups of routes that only their slash, methods and headers can tell apart, each in the order of
    /// precedence.
    pub(super) fn rivals(&self) -> Vec<&[RouteId]> {
        let mut rivals = Vec::new();
        let mut nodes = vec![&self.root];
        while let Some(node) = nodes.pop() {
            rivals.extend(
                [&*node.here, &*node.below]
                    .into_iter()
                    .filter(|group| group.len() > 1),
            );
            nodes.extend(node.literals.iter().map(|(_, child)| child));
            nodes.extend(node.parameter.as_deref());
        }
        rivals
    }
}

impl Node {
    fn literal_or_new(&mut self, text: &str) -> &mut Self {
        let place = self
            .literals
            .binary_search_by(|(literal, _)| (**literal).cmp(text));
        let place = place.unwrap_or_else(|place| {
            self.literals.insert(place, (text.into(), Self::default()));
            place
        });
        #[expect(clippy::indexing_slicing, reason = "found or just inserted there")]
        &mut self.literals[place].1
    }

    fn literal(&self, segment: &str) -> Option<&Self> {
        // Only an escape makes a segment mean other bytes than it has.
        let place = if segment.contains('%') {
            self.literals
                .binary_search_by(|(literal, _)| literal.bytes().cmp(decoded_bytes(segment)))
        } else {
            self.literals
                .binary_search_by(|(literal, _)| (**literal).cmp(segment))
        };
        self.literals.get(place.ok()?).map(|(_, child)| child)
    }

    /// Exact paths without a parameter.
    fn walk_literals(
        &self,
        mut rest: Rest<'_>,
        visitor: &mut impl FnMut(&[RouteId], Slash) -> ControlFlow<RouteId>,
    ) -> ControlFlow<RouteId> {
        let mut node = self;
        while let Some((segment, next)) = rest.split() {
            let Some(child) = node.literal(segment) else {
                return ControlFlow::Continue(());
            };
            (node, rest) = (child, next);
        }
        visitor(&node.here, rest.slash)
    }

    /// Exact paths with a parameter; `passed` says whether one was walked on the way here.
    fn walk_parameters(
        &self,
        rest: Rest<'_>,
        passed: bool,
        visitor: &mut impl FnMut(&[RouteId], Slash) -> ControlFlow<RouteId>,
    ) -> ControlFlow<RouteId> {
        let Some((segment, next)) = rest.split() else {
            return if passed {
                visitor(&self.here, rest.slash)
            } else {
                ControlFlow::Continue(())
            };
        };
        if let Some(child) = self.literal(segment) {
            child.walk_parameters(next, passed, visitor)?;
        }
        match &self.parameter {
            Some(child) => child.walk_parameters(next, true, visitor),
            None => ControlFlow::Continue(()),
        }
    }

    /// Paths that take everything below, the deepest first.
    fn walk_below(
        &self,
        rest: Rest<'_>,
        visitor: &mut impl FnMut(&[RouteId], Slash) -> ControlFlow<RouteId>,
    ) -> ControlFlow<RouteId> {
        if let Some((segment, next)) = rest.split() {
            if let Some(child) = self.literal(segment) {
                child.walk_below(next, visitor)?;
            }
            if let Some(child) = &self.parameter {
                child.walk_below(next, visitor)?;
            }
        }
        visitor(&self.below, rest.slash)
    }
}

impl<'p> Rest<'p> {
    /// The next segment and what follows it; none at the end.
    fn split(self) -> Option<(&'p str, Self)> {
        if self.path.is_empty() {
            return None;
        }
        let (segment, path) = self.path.split_once('/').unwrap_or((self.path, ""));
        Some((segment, Self { path, ..self }))
    }
}
