//! A file that is written completely or not at all.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use tempfile::NamedTempFile;

use crate::parent_directory::{parent_directory, sync_entry};

/// Mode of the files: readable by their owner only, because they may contain a token or a whole store.
const MODE: u32 = 0o600;

/// The reaction to an existing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum IfExists {
    /// Replace it.
    Replace,
    /// Fail.
    Fail,
    /// Fail with a message that names --force.
    FailUnlessForced,
}

impl IfExists {
    /// Returns the reaction that a command's `--force` asks for.
    pub(super) fn from_force(forced: bool) -> Self {
        if forced {
            Self::Replace
        } else {
            Self::FailUnlessForced
        }
    }
}

/// A file that is being written: beside its target, readable by its owner only. Dropping it without `commit` removes
/// it.
pub(super) struct AtomicFile {
    target: PathBuf,
    temporary: NamedTempFile,
    if_exists: IfExists,
}

impl AtomicFile {
    /// Creates the temporary file beside the target.
    ///
    /// # Errors
    /// The target exists and must not be replaced, or it is not a regular file, or the directory is not writable.
    pub(super) fn create(target: &Path, if_exists: IfExists) -> Result<Self> {
        let target = &resolve_target(target)?;
        match if_exists {
            IfExists::Fail if target.exists() => {
                anyhow::bail!("the file {} exists already", target.display())
            }
            IfExists::FailUnlessForced if target.exists() => anyhow::bail!(
                "the file {} exists already: --force replaces it",
                target.display()
            ),
            _ => {}
        }
        let mut prefix = target.file_name().unwrap_or_default().to_owned();
        prefix.push(".");
        // In the directory of the target, because a rename works only within one file system.
        let temporary = tempfile::Builder::new()
            .prefix(&prefix)
            .suffix(".part")
            .permissions(Permissions::from_mode(MODE))
            .tempfile_in(parent_directory(target))
            .with_context(|| format!("can't write {}", target.display()))?;
        Ok(Self {
            target: target.to_owned(),
            temporary,
            if_exists,
        })
    }

    /// Appends a piece.
    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.temporary.write_all(piece)
    }

    /// Puts the file in place of the target. When this returns, its content and its name are on the disk.
    pub(super) fn commit(self) -> Result<()> {
        self.commit_if(|_| Ok(()))
    }

    /// Puts the file in place of the target if `check` accepts it. `check` gets the path of the temporary file.
    pub(super) fn commit_if(self, check: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let Self {
            target,
            temporary,
            if_exists,
        } = self;
        let failed = || format!("can't write {}", target.display());
        // Before the rename: otherwise a crash could leave a target without content.
        temporary.as_file().sync_all().with_context(failed)?;
        check(temporary.path())?;
        let persisted = match if_exists {
            IfExists::Replace => {
                // Checked again, because the target may have become a device or a link since `create`.
                resolve_target(&target)?;
                temporary.persist(&target)
            }
            // Fails if the target exists by now.
            IfExists::Fail | IfExists::FailUnlessForced => temporary.persist_noclobber(&target),
        };
        persisted
            .map_err(|rejected| rejected.error)
            .with_context(failed)?;
        sync_entry(&target).with_context(|| {
            format!(
                "{} is written, but a power failure can undo that",
                target.display()
            )
        })
    }
}

/// Returns the path to write: the target, or the file that it links to. A rename over a symbolic link would replace the
/// link and leave the linked file unchanged; a rename over a device or a pipe would replace it by a file.
///
/// # Errors
/// The target exists and is not a regular file.
fn resolve_target(target: &Path) -> Result<PathBuf> {
    let found = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(target.to_owned()),
        metadata => metadata.with_context(|| format!("can't write {}", target.display()))?,
    };
    if found.is_file() {
        return Ok(target.to_owned());
    }
    // `metadata` before `canonicalize`: it also follows /dev/stdout to a pipe, which has no path.
    let Ok(led_to) = fs::metadata(target) else {
        anyhow::bail!(
            "{} is a link without target: it is not replaced",
            target.display()
        )
    };
    let kind = match led_to.file_type() {
        kind if kind.is_file() => {
            return fs::canonicalize(target).with_context(|| format!("can't write {}", target.display()));
        }
        kind if kind.is_dir() => "a directory",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_fifo() => "a pipe",
        _ => "a device",
    };
    anyhow::bail!("{} is {kind}, not a file: it is not replaced", target.display())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn file_is_written_completely_or_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        let mut dropped = AtomicFile::create(&target, IfExists::Fail).unwrap();
        dropped.write(b"half").unwrap();
        drop(dropped);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        for (if_exists, text) in [(IfExists::Fail, "one"), (IfExists::Replace, "two")] {
            let mut file = AtomicFile::create(&target, if_exists).unwrap();
            file.write(text.as_bytes()).unwrap();
            file.commit().unwrap();
            assert_eq!(fs::read_to_string(&target).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["out"]);
        let mut rejected = AtomicFile::create(&target, IfExists::Replace).unwrap();
        rejected.write(b"three").unwrap();
        let checked = rejected.commit_if(|temporary| {
            assert_eq!(fs::read_to_string(temporary).unwrap(), "three");
            anyhow::bail!("invalid content")
        });
        assert!(checked.is_err());
        assert_eq!(fs::read_to_string(&target).unwrap(), "two");
        assert_eq!(names(folder.path()), ["out"]);
        for if_exists in [IfExists::Fail, IfExists::from_force(false)] {
            assert!(AtomicFile::create(&target, if_exists).is_err());
        }
        assert!(AtomicFile::create(&target, IfExists::from_force(true)).is_ok());
    }

    #[test]
    fn a_temporary_file_of_a_crashed_process_blocks_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("out");
        // A process that is killed runs no destructors.
        std::mem::forget(AtomicFile::create(&target, IfExists::Fail).unwrap());
        let mut file = AtomicFile::create(&target, IfExists::Fail).unwrap();
        file.write(b"text").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "text");
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn only_regular_files_are_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let target = |name: &str| folder.path().join(name);
        fs::create_dir(target("folder")).unwrap();
        let _socket = UnixListener::bind(target("socket")).unwrap();
        symlink("socket", target("link to a socket")).unwrap();
        symlink("nowhere", target("link to nothing")).unwrap();
        symlink("loop", target("loop")).unwrap();
        let before = names(folder.path());
        for (name, expected) in [
            ("folder", "is a directory"),
            ("socket", "is a socket"),
            ("link to a socket", "is a socket"),
            ("link to nothing", "is a link without target"),
            ("loop", "is a link without target"),
        ] {
            let refused = AtomicFile::create(&target(name), IfExists::Replace)
                .err()
                .unwrap();
            assert!(refused.to_string().contains(expected), "{name}: {refused}");
            assert!(
                AtomicFile::create(&target(name), IfExists::Fail).is_err(),
                "{name}"
            );
        }
        assert_eq!(names(folder.path()), before);
        // A socket that replaces the target while the file is written.
        let mut file = AtomicFile::create(&target("late"), IfExists::Replace).unwrap();
        file.write(b"text").unwrap();
        let _socket = UnixListener::bind(target("late")).unwrap();
        assert!(file.commit().is_err());
        assert!(!fs::symlink_metadata(target("late")).unwrap().is_file());
    }

    #[test]
    fn the_target_of_a_link_is_replaced_and_the_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let target = |name: &str| folder.path().join(name);
        fs::create_dir(target("backups")).unwrap();
        fs::write(target("backups/monday"), "old").unwrap();
        symlink("backups/monday", target("newest")).unwrap();
        let mut file = AtomicFile::create(&target("newest"), IfExists::Replace).unwrap();
        file.write(b"new").unwrap();
        file.commit().unwrap();
        assert_eq!(fs::read_to_string(target("backups/monday")).unwrap(), "new");
        assert!(fs::symlink_metadata(target("newest")).unwrap().is_symlink());
        assert_eq!(names(&target("backups")), ["monday"]);
    }
}
