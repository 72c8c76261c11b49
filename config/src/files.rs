//! The source of documents and of the files that they name: the disk, or memory.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::path::{Path, PathBuf};

use crate::read::{self, Unreadable};

/// The source of the files of a load.
#[derive(Debug, Clone, Default)]
pub enum Files {
    /// The disk.
    #[default]
    Disk,
    /// These files, by the paths that the documents name. They are not watched.
    Memory(BTreeMap<PathBuf, Vec<u8>>),
}

impl Files {
    /// Reads a file of at most `limit` bytes.
    pub(crate) fn bytes(&self, path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
        match self {
            Self::Disk => read::bytes(path, limit),
            Self::Memory(files) => {
                let found = files.get(path).cloned();
                read::check_size(path, limit, found.ok_or_else(|| ErrorKind::NotFound.into()))
            }
        }
    }

    /// Returns the documents in a directory, sorted by name.
    pub(crate) fn directory(&self, path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
        match self {
            Self::Disk => read::directory(path),
            Self::Memory(files) => {
                let inside = files.keys().filter(|file| file.parent() == Some(path));
                let names: Vec<OsString> = inside.filter_map(|file| Some(file.file_name()?.into())).collect();
                let missing = || Error::from(ErrorKind::NotFound);
                read::documents(
                    path,
                    Some(names).filter(|names| !names.is_empty()).ok_or_else(missing),
                )
            }
        }
    }

    /// Returns true if a directory without documents can be at this path. Files in memory have no empty directories.
    pub(crate) fn may_be_empty(&self, path: &Path) -> bool {
        matches!(self, Self::Memory(_)) || self.is_directory(path)
    }

    pub(crate) fn is_directory(&self, path: &Path) -> bool {
        match self {
            Self::Disk => path.is_dir(),
            Self::Memory(files) => files.keys().any(|file| file.parent() == Some(path)),
        }
    }
}
