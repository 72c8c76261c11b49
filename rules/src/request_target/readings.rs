//! The readings of a path: all paths that an upstream may take a forwarded one for, by any sequence of the
//! steps that its `reads` allow. `route_table` finds the routes that they match.
//!
//! The invariant for tests: let `path` be a result of [`normalise`](super::normalise). Let a server apply any
//! sequence of the steps below that `reads` allows. It decodes at most [`MAX_DECODES`] times or until nothing
//! changes, and resolves dot segments and slashes at any point. Then the path that the server serves is among
//! [`readings`], or there are too many, which is refused. If the server folds case, both are compared folded.

use std::collections::{HashMap, HashSet};

use super::step::{self, Decoder};
use super::{Read, Reads, suffix};

/// The most single decodings of a path, besides decoding until nothing changes. Every server does the first.
pub const MAX_DECODES: u8 = 3;
/// The most readings of one path, and the most bytes of all readings. Legitimate requests stay far below.
pub const MAX_READINGS: usize = 1_024;
const MAX_READING_BYTES: usize = 256 * 1024;
/// The most readings of a path that is read without looking for more: itself, and without each of its suffixes.
const MAX_NAMES: usize = 8;

/// A path with more than [`MAX_READINGS`] readings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path has at most {MAX_READINGS} readings")]
pub struct TooManyReadings;

/// A path on its way through a server.
struct PartialReading {
    path: Vec<u8>,
    /// The number of decodings so far, at most [`MAX_DECODES`]. A path without escapes counts as fully
    /// decoded.
    decodes: u8,
}

/// Returns true if the normalised `path` is its only reading. Scans its bytes once.
#[must_use]
pub fn is_plain(path: &str, reads: Reads) -> bool {
    let bytes = path.as_bytes();
    if reads == Reads::EXACT {
        // Only encoded slashes can remain encoded, and exact readers decode them, too.
        return !path.contains("%2F");
    }
    let (fold, params, trailing, formats) = (
        reads.contains(Read::Fold),
        reads.contains(Read::Params),
        reads.contains(Read::Trailing),
        reads.contains(Read::Suffix),
    );
    let mut rest = bytes.iter();
    while let Some(byte) = rest.next() {
        let odd = match byte {
            b'%' => true,
            b'A'..=b'Z' => fold,
            b';' => params,
            // A dot matters only at the end of a segment or before a format; most dots of real paths are
            // neither.
            b'.' => {
                let after = rest.as_slice();
                trailing && matches!(after.first(), None | Some(b'/')) || formats && suffix::is_format(after)
            }
            b':' => trailing && rest.as_slice().contains(&b'$'),
            _ => false,
        };
        if odd {
            return false;
        }
    }
    true
}

/// Returns every path that the normalised `path` may be taken for, itself included, decoded and with its case
/// unchanged. A slash within a segment is represented by the byte 0xFF, which does not occur in UTF-8.
///
/// # Errors
/// The path has too many readings.
pub fn readings(path: &[u8], reads: Reads) -> Result<Vec<Vec<u8>>, TooManyReadings> {
    // The common case is tried first: it costs a tenth of the search below.
    if let Some(names) = names(path, reads) {
        return Ok(names);
    }
    let mut readings = Readings {
        reads,
        stages: Vec::new(),
        known: HashMap::new(),
        bytes: 0,
    };
    // A breadth-first search over the steps. It ends because every step shortens the path or uses up a
    // decoding.
    readings.add(path.to_vec(), 0)?;
    let mut next = 0;
    while let Some(stage) = readings.stages.get(next) {
        // Taken out, because what follows from it is added beside it.
        let stage = PartialReading {
            path: stage.path.clone(),
            decodes: stage.decodes,
        };
        readings.follow(&stage)?;
        next += 1;
    }
    Ok(readings.into_paths())
}

/// Returns the readings of a path that has none but itself and what its format suffixes leave; none if there may be
/// more. Most files of a site have such paths: looking for more would cost them ten times as much.
fn names(path: &[u8], reads: Reads) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(path).ok()?;
    if !reads.contains(Read::Suffix) || text.contains('%') || !is_plain(text, reads.without(Read::Suffix)) {
        return None;
    }
    let mut names = vec![path.to_vec()];
    while let Some(name) = suffix::cut(names.last()?) {
        // A cut can reveal only these: `/a/...x` leaves a dot segment, `/a/.x/` an empty one, `/a..x` a dot.
        let segment = name.strip_suffix(b"/").unwrap_or(&name);
        if names.len() == MAX_NAMES || matches!(segment.last(), None | Some(b'.' | b'/')) {
            return None;
        }
        names.push(name);
    }
    Some(names)
}

struct Readings {
    reads: Reads,
    stages: Vec<PartialReading>,
    /// The least number of decodings by which each path was reached. Paths that were never decoded have
    /// entries of their own, because they have another meaning.
    known: HashMap<(Vec<u8>, bool), u8>,
    bytes: usize,
}

impl Readings {
    /// Adds every path that one step more makes of `stage`.
    fn follow(&mut self, stage: &PartialReading) -> Result<(), TooManyReadings> {
        let PartialReading { path, decodes } = stage;
        let decodes = *decodes;
        // Servers differ about the order of merging slashes and resolving dots, so each is a step of its own.
        for resolve in [step::merge, step::resolve] {
            self.add_some(resolve(path), decodes)?;
        }
        if self.reads.contains(Read::Params) {
            self.add_some(step::drop_params(path), decodes)?;
            self.add_some(step::cut_at(path, b";"), decodes)?;
        }
        if self.reads.contains(Read::Backslash) {
            self.add_some(step::turn_backslashes(path), decodes)?;
        }
        if self.reads.contains(Read::Unicode) {
            self.add_some(step::decode_unicode(path), decodes)?;
        }
        if self.reads.contains(Read::Trailing) {
            self.add_some(step::trim_to_dots(path), decodes)?;
            self.add_some(step::trim_dots(path), decodes)?;
            self.add_some(step::trim(path), decodes)?;
            self.add_some(step::trim_blanks(path), decodes)?;
            self.add_some(step::cut_at(path, b"\0"), decodes)?;
            self.add_some(step::drop_streams(path), decodes)?;
        }
        if self.reads.contains(Read::Suffix) {
            self.add_some(suffix::cut(path), decodes)?;
        }
        self.decode(path, decodes)
    }

    fn decode(&mut self, path: &[u8], decodes: u8) -> Result<(), TooManyReadings> {
        let again = self.reads.contains(Read::Decode);
        // Every server decodes once. More decodings need the habit, and end with one that changes nothing.
        if decodes == 0 || again && decodes < MAX_DECODES {
            self.add_some(step::decode(path, Decoder::Escapes), decodes + 1)?;
            if self.reads.contains(Read::Unicode) {
                self.add_some(step::decode(path, Decoder::EscapesAndUnicode), decodes + 1)?;
            }
        }
        // A server that parses the path again may find a query or fragment in what was decoded first.
        if again && decodes > 0 {
            self.add_some(step::decode_fully(path, Decoder::Escapes), MAX_DECODES)?;
            if self.reads.contains(Read::Unicode) {
                self.add_some(step::decode_fully(path, Decoder::EscapesAndUnicode), MAX_DECODES)?;
            }
            self.add_some(step::cut_at(path, b"?#"), decodes)?;
        }
        Ok(())
    }

    fn add_some(&mut self, path: Option<Vec<u8>>, decodes: u8) -> Result<(), TooManyReadings> {
        path.map_or(Ok(()), |path| self.add(path, decodes))
    }

    fn add(&mut self, path: Vec<u8>, decodes: u8) -> Result<(), TooManyReadings> {
        // Counts a path without escapes as fully decoded: all ways to reach it are then one entry.
        let may_be_decoded = path.contains(&b'%') || !path.is_ascii();
        let decodes = if may_be_decoded { decodes } else { MAX_DECODES };
        let key = (path, decodes == 0);
        // A path reached with fewer decodings has all successors of the same path reached with more.
        if self.known.get(&key).is_some_and(|least| *least <= decodes) {
            return Ok(());
        }
        let path = key.0.clone();
        self.known.insert(key, decodes);
        self.bytes += path.len();
        // Both limits bound the work for one request; an attacker chooses the path.
        if self.stages.len() == MAX_READINGS || self.bytes > MAX_READING_BYTES {
            return Err(TooManyReadings);
        }
        self.stages.push(PartialReading { path, decodes });
        Ok(())
    }

    /// Returns the paths to look up, each once. The segments of paths that can still be decoded are decoded.
    fn into_paths(self) -> Vec<Vec<u8>> {
        let mut paths = Vec::with_capacity(self.stages.len());
        let mut seen = HashSet::with_capacity(self.stages.len());
        // The order is deterministic, because it decides which of two closed gates answers.
        let mut add = |path: Vec<u8>| {
            if seen.insert(path.clone()) {
                paths.push(path);
            }
        };
        for stage in self.stages {
            // A server that splits before it decodes keeps an encoded slash within its segment.
            if (stage.decodes == 0 || self.reads.contains(Read::Decode))
                && let Some(decoded) = step::decode(&stage.path, Decoder::Segments)
            {
                add(decoded);
            }
            let undecoded = stage.decodes == 0 && stage.path.contains(&b'%');
            if !undecoded {
                add(stage.path);
            }
        }
        paths
    }
}

#[cfg(test)]
pub(crate) mod tests;
