//! The head file: revision and newest audit entry of the last acknowledged commit, in a small file beside the store.
//! SQLite takes a damaged record of its log for the end of the log; a store behind its head file has lost
//! acknowledged commits.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use aws_lc_rs::digest;
use changes::{EntryHash, Revision, hash_text};
use rusqlite::Connection;

use super::directory::{HEAD, sync_directory};
use super::fault::at;
use super::{log, records};
use crate::store::StoreError;

/// The positions of the two copies. They are written alternately and in different sectors, so that one is complete
/// whenever the power fails.
const COPY_OFFSETS: [u64; 2] = [0, 4096];
const BYTES: usize = 64;

/// The revision of a store and the newest entry of its log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StoreHead {
    revision: Revision,
    id: u64,
    hash: EntryHash,
}

impl fmt::Display for StoreHead {
    /// Writes the newest entry as `ID:HASH`, as `sluice audit verify` prints it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.id, hash_text(&self.hash))
    }
}

impl StoreHead {
    /// Reads the head of a store.
    pub(super) fn of(connection: &Connection) -> Result<Self, StoreError> {
        let revision = records::newest(connection)?;
        let (id, hash) = log::head(connection)?;
        Ok(Self { revision, id, hash })
    }

    /// Checks that a store has this revision and this entry, or later ones.
    pub(super) fn is_in(&self, connection: &Connection) -> Result<(), StoreError> {
        let now = Self::of(connection)?;
        let lost = "acknowledged commits are lost: SQLite's log beside it was damaged or removed, or the file was \
                    replaced by an older one";
        if now.revision < self.revision {
            let (is, was) = (now.revision.0, self.revision.0);
            let damage = format!("it is at revision {is}, and was at {was} after its last commit; {lost}");
            return Err(StoreError::Corrupt(damage));
        }
        if now.id < self.id {
            let (is, was) = (now.id, self.id);
            let damage = format!(
                "its audit log ends with entry {is}, and ended with {was} after its last commit; {lost}"
            );
            return Err(StoreError::Corrupt(damage));
        }
        if log::hash_of(connection, self.id)? != self.hash {
            let damage = format!(
                "entry {} of its audit log is not the one of its last commit: this is another store, or its log was \
                 rewritten",
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

/// The durability that a write of the head file waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Durability {
    /// Survives the end of the process.
    System,
    /// Survives a loss of power.
    Disk,
}

/// The open head file.
#[derive(Debug)]
pub(super) struct HeadFile {
    path: PathBuf,
    file: File,
    /// The position of the next copy, and of the one after it.
    offsets: [u64; 2],
}

impl HeadFile {
    /// Opens the file and reads the newest complete copy; returns none if there is no file.
    pub(super) fn open(directory: &Path) -> Result<Option<(Self, StoreHead)>, StoreError> {
        let path = directory.join(HEAD);
        let file = match OpenOptions::new().read(true).write(true).open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(at(&path))?,
        };
        let mut newest: Option<(StoreHead, u64)> = None;
        for offset in COPY_OFFSETS {
            let mut bytes = [0; BYTES];
            match file.read_exact_at(&mut bytes, offset) {
                Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => continue,
                read => read.map_err(at(&path))?,
            }
            if let Some(head) = StoreHead::parse(&bytes)
                && newest.is_none_or(|(newest, _)| newest < head)
            {
                newest = Some((head, offset));
            }
        }
        let Some((head, newest)) = newest else {
            let damage = format!("{}, which records the last commit, can't be read", path.display());
            return Err(StoreError::Corrupt(damage));
        };
        let [first, second] = COPY_OFFSETS;
        let offsets = if newest == first {
            [second, first]
        } else {
            COPY_OFFSETS
        };
        Ok(Some((Self { path, file, offsets }, head)))
    }

    /// Creates the file, complete and synced.
    pub(super) fn make(directory: &Path, head: &StoreHead) -> Result<Self, StoreError> {
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
        for offset in COPY_OFFSETS {
            file.write_all_at(&head.bytes(), offset).map_err(at(&new))?;
        }
        file.sync_all().map_err(at(&new))?;
        fs::rename(&new, &path).map_err(at(&path))?;
        sync_directory(directory)?;
        Ok(Self {
            path,
            file,
            offsets: COPY_OFFSETS,
        })
    }

    /// Writes the head of a commit. A failure is logged and does not undo the commit; until the next write succeeds,
    /// only the loss of this commit would go unnoticed.
    pub(super) fn write(&mut self, head: &StoreHead, durability: Durability) {
        let [next, after] = self.offsets;
        let written = self.file.write_all_at(&head.bytes(), next);
        let written = match durability {
            // Not synced, so the next write overwrites this copy: the other one is on the disk, and must stay
            // complete.
            Durability::System => written,
            Durability::Disk => written
                .and_then(|()| self.file.sync_data())
                .map(|()| self.offsets = [after, next]),
        };
        if let Err(error) = written {
            let path = self.path.display();
            tracing::warn!(%error, "{path}, which records the last commit, can't be written");
        }
    }
}

#[cfg(test)]
mod tests;
