//! The journal of break-glass: sealed entries, a line each, on the disk before they count.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::audit::{Entry, GENESIS, Hash, Sealed, TamperedAudit, verify};
use crate::store::Revision;

/// The longest journal, in bytes: about 100,000 entries.
const MAX_JOURNAL_BYTES: u64 = 64 * 1024 * 1024;

/// Why a journal can't be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It can't be read or written.
    #[error("the break-glass journal `{path}`: {reason}")]
    Io {
        /// Its path.
        path: String,
        /// Why not.
        reason: std::io::Error,
    },
    /// A line is none of a journal.
    #[error(
        "line {line} of the break-glass journal `{path}` is no entry; move the file away to begin a new one"
    )]
    Malformed {
        /// Its path.
        path: String,
        /// From 1.
        line: usize,
    },
    /// It is not what was written.
    #[error(
        "the break-glass journal `{path}`: {reason}; keep it as evidence, move it away to begin a new one"
    )]
    Tampered {
        /// Its path.
        path: String,
        /// What was found.
        reason: TamperedAudit,
    },
}

/// A sealed entry as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: u64,
    previous: String,
    hash: String,
    /// The entry as JSON text: what is hashed.
    entry: String,
}

/// A journal that is open for more.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    last: (u64, Hash),
    /// How long it is, in bytes, up to the end of its last whole line.
    length: u64,
}

impl Journal {
    /// Opens the journal, or begins it, and gives what is in it. Half a line at its end was never acknowledged, and
    /// is cut off.
    pub(super) fn open(path: &Path) -> Result<(Self, Vec<Entry>), JournalError> {
        let failed = |reason| JournalError::Io {
            path: path.display().to_string(),
            reason,
        };
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = options.open(path).map_err(failed)?;
        sync_folder(path).map_err(failed)?;
        let (sealed, length) = read(path)?;
        let last = verify((0, GENESIS), &sealed).map_err(|reason| JournalError::Tampered {
            path: path.display().to_string(),
            reason,
        })?;
        let mut entries = Vec::new();
        for (index, sealed) in sealed.iter().enumerate() {
            entries.push(sealed.entry().map_err(|_| JournalError::Malformed {
                path: path.display().to_string(),
                line: index + 1,
            })?);
        }
        file.set_len(length).map_err(failed)?;
        let path = path.to_owned();
        let journal = Self {
            path,
            file,
            last,
            length,
        };
        Ok((journal, entries))
    }

    /// Puts an entry at the end. When this returns it is on the disk.
    pub(super) fn append(&mut self, entry: &Entry) -> Result<(), JournalError> {
        let sealed = Sealed::after(self.last.1, self.last.0.saturating_add(1), Revision(0), entry);
        let last = (sealed.id, sealed.hash);
        match self.write(sealed) {
            Ok(length) => {
                self.length = self.length.saturating_add(length);
                self.last = last;
                Ok(())
            }
            Err(reason) => {
                // What was refused must not be found at the next start. If it can't be cut off now, it is before the
                // next entry.
                let _ = self.cut();
                Err(JournalError::Io {
                    path: self.path.display().to_string(),
                    reason,
                })
            }
        }
    }

    /// Cuts off what is behind the last whole line.
    fn cut(&self) -> std::io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_data()
    }

    pub(super) fn sequence(&self) -> u64 {
        self.last.0
    }

    pub(super) fn entries(&self) -> Result<Vec<Sealed>, JournalError> {
        read(&self.path).map(|(sealed, _)| sealed)
    }

    fn write(&mut self, sealed: Sealed) -> std::io::Result<u64> {
        let line = Line {
            id: sealed.id,
            previous: hex(&sealed.previous),
            hash: hex(&sealed.hash),
            entry: sealed.text,
        };
        let mut line = serde_json::to_string(&line)?;
        line.push('\n');
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.length.saturating_add(length) > MAX_JOURNAL_BYTES {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        if self.file.metadata()?.len() > self.length {
            self.cut()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        Ok(length)
    }
}

/// A file that was just made is there for certain only when its folder is on the disk.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// The entries of the journal, and the length of its whole lines.
fn read(path: &Path) -> Result<(Vec<Sealed>, u64), JournalError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(MAX_JOURNAL_BYTES).read_to_end(&mut bytes))
        .map_err(|reason| JournalError::Io {
            path: path.display().to_string(),
            reason,
        })?;
    let whole = bytes
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |end| end + 1);
    bytes.truncate(whole);
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let entries = lines.enumerate().map(|(index, line)| {
        sealed(line).ok_or_else(|| JournalError::Malformed {
            path: path.display().to_string(),
            line: index + 1,
        })
    });
    Ok((
        entries.collect::<Result<_, _>>()?,
        u64::try_from(whole).unwrap_or(u64::MAX),
    ))
}

fn sealed(line: &[u8]) -> Option<Sealed> {
    let line: Line = serde_json::from_slice(line).ok()?;
    Some(Sealed {
        id: line.id,
        revision: Revision(0),
        previous: unhex(&line.previous)?,
        hash: unhex(&line.hash)?,
        text: line.entry,
    })
}

fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = GENESIS;
    if text.len() != hash.len() * 2 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}
