//! The files and directories of a load, to detect changes of them.

use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::xxh3_128;

use crate::read;

/// Every file and directory that a load read or tried to read, with digests of the contents.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inputs {
    files: Vec<InputFile>,
    directories: Vec<InputDirectory>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct InputFile {
    path: PathBuf,
    /// The maximum size that was accepted, in bytes.
    limit: usize,
    /// None if the file could not be read.
    digest: Option<u128>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct InputDirectory {
    path: PathBuf,
    /// The documents in it; none if it could not be listed.
    listing: Option<Vec<PathBuf>>,
}

impl Inputs {
    /// Returns the files, in the order of reading.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        self.files.iter().map(|file| &*file.path)
    }

    /// Returns the directories of which every document is read.
    pub fn directories(&self) -> impl Iterator<Item = &Path> {
        self.directories.iter().map(|directory| &*directory.path)
    }

    /// Returns true if a load would read other contents now. Reads all files.
    #[must_use]
    pub fn have_changed(&self) -> bool {
        self.directories
            .iter()
            .any(|directory| directory.reread() != *directory)
            || self.files.iter().any(|file| file.reread() != *file)
    }

    /// Returns the same files and directories with their present contents. Reads all files.
    pub(crate) fn reread(&self) -> Self {
        Self {
            files: self.files.iter().map(InputFile::reread).collect(),
            directories: self.directories.iter().map(InputDirectory::reread).collect(),
        }
    }

    pub(crate) fn add_file(&mut self, path: &Path, limit: usize, bytes: Option<&[u8]>) {
        let digest = bytes.map(xxh3_128);
        self.files.push(InputFile {
            path: path.to_owned(),
            limit,
            digest,
        });
    }

    pub(crate) fn add_directory(&mut self, path: &Path, listing: Option<&[PathBuf]>) {
        let listing = listing.map(<[PathBuf]>::to_vec);
        self.directories.push(InputDirectory {
            path: path.to_owned(),
            listing,
        });
    }
}

impl InputFile {
    fn reread(&self) -> Self {
        let digest = read::bytes(&self.path, self.limit)
            .ok()
            .map(|bytes| xxh3_128(&bytes));
        Self {
            path: self.path.clone(),
            limit: self.limit,
            digest,
        }
    }
}

impl InputDirectory {
    fn reread(&self) -> Self {
        Self {
            path: self.path.clone(),
            listing: read::directory(&self.path).ok(),
        }
    }
}
