//! The file with the evidence of rollouts, beside the store. Its loss only makes stages collect evidence again.

use std::fs;
use std::io;
use std::path::Path;

use super::evidence::Evidence;

/// The first line of the file: the version of its form. The encoding itself does not tell another form from this one.
const HEAD: &[u8] = b"sluice evidence 3\n";

/// Reads the evidence; none if there is no file, or another version wrote it.
pub(super) fn read(path: &Path) -> Option<Evidence> {
    let bytes = fs::read(path).ok()?;
    let Some(encoded) = bytes.strip_prefix(HEAD) else {
        tracing::warn!(path = %path.display(), "another version wrote the evidence of rollouts; it is collected again");
        return None;
    };
    match postcard::from_bytes(encoded) {
        Ok(evidence) => Some(evidence),
        Err(error) => {
            tracing::warn!(%error, path = %path.display(), "the evidence of rollouts can't be read; it is collected again");
            None
        }
    }
}

/// Encodes the evidence.
///
/// # Errors
/// A part of it has no encoding; a defect.
pub(super) fn encode(evidence: &Evidence) -> io::Result<Vec<u8>> {
    postcard::to_extend(evidence, HEAD.to_vec()).map_err(io::Error::other)
}
