//! What the store was at when it last answered, in a small file of its own beside it. SQLite takes the end of its log
//! for its end, whether it ended there or was damaged; a store that is behind this has lost what was acknowledged.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use changes::{Hash, Revision};
use rusqlite::Connection;

use super::directory::sync_directory;
use super::fault::at;
use super::{log, records};
use crate::store::StoreError;

/// Beside the store's file.
pub(super) const HEAD: &str = "sluice.head";
/// Each of the two is written in turn, so that one is whole whenever the power goes. They are in sectors of their own.
const PLACES: [u64; 2] = [0, 4096];
const BYTES: usize = 64;

/// A moment of a store: its revision, and the newest entry of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head {
    revision: Revision,
    id: u64,
    hash: Hash,
}

impl Head {
    /// What the store is at.
    pub(super) fn of(connection: &Connection) -> Result<Self, StoreError> {
        let revision = records::newest(connection)?;
        let (id, hash) = log::head(connection)?;
        Ok(Self { revision, id, hash })
    }

    /// Whether a store has all that it had at this moment.
    pub(super) fn is_in(&self, connection: &Connection) -> Result<(), StoreError> {
        let now = Self::of(connection)?;
        let lost = "what was acknowledged after that is lost: the log of SQLite beside it was damaged or removed, or \
                    an older file was put in its place";
        if now.revision < self.revision {
            let (is, was) = (now.revision.0, self.revision.0);
            let damage = format!("it is at revision {is}, and was at {was} when it last answered; {lost}");
            return Err(StoreError::Corrupt(damage));
        }
        if now.id < self.id {
            let (is, was) = (now.id, self.id);
            let damage = format!(
                "its audit log ends with entry {is}, and had an entry {was} when it last answered; {lost}"
            );
            return Err(StoreError::Corrupt(damage));
        }
        if log::hash_of(connection, self.id)? != self.hash {
            let damage = format!(
                "entry {} of its audit log is not the one that it had when it last answered: this is another store, or \
                 its log was written anew",
                self.id
            );
            return Err(StoreError::Corrupt(damage));
        }
        Ok(())
    }

    fn bytes(&self) -> [u8; BYTES] {
        let mut bytes = [0; BYTES];
        let (revision, id) = (self.revision.0.to_be_bytes(), self.id.to_be_bytes());
        let text = [revision.as_slice(), &id, &self.hash].concat();
        let sum = digest::digest(&digest::SHA256, &text);
        let all = text.iter().chain(sum.as_ref());
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = *from;
        }
        bytes
    }

    fn parse(bytes: &[u8; BYTES]) -> Option<Self> {
        let (revision, rest) = bytes.split_first_chunk()?;
        let (id, rest) = rest.split_first_chunk()?;
        let (hash, _) = rest.split_first_chunk()?;
        let head = Self {
            revision: Revision(u64::from_be_bytes(*revision)),
            id: u64::from_be_bytes(*id),
            hash: *hash,
        };
        (head.bytes() == *bytes).then_some(head)
    }
}

/// How far what is written down has come when it goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    /// It outlives the process.
    ToTheSystem,
    /// It outlives a loss of power.
    ToTheDisk,
}

/// The file.
#[derive(Debug)]
pub(super) struct HeadFile {
    path: PathBuf,
    file: File,
    /// Where the next one goes, and where the one after that.
    places: [u64; 2],
}

impl HeadFile {
    /// Opens it, with what it says; none where there is none.
    pub(super) fn open(directory: &Path) -> Result<Option<(Self, Head)>, StoreError> {
        let path = directory.join(HEAD);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(at(&path))?,
        };
        let mut newest: Option<(Head, u64)> = None;
        for place in PLACES {
            let mut bytes = [0; BYTES];
            match file.read_exact_at(&mut bytes, place) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => continue,
                read => read.map_err(at(&path))?,
            }
            if let Some(head) = Head::parse(&bytes)
                && newest.is_none_or(|(newest, _)| newest < head)
            {
                newest = Some((head, place));
            }
        }
        let Some((head, newest)) = newest else {
            let damage = format!(
                "{} can't be read, which says what the store was last at",
                path.display()
            );
            return Err(StoreError::Corrupt(damage));
        };
        let [first, second] = PLACES;
        let places = if newest == first { [second, first] } else { PLACES };
        Ok(Some((Self { path, file, places }, head)))
    }

    /// Makes it, whole and on the disk.
    pub(super) fn make(directory: &Path, head: &Head) -> Result<Self, StoreError> {
        let path = directory.join(HEAD);
        let new = path.with_extension("head.new");
        let file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&new)
            .map_err(at(&new))?;
        for place in PLACES {
            file.write_all_at(&head.bytes(), place).map_err(at(&new))?;
        }
        file.sync_all().map_err(at(&new))?;
        fs::rename(&new, &path).map_err(at(&path))?;
        sync_directory(directory)?;
        Ok(Self {
            path,
            file,
            places: PLACES,
        })
    }

    /// Writes down what was just committed. That this fails takes nothing of the commit back; the next one writes over
    /// it, and until then only the loss of this one would not be noticed.
    pub(super) fn write(&mut self, head: &Head, until: Written) {
        let [next, after] = self.places;
        let written = self.file.write_all_at(&head.bytes(), next);
        let written = match until {
            // The next one goes to the same place: the other holds what is on the disk.
            Written::ToTheSystem => written,
            Written::ToTheDisk => written
                .and_then(|()| self.file.sync_data())
                .map(|()| self.places = [after, next]),
        };
        if let Err(error) = written {
            let path = self.path.display();
            tracing::warn!(%error, "{path} can't be written, which says what the store was last at");
        }
    }
}

#[cfg(test)]
mod tests;
