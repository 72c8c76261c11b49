//! Files that are replaced or edited while a server watches them.

use std::fs;
use std::path::Path;

/// Replaces a file as an editor does: writes another file beside it, and renames that.
pub(crate) fn replace(folder: &Path, name: &str, text: impl AsRef<[u8]>) {
    let beside = folder.join(format!("{name}.new"));
    fs::write(&beside, text).unwrap();
    fs::rename(beside, folder.join(name)).unwrap();
}

/// Replaces a text in a file. Fails unless the file contains it.
#[track_caller]
pub(crate) fn edit(folder: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(from), "{name} has no `{from}`: {text}");
    replace(folder, name, text.replace(from, to));
}
