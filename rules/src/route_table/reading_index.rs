//! An index of routes by the readings of their paths. A request with an ambiguous path is looked up here,
//! once for each of its readings. Upstreams read the paths of their own routes in the same ways, so the index
//! holds all readings of those.

use std::ops::ControlFlow;

use super::host_index::HostIndex;
use super::path_index::PathStep;
use super::route_match::{RequestHead, RouteId, RouteMatch};
use crate::path::{PathPattern, PathSegment};
use crate::request_target::step::{self, Decoder};
use crate::request_target::{Read, Reads, TooManyReadings, is_plain, readings};

/// The segment for a parameter in a route's path. No pattern has a control character.
const PARAMETER: &[u8] = b"\x01";

/// The index for one set of readings.
#[derive(Debug)]
pub(super) struct ReadingIndex {
    pub(super) reads: Reads,
    /// Routes by the readings of their paths, with case.
    case_sensitive: HostIndex<IndexedRoute>,
    /// Routes by the folded readings of their paths; empty if `reads` does not fold.
    folded: HostIndex<IndexedRoute>,
    /// True if a route's path has another reading. Then plain paths must be looked up as well.
    has_aliases: bool,
}

/// A route at one of the paths that its own can be taken for.
#[derive(Debug, Clone, Copy)]
struct IndexedRoute {
    id: RouteId,
    place: PathOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathOrigin {
    /// The route's own path. A match ends the search, because routes after it have a lower precedence.
    Own,
    /// Another reading of its path. A match does not end the search, because another server may not read it
    /// so.
    Alias,
}

impl ReadingIndex {
    /// Indexes routes, given in the order of precedence.
    pub(super) fn build<'r>(reads: Reads, order: impl Iterator<Item = (RouteId, &'r RouteMatch)>) -> Self {
        let mut index = Self {
            reads,
            case_sensitive: HostIndex::default(),
            folded: HostIndex::default(),
            has_aliases: false,
        };
        for (id, route) in order {
            index.add(id, route);
        }
        index
    }

    fn add(&mut self, id: RouteId, route: &RouteMatch) {
        let template = template(&route.path);
        // The path as `readings` returns it for a plain reading: each segment decoded, an encoded slash kept
        // within its segment.
        let plain = step::decode(&template, Decoder::Segments).unwrap_or_else(|| template.clone());
        // A route for `/users.json` is one for that format: `/users` is no alias of it.
        let reads = self.reads.without(Read::Suffix);
        // With too many readings, the route is indexed by its own path only.
        let mut paths = readings(&template, reads).unwrap_or_default();
        if !paths.contains(&plain) {
            paths.push(plain.clone());
        }
        for path in paths {
            let place = if path == plain {
                PathOrigin::Own
            } else {
                PathOrigin::Alias
            };
            self.has_aliases |= place == PathOrigin::Alias;
            // A server has resolved a request's path when it looks for its route: unresolved aliases match
            // nothing.
            if place == PathOrigin::Alias && !is_resolved(&path) {
                continue;
            }
            let entry = IndexedRoute { id, place };
            let is_below = route.path.is_below();
            let paths = self.case_sensitive.paths_of(&route.host);
            paths.insert(steps(&path), is_below, entry);
            // Kept in a second index, because a server that respects case must not match folded paths.
            if self.reads.contains(Read::Fold) {
                let folded = step::fold(path.clone());
                self.has_aliases |= folded != path;
                let paths = self.folded.paths_of(&route.host);
                paths.insert(steps(&folded), is_below, entry);
            }
        }
    }

    /// Returns every route that the request matches by these readings, which are those of the index, or all
    /// of them except the suffix. Most requests have no other reading, and the result is empty.
    pub(super) fn find(
        &self,
        routes: &[RouteMatch],
        head: &impl RequestHead,
        reads: Reads,
    ) -> Result<Vec<RouteId>, TooManyReadings> {
        let mut found = Vec::new();
        let path = head.path();
        if is_plain(path, reads) {
            // A plain path matches other routes only if some route has another reading.
            if self.has_aliases {
                self.collect(routes, head, path.as_bytes().to_vec(), &mut found);
            }
            return Ok(found);
        }
        for path in readings(path.as_bytes(), reads)? {
            self.collect(routes, head, path, &mut found);
        }
        Ok(found)
    }

    /// Adds the routes that match `path`, with and without its case.
    fn collect(
        &self,
        routes: &[RouteMatch],
        head: &impl RequestHead,
        path: Vec<u8>,
        found: &mut Vec<RouteId>,
    ) {
        collect(&self.case_sensitive, routes, head, &path, found);
        if self.reads.contains(Read::Fold) {
            collect(&self.folded, routes, head, &step::fold(path), found);
        }
    }
}

/// Adds the routes that `path` matches: the first by precedence, and those that only this reading makes equal
/// to it.
fn collect(
    hosts: &HostIndex<IndexedRoute>,
    routes: &[RouteMatch],
    head: &impl RequestHead,
    path: &[u8],
    found: &mut Vec<RouteId>,
) {
    // Walks every host and path index until a route's own path matches: routes after it have a lower
    // precedence for a server with this reading.
    let _ = hosts.walk(head.host(), &mut |paths| {
        paths.walk_plain(path, &mut |entries, slash| {
            let mut here: Vec<&str> = Vec::new();
            let mut flow = ControlFlow::Continue(());
            for entry in entries {
                let Some(route) = routes.get(entry.id.index()) else {
                    continue;
                };
                // Of several routes with the same path, only the first can get the request.
                let takes = !here.contains(&route.path.as_str())
                    && route.path.slash(route.trailing_slash).covers(slash)
                    && route.is_match(head);
                if !takes {
                    continue;
                }
                here.push(route.path.as_str());
                if !found.contains(&entry.id) {
                    found.push(entry.id);
                }
                if entry.place == PathOrigin::Own {
                    flow = ControlFlow::Break(());
                }
            }
            flow
        })
    });
}

/// Returns the path of a route in the form of a request's path, without a trailing slash.
fn template(pattern: &PathPattern) -> Vec<u8> {
    let mut path = Vec::with_capacity(pattern.as_str().len());
    let texts = pattern.as_str().split('/').skip(1);
    for (segment, text) in pattern.segments().iter().zip(texts) {
        path.push(b'/');
        match segment {
            PathSegment::Literal(_) => path.extend_from_slice(text.as_bytes()),
            PathSegment::Parameter(_) => path.extend_from_slice(PARAMETER),
        }
    }
    if path.is_empty() {
        path.push(b'/');
    }
    path
}

/// Returns true if a path has no dot segments and no inner empty ones, like a fully resolved request path.
fn is_resolved(path: &[u8]) -> bool {
    let inner = path.strip_suffix(b"/").unwrap_or(path);
    let mut segments = inner.split(|&byte| byte == b'/').skip(1);
    segments.all(|segment| !matches!(segment, b"" | b"." | b".."))
}

fn steps(path: &[u8]) -> impl Iterator<Item = PathStep<'_>> {
    let inner = path.strip_suffix(b"/").unwrap_or(path);
    let segments = inner.split(|&byte| byte == b'/').skip(1);
    segments.map(|segment| match segment {
        PARAMETER => PathStep::Parameter,
        literal => PathStep::Literal(literal),
    })
}
