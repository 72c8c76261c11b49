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
    /// True if any path has a parameter, and below if any is `/prefix/**`. Otherwise these walks are skipped.
    parameters: bool,
    below: bool,
}

/// All paths that begin with the same segments.
#[derive(Debug)]
struct PathNode<E> {
    /// By the decoded text of the next segment, sorted.
    literals: Vec<(Box<[u8]>, PathNode<E>)>,
    parameter: Option<Box<PathNode<E>>>,
    /// The routes whose path ends at this node, in the order of precedence.
    here: Vec<E>,
    /// The routes that match this node and everything below, in the order of precedence.
    below: Vec<E>,
}

/// The condition on one segment of an indexed path.
pub(super) enum PathStep<'p> {
    Literal(&'p [u8]),
    Parameter,
}

/// The encoding of looked-up paths.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Escaping {
    /// With escapes.
    Escaped,
    /// Decoded.
    Plain,
}

/// A request's path on its way down the tree.
#[derive(Clone, Copy)]
struct RemainingPath<'p> {
    /// The remaining segments without a slash at either end; `None` at the end. The last segment of a reading
    /// may be empty, which is a segment as well.
    path: Option<&'p [u8]>,
    spelling: Escaping,
    /// The trailing slash of the whole path.
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

    /// Calls `visitor` for the routes of each node that the normalised `path` matches, in the order of
    /// precedence, with the trailing slash of the path.
    pub(super) fn walk<B>(
        &self,
        path: &str,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.walk_spelled(path.as_bytes(), Escaping::Escaped, visitor)
    }

    /// Walks like [`PathIndex::walk`], for a decoded path.
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
        // The order of these walks is that of `Specificity`: exact, with parameters, with `/**`.
        self.root.walk_literals(rest, visitor)?;
        if self.parameters {
            self.root.walk_parameters(rest, false, visitor)?;
        }
        if self.below {
            self.root.walk_below(rest, visitor)?;
        }
        ControlFlow::Continue(())
    }

    /// Returns the groups of routes that differ only by slash, methods and headers, each in the order of
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

    /// Visits exact paths without a parameter.
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

    /// Visits exact paths with a parameter; `passed` is true if the walk has passed one.
    fn walk_parameters<B>(
        &self,
        rest: RemainingPath<'_>,
        passed: bool,
        visitor: &mut impl FnMut(&[E], Slash) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        // Without a parameter on the way, the path is exact, and `walk_literals` has visited this node.
        let Some((segment, next)) = rest.split() else {
            return if passed {
                visitor(&self.here, rest.slash)
            } else {
                ControlFlow::Continue(())
            };
        };
        // A literal comes before a parameter in each segment, from the left.
        if let Some(child) = self.literal(segment, rest.spelling) {
            child.walk_parameters(next, passed, visitor)?;
        }
        match &self.parameter {
            Some(child) => child.walk_parameters(next, true, visitor),
            None => ControlFlow::Continue(()),
        }
    }

    /// Visits paths that match everything below, the deepest first.
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
    /// Splits off the next segment; `None` at the end.
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
