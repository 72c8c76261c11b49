//! A file that is written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// What happens to a file that is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Present {
    /// It is replaced.
    Replaced,
    /// It is an error.
    Kept,
    /// It is an error, which says that --force helps.
    KeptUnlessForced,
}

impl Present {
    /// What `--force` means.
    pub(super) fn unless(forced: bool) -> Self {
        if forced {
            Self::Replaced
        } else {
            Self::KeptUnlessForced
        }
    }
}

/// A file under way: beside its place, readable by its owner only, until it is whole.
pub(super) struct WholeFile {
    place: PathBuf,
    aside: PathBuf,
    file: File,
    present: Present,
}

impl WholeFile {
    pub(super) fn begin(place: &Path, present: Present) -> Result<Self> {
        let place = &resolved(place)?;
        match present {
            Present::Kept if place.exists() => {
                anyhow::bail!("there is a file {} already", place.display())
            }
            Present::KeptUnlessForced if place.exists() => anyhow::bail!(
                "there is a file {} already: --force writes in its place",
                place.display()
            ),
            _ => {}
        }
        let mut aside = place.to_owned();
        aside
            .as_mut_os_string()
            .push(format!(".{}.part", std::process::id()));
        let failed = || format!("can't write {}", aside.display());
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)
            .with_context(failed)?;
        Ok(Self {
            place: place.to_owned(),
            aside,
            file,
            present,
        })
    }

    pub(super) fn write(&mut self, piece: &[u8]) -> io::Result<()> {
        self.file.write_all(piece)
    }

    /// Puts it in its place. It is on the disk then.
    pub(super) fn finish(self) -> Result<()> {
        self.finish_if(|_| Ok(()))
    }

    /// Puts it in its place if it is what it should be; `check` is given its path meanwhile.
    pub(super) fn finish_if(mut self, check: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        let failed = || format!("can't write {}", self.place.display());
        self.file
            .flush()
            .and_then(|()| self.file.sync_all())
            .with_context(failed)?;
        check(&self.aside)?;
        match self.present {
            Present::Replaced => {
                // Once more: what is there may have come since.
                resolved(&self.place)?;
                fs::rename(&self.aside, &self.place).with_context(failed)?;
            }
            // Fails where there is a file by now.
            Present::Kept | Present::KeptUnlessForced => {
                fs::hard_link(&self.aside, &self.place).with_context(failed)?
            }
        }
        Ok(())
    }
}

/// The place itself, or the file that a link there leads to, which is then written in the link's stead. Renaming over
/// a link would leave the file it leads to as it was, and over a device or a pipe would put a file in its place.
///
/// # Errors
/// Something is there that is no regular file.
fn resolved(place: &Path) -> Result<PathBuf> {
    let is = match fs::symlink_metadata(place) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(place.to_owned()),
        found => found.with_context(|| format!("can't write {}", place.display()))?,
    };
    if is.is_file() {
        return Ok(place.to_owned());
    }
    // Of a pipe, as behind /dev/stdout, there is no path.
    let Ok(led_to) = fs::metadata(place) else {
        anyhow::bail!(
            "{} is a link that leads nowhere: it is not replaced",
            place.display()
        )
    };
    let kind = match led_to.file_type() {
        kind if kind.is_file() => {
            return fs::canonicalize(place).with_context(|| format!("can't write {}", place.display()));
        }
        kind if kind.is_dir() => "a folder",
        kind if kind.is_socket() => "a socket",
        kind if kind.is_fifo() => "a pipe",
        _ => "a device",
    };
    anyhow::bail!("{} is {kind} and no file: it is not replaced", place.display())
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Where it was renamed there is nothing left to remove.
        let _ = fs::remove_file(&self.aside);
    }
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
    fn a_file_is_whole_or_not_there() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("out");
        let mut begun = WholeFile::begin(&place, Present::Kept).unwrap();
        begun.write(b"half").unwrap();
        drop(begun);
        assert_eq!(names(folder.path()), Vec::<String>::new());
        for (present, text) in [(Present::Kept, "one"), (Present::Replaced, "two")] {
            let mut file = WholeFile::begin(&place, present).unwrap();
            file.write(text.as_bytes()).unwrap();
            file.finish().unwrap();
            assert_eq!(fs::read_to_string(&place).unwrap(), text);
        }
        assert_eq!(names(folder.path()), ["out"]);
        let mut unfit = WholeFile::begin(&place, Present::Replaced).unwrap();
        unfit.write(b"three").unwrap();
        let checked = unfit.finish_if(|aside| {
            assert_eq!(fs::read_to_string(aside).unwrap(), "three");
            anyhow::bail!("it is no good")
        });
        assert!(checked.is_err());
        assert_eq!(fs::read_to_string(&place).unwrap(), "two");
        assert_eq!(names(folder.path()), ["out"]);
        for present in [Present::Kept, Present::unless(false)] {
            assert!(WholeFile::begin(&place, present).is_err());
        }
        assert!(WholeFile::begin(&place, Present::unless(true)).is_ok());
    }

    #[test]
    fn what_is_no_file_is_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir(place("folder")).unwrap();
        let _socket = UnixListener::bind(place("socket")).unwrap();
        symlink("socket", place("link to a socket")).unwrap();
        symlink("nowhere", place("link to nothing")).unwrap();
        symlink("loop", place("loop")).unwrap();
        let before = names(folder.path());
        for (name, expected) in [
            ("folder", "is a folder"),
            ("socket", "is a socket"),
            ("link to a socket", "is a socket"),
            ("link to nothing", "is a link that leads nowhere"),
            ("loop", "is a link that leads nowhere"),
        ] {
            let refused = WholeFile::begin(&place(name), Present::Replaced).err().unwrap();
            assert!(refused.to_string().contains(expected), "{name}: {refused}");
            assert!(WholeFile::begin(&place(name), Present::Kept).is_err(), "{name}");
        }
        assert_eq!(names(folder.path()), before);
        // One that takes the place of the file meanwhile.
        let mut file = WholeFile::begin(&place("late"), Present::Replaced).unwrap();
        file.write(b"text").unwrap();
        let _socket = UnixListener::bind(place("late")).unwrap();
        assert!(file.finish().is_err());
        assert!(!fs::symlink_metadata(place("late")).unwrap().is_file());
    }

    #[test]
    fn the_file_that_a_link_leads_to_is_replaced_and_the_link_stays() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        fs::create_dir(place("backups")).unwrap();
        fs::write(place("backups/monday"), "old").unwrap();
        symlink("backups/monday", place("newest")).unwrap();
        let mut file = WholeFile::begin(&place("newest"), Present::Replaced).unwrap();
        file.write(b"new").unwrap();
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(place("backups/monday")).unwrap(), "new");
        assert!(fs::symlink_metadata(place("newest")).unwrap().is_symlink());
        assert_eq!(names(&place("backups")), ["monday"]);
    }
}
