//! Files that are replaced while a server watches them.

use std::fs;
use std::path::Path;

/// Replaces a file as an editor does: writes another file beside it, and renames that.
pub(crate) fn replace(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let beside = folder.join(format!("{name}.new"));
    fs::write(&beside, text).unwrap();
    fs::rename(beside, folder.join(name)).unwrap();
}
