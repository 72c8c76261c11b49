//! The routes by what an upstream may take their paths for: a request whose path can be read in several ways is
//! looked up here, once for each reading. An upstream reads the paths of its own routes in the same ways as those
//! of requests, so both are.

use std::ops::ControlFlow;

use super::host_index::HostIndex;
use super::path_index::PathStep;
use super::route_match::{RequestHead, RouteId, RouteMatch};
use crate::path::{PathPattern, PathSegment};
use crate::request_target::step::{self, Decoder};
use crate::request_target::{Read, Reads, TooManyReadings, is_plain, readings};

/// Stands for a parameter in the path of a route: no pattern has a control character.
const PARAMETER: &[u8] = b"\x01";

/// The index for one set of readings.
#[derive(Debug)]
pub(super) struct ReadingIndex {
    pub(super) reads: Reads,
    /// By what a server takes their paths for that minds the case.
    minding_case: HostIndex<IndexedRoute>,
    /// By the same, folded; empty where nobody folds.
    folded: HostIndex<IndexedRoute>,
    /// Whether a route's path has another reading than itself: then a plain path may fall on it, too.
    odd: bool,
}

/// A route at one of the paths that its own can be taken for.
#[derive(Debug, Clone, Copy)]
struct IndexedRoute {
    id: RouteId,
    place: PathOrigin,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PathOrigin {
    /// Its own. What comes after it in precedence is not asked.
    Own,
    /// Another. A server that doesn't read so asks on.
    Alias,
}

impl ReadingIndex {
    /// Indexes routes, given in the order of precedence.
    pub(super) fn build<'r>(reads: Reads, order: impl Iterator<Item = (RouteId, &'r RouteMatch)>) -> Self {
        let mut index = Self {
            reads,
            minding_case: HostIndex::default(),
            folded: HostIndex::default(),
            odd: false,
        };
        for (id, route) in order {
            index.add(id, route);
        }
        index
    }

    fn add(&mut self, id: RouteId, route: &RouteMatch) {
        let template = template(&route.path);
        let plain = step::decode(&template, Decoder::Segments).unwrap_or_else(|| template.clone());
        // A route for `/users.json` is one for that format: `/users` is no alias of it.
        let reads = self.reads.without(Read::Suffix);
        // A path of so many readings has at least its own.
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
            self.odd |= place == PathOrigin::Alias;
            if place == PathOrigin::Alias && !is_resolved(&path) {
                continue;
            }
            let entry = IndexedRoute { id, place };
            let is_below = route.path.is_below();
            let paths = self.minding_case.paths_of(&route.host);
            paths.insert(steps(&path), is_below, entry);
            if self.reads.contains(Read::Fold) {
                let folded = step::fold(path.clone());
                self.odd |= folded != path;
                let paths = self.folded.paths_of(&route.host);
                paths.insert(steps(&folded), is_below, entry);
            }
        }
    }

    /// Every route that the request falls on by a reading of its path in these ways, which are those of the index or
    /// all of them but the suffix; for most requests none, because their path has no reading but itself.
    pub(super) fn find(
        &self,
        routes: &[RouteMatch],
        head: &impl RequestHead,
        reads: Reads,
    ) -> Result<Vec<RouteId>, TooManyReadings> {
        let mut found = Vec::new();
        let path = head.path();
        if is_plain(path, reads) {
            if self.odd {
                self.collect(routes, head, path.as_bytes().to_vec(), &mut found);
            }
            return Ok(found);
        }
        for path in readings(path.as_bytes(), reads)? {
            self.collect(routes, head, path, &mut found);
        }
        Ok(found)
    }

    /// Adds the routes that `path` falls on, with its case minded and not.
    fn collect(
        &self,
        routes: &[RouteMatch],
        head: &impl RequestHead,
        path: Vec<u8>,
        found: &mut Vec<RouteId>,
    ) {
        collect(&self.minding_case, routes, head, &path, found);
        if self.reads.contains(Read::Fold) {
            collect(&self.folded, routes, head, &step::fold(path), found);
        }
    }
}

/// Adds the routes that `path` falls on: the first by precedence, and beside it those that only the reading
/// makes the same.
fn collect(
    hosts: &HostIndex<IndexedRoute>,
    routes: &[RouteMatch],
    head: &impl RequestHead,
    path: &[u8],
    found: &mut Vec<RouteId>,
) {
    let _ = hosts.walk(head.host(), &mut |paths| {
        paths.walk_plain(path, &mut |entries, slash| {
            let mut here: Vec<&str> = Vec::new();
            let mut flow = ControlFlow::Continue(());
            for entry in entries {
                let Some(route) = routes.get(entry.id.index()) else {
                    continue;
                };
                // Of routes of the very same path the first takes the request.
                let takes = !here.contains(&route.path.as_str())
                    && route.path.slash(route.trailing_slash).covers(slash)
                    && route.takes(head);
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

/// The path of a route as if it were a request's, without a slash at its end.
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

/// Whether a path is one that requests may have in the end.
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
