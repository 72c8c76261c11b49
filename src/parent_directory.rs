//! The directory that contains a file.

use std::path::Path;

/// Returns the directory that contains the file at this path.
pub(crate) fn parent_directory(path: &Path) -> &Path {
    // The parent of a bare name is the empty path, which the system does not accept.
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_of_a_bare_name_is_the_current_one() {
        for (path, expected) in [
            ("token", "."),
            ("./token", "."),
            ("backups/monday", "backups"),
            ("/token", "/"),
        ] {
            assert_eq!(parent_directory(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
