//! The paths of one host's routes as a tree of segments, walked in the order of precedence.

use std::ops::ControlFlow;

use crate::{
    path::{PathSegment, Slash},
    request_target::decoded_bytes,
};

/// The tree. A request's path leads to each node at most once, so a walk never visits more than it holds.
#[derive(Debug)]
pub(super) struct PathIndex<E> {
    root: PathNode<E>,
    /// Whether any path has a parameter, and any is `/prefix/**`: else those walks are spared.
    parameters: bool,
    below: bool,
}

/// All paths that begin with the same segments.
#[derive(Debug)]
struct PathNode<E> {
    /// By the decoded text of the next segment, sorted.
    literals: Vec<(Box<[u8]>, PathNode<E>)>,
    parameter: Option<Box<PathNode<E>>>,
    /// The routes whose path ends here, in the order of precedence.
    here: Vec<E>,
    /// The routes that take this and everything below, in the order of precedence.
    below: Vec<E>,
}

/// What one segment of an indexed path has to be.
pub(super) enum PathStep<'p> {
    Literal(&'p [u8]),
    Parameter,
}

/// How the paths that are looked up are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escaping {
    /// With escapes.
    Escaped,
    /// As they are meant.
    Plain,
}

/// A request's path on its way down the tree.
#[derive(Clone, Copy)]
struct RemainingPath<'p> {
    /// The segments not yet walked, without a slash at either end; none at the end. A reading may have an empty
    /// one last, which is one all the same.
    path: Option<&'p [u8]>,
    spelling: Escaping,
    /// Whether the whole path ends in a slash.
    slash: Slash,
}

impl<E> Default for PathIndex<E> {
    fn default() -> Self {
        Self {
            root: PathNode::default(),
            parameters: false,
            below: false,
        }
    }
}

impl<E> Default for PathNode<E> {
    fn default() -> Self {
        Self {
            literals: Vec::new(),
            parameter: None,
            here: Vec::new(),
            below: Vec::new(),
        }
    }
}

impl<'p> From<&'p PathSegment> for PathStep<'p> {
    fn from(segment: &'p PathSegment) -> Self {
        match segment {
            PathSegment::Literal(text) => Self::Literal(text.as_bytes()),
            PathSegment::Parameter(_) => Self::Parameter,
        }
    }
}

impl<E> PathIndex<E> {
    /// Adds a route. Routes are added in the order of precedence.
    pub(super) fn insert<'p>(&mut self, path: impl Iterator<Item = PathStep<'p>>, is_below: bool, entry: E) {
        let mut node = &mut self.root;
        for step in path {
            node = match step {
                PathStep::Literal(text) => node.literal_or_new(text),
                PathStep::Parameter => {
                    self.parameters = true;
                    node.parameter.get_or_insert_default()
                }
            };
        }
        if is_below {
            self.below = true;
            node.below.push(entry);
        } else {
            node.here.push(entry);
        }
    }

    /// Shows `visitor` the routes of each place that the normalised `path` leads to, in the order of precedence,
    /// and the trailing slash that the path has.
    pub(super) fn walk<B>(
        &self,
        path: &str,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk_spelled(path.as_bytes(), Escaping::Escaped, visitor)
    }

    /// The same for a path that was decoded.
    pub(super) fn walk_plain<B>(
        &self,
        path: &[u8],
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk_spelled(path, Escaping::Plain, visitor)
    }

    fn walk_spelled<B>(
        &self,
        path: &[u8],
        spelling: Escaping,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // `*` leads nowhere: it is about the server and not about a path of it.
        let Some(path) = path.strip_prefix(b"/") else {
            return ControlFlow::Continue(());
        };
        let (path, slash) = match path.strip_suffix(b"/") {
            Some(path) => (path, Slash::With),
            None => (path, Slash::Without),
        };
        let rest = RemainingPath {
            path: (!path.is_empty()).then_some(path),
            spelling,
            slash,
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
    pub(super) fn rivals(&self) -> Vec<&[E]> {
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

impl<E> PathNode<E> {
    fn literal_or_new(&mut self, text: &[u8]) -> &mut Self {
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

    fn literal(&self, segment: &[u8], spelling: Escaping) -> Option<&Self> {
        // Only an escape makes a segment mean other bytes than it has.
        let place = if spelling == Escaping::Escaped && segment.contains(&b'%') {
            self.literals
                .binary_search_by(|(literal, _)| literal.iter().copied().cmp(decoded_bytes(segment)))
        } else {
            self.literals
                .binary_search_by(|(literal, _)| (**literal).cmp(segment))
        };
        self.literals.get(place.ok()?).map(|(_, child)| child)
    }

    /// Exact paths without a parameter.
    fn walk_literals<B>(
        &self,
        mut rest: RemainingPath<'_>,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut node = self;
        while let Some((segment, next)) = rest.split() {
            let Some(child) = node.literal(segment, rest.spelling) else {
                return ControlFlow::Continue(());
            };
            (node, rest) = (child, next);
        }
        visitor(&node.here, rest.slash)
    }

    /// Exact paths with a parameter; `passed` says whether one was walked on the way here.
    fn walk_parameters<B>(
        &self,
        rest: RemainingPath<'_>,
        passed: bool,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let Some((segment, next)) = rest.split() else {
            return if passed {
                visitor(&self.here, rest.slash)
            } else {
                ControlFlow::Continue(())
            };
        };
        if let Some(child) = self.literal(segment, rest.spelling) {
            child.walk_parameters(next, passed, visitor)?;
        }
        match &self.parameter {
            Some(child) => child.walk_parameters(next, true, visitor),
            None => ControlFlow::Continue(()),
        }
    }

    /// Paths that take everything below, the deepest first.
    fn walk_below<B>(
        &self,
        rest: RemainingPath<'_>,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        if let Some((segment, next)) = rest.split() {
            if let Some(child) = self.literal(segment, rest.spelling) {
                child.walk_below(next, visitor)?;
            }
            if let Some(child) = &self.parameter {
                child.walk_below(next, visitor)?;
            }
        }
        visitor(&self.below, rest.slash)
    }
}

impl<'p> RemainingPath<'p> {
    /// The next segment and what follows it; none at the end.
    fn split(self) -> Option<(&'p [u8], Self)> {
        let rest = self.path?;
        let end = rest.iter().position(|&byte| byte == b'/');
        let (segment, path) = match end.and_then(|end| rest.split_at_checked(end)) {
            Some((segment, path)) => (segment, path.get(1..)),
            None => (rest, None),
        };
        Some((segment, Self { path, ..self }))
    }
}
