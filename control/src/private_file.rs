//! A file beside the store, as private as the store, that is replaced as a whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Writes the bytes in place of the file at `path`.
///
/// # Errors
/// Writing failed; the previous file is unchanged.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let aside = path.with_extension("new");
    let mut file = File::create(&aside)?;
    // A file left by an interrupted write may have other permissions.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_data()?;
    fs::rename(aside, path)
}
