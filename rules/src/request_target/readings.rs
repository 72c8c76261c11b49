//! The readings of a path: every path that an upstream may take a forwarded one for, if it reads in any of some
//! ways, in any order. Which routes they fall on is `route_table`'s.
//!
//! The invariant, for whoever tests it: let `path` be what [`normalise`](super::normalise) gave, and a server any
//! composition of the steps below that `reads` allows, decoding at most [`MAX_DECODES`] times or until nothing
//! changes, resolving dot segments and slashes wherever it likes. Then what the server takes `path` for is among
//! [`readings`] (but for the case, where it folds it: compare both folded), or there are too many of them, which is
//! refused.

use std::collections::{HashMap, HashSet};

use super::step::{self, Decoder};
use super::{Read, Reads, suffix};

/// How often a path is decoded, one time after the other, besides until nothing changes. The first time is what
/// every server does.
pub const MAX_DECODES: u8 = 3;
/// The most readings of one path, and the most bytes that they have together. A path that has more is one that
/// nobody sends in earnest.
pub const MAX_READINGS: usize = 1_024;
const MAX_READING_BYTES: usize = 256 * 1024;
/// The most readings of a path that is read without looking for more: itself, and without each of its suffixes.
const MAX_NAMES: usize = 8;

/// A path has more readings than anybody could mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a path has at most {MAX_READINGS} readings")]
pub struct TooManyReadings;

/// A path on its way through a server.
struct PartialReading {
    path: Vec<u8>,
    /// How often it was decoded; no more than [`MAX_DECODES`], which is also said of what has no escape left.
    decodes: u8,
}

/// Whether the normalised `path` has no reading but itself. One scan of its bytes.
#[must_use]
pub fn is_plain(path: &str, reads: Reads) -> bool {
    let bytes = path.as_bytes();
    if reads == Reads::EXACT {
        // Only slashes are kept encoded, and decoded by who reads exactly.
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

/// Every path that the normalised `path` may be taken for, itself among them, decoded; case is left as it is. A
/// slash within a segment, which ends none, is the byte 0xFF, which UTF-8 does not have.
pub fn readings(path: &[u8], reads: Reads) -> Result<Vec<Vec<u8>>, TooManyReadings> {
    if let Some(names) = names(path, reads) {
        return Ok(names);
    }
    let mut readings = Readings {
        reads,
        stages: Vec::new(),
        known: HashMap::new(),
        bytes: 0,
    };
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
    /// The least number of decodings by which each path was come to; one that was not decoded at all stands for
    /// something else.
    known: HashMap<(Vec<u8>, bool), u8>,
    bytes: usize,
}

impl Readings {
    /// Adds every path that one step more makes of `stage`.
    fn follow(&mut self, stage: &PartialReading) -> Result<(), TooManyReadings> {
        let PartialReading { path, decodes } = stage;
        let decodes = *decodes;
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
        if decodes == 0 || again && decodes < MAX_DECODES {
            self.add_some(step::decode(path, Decoder::Escapes), decodes + 1)?;
            if self.reads.contains(Read::Unicode) {
                self.add_some(step::decode(path, Decoder::EscapesAndUnicode), decodes + 1)?;
            }
        }
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
        let may_be_decoded = path.contains(&b'%') || !path.is_ascii();
        let decodes = if may_be_decoded { decodes } else { MAX_DECODES };
        let key = (path, decodes == 0);
        // Whoever has decoded less can do all that others can.
        if self.known.get(&key).is_some_and(|least| *least <= decodes) {
            return Ok(());
        }
        let path = key.0.clone();
        self.known.insert(key, decodes);
        self.bytes += path.len();
        if self.stages.len() == MAX_READINGS || self.bytes > MAX_READING_BYTES {
            return Err(TooManyReadings);
        }
        self.stages.push(PartialReading { path, decodes });
        Ok(())
    }

    /// The paths as they are looked up, each once: of one that is still to be decoded, its segments decoded.
    fn into_paths(self) -> Vec<Vec<u8>> {
        let mut paths = Vec::with_capacity(self.stages.len());
        let mut seen = HashSet::with_capacity(self.stages.len());
        // In an order that is always the same: which of two closed gates answers is no accident.
        let mut add = |path: Vec<u8>| {
            if seen.insert(path.clone()) {
                paths.push(path);
            }
        };
        for stage in self.stages {
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
