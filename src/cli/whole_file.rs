//! A file that is written whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
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
            Present::Replaced => fs::rename(&self.aside, &self.place).with_context(failed)?,
            // Fails where there is a file by now.
            Present::Kept | Present::KeptUnlessForced => {
                fs::hard_link(&self.aside, &self.place).with_context(failed)?
            }
        }
        Ok(())
    }
}

impl Drop for WholeFile {
    fn drop(&mut self) {
        // Where it was renamed there is nothing left to remove.
        let _ = fs::remove_file(&self.aside);
    }
}

#[cfg(test)]
mod tests {
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
}
