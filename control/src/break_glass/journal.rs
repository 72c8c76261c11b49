//! The journal of break-glass: one sealed entry per line, synced before it counts. One process at a time holds its
//! lock and appends; any process that may read the file reads it.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use changes::{Entry, EntryHash, GENESIS, Revision, Sealed, TamperedAudit, hash_text, verify};
use serde::{Deserialize, Serialize};

/// The largest size of a journal, in bytes; about 100,000 entries.
const MAX_JOURNAL_BYTES: u64 = 64 * 1024 * 1024;

/// The reason why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It can't be opened, read or written.
    #[error("the break-glass journal `{path}` cannot be {operation}: {reason}")]
    Io {
        /// Its path.
        path: String,
        /// The operation that failed.
        operation: JournalOperation,
        /// The error.
        reason: io::Error,
    },
    /// A line is not an entry.
    #[error("line {line} of the break-glass journal `{path}` is not an entry")]
    Malformed {
        /// Its path.
        path: String,
        /// The line number, from 1.
        line: usize,
    },
    /// An entry is missing or altered.
    #[error("the break-glass journal `{path}`: {reason}")]
    Tampered {
        /// Its path.
        path: String,
        /// The difference found.
        reason: TamperedAudit,
    },
}

/// An operation on the journal's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JournalOperation {
    /// To open and lock it.
    Open,
    /// To read it.
    Read,
    /// To append an entry.
    Write,
}

impl fmt::Display for JournalOperation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Open => "opened",
            Self::Read => "read",
            Self::Write => "written",
        })
    }
}

impl JournalError {
    /// Returns the error for clients: without the path and the error of the operating system, which the log has.
    #[must_use]
    pub fn client_detail(&self) -> String {
        match self {
            Self::Io {
                operation, reason, ..
            } => {
                let detail = format!("the break-glass journal cannot be {operation}");
                match io_cause(reason.kind()) {
                    Some(cause) => format!("{detail}: {cause}"),
                    None => detail,
                }
            }
            Self::Malformed { line, .. } => format!("line {line} of the break-glass journal is not an entry"),
            Self::Tampered { reason, .. } => format!("the break-glass journal: {reason}"),
        }
    }

    /// Returns the help.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Io { reason, .. } if reason.kind() == io::ErrorKind::FileTooLarge => {
                "move it away: within a second a new one is created with the current kills"
            }
            Self::Io { .. } => {
                "make sure that the user that sluice runs as can read and write it, and that the disk has space; sluice \
                 retries each second"
            }
            Self::Malformed { .. } | Self::Tampered { .. } => {
                "move it away and keep it as evidence: within a second a new one is created with the current kills"
            }
        }
    }

    /// Returns true if the error persists until the file is replaced or changed.
    pub(super) fn is_permanent(&self) -> bool {
        match self {
            Self::Io { reason, .. } => reason.kind() == io::ErrorKind::FileTooLarge,
            Self::Malformed { .. } | Self::Tampered { .. } => true,
        }
    }

    fn of_io(operation: JournalOperation, path: &Path) -> impl Fn(io::Error) -> Self {
        move |reason| Self::Io {
            path: path.display().to_string(),
            operation,
            reason,
        }
    }
}

/// Returns the cause of an error that an operator can remove.
fn io_cause(kind: io::ErrorKind) -> Option<&'static str> {
    match kind {
        io::ErrorKind::StorageFull => Some("the disk is full"),
        io::ErrorKind::QuotaExceeded => Some("the disk quota is used up"),
        io::ErrorKind::FileTooLarge => Some("it has reached the largest size"),
        io::ErrorKind::ReadOnlyFilesystem => Some("the file system is read-only"),
        io::ErrorKind::PermissionDenied => Some("sluice lacks the permission"),
        io::ErrorKind::NotFound => Some("there is no such file or folder"),
        io::ErrorKind::IsADirectory => Some("it is a folder"),
        _ => None,
    }
}

/// A sealed entry as a line.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    id: u64,
    previous: String,
    hash: String,
    /// The hashed content: the entry as JSON text.
    entry: String,
}

/// A journal that this process has locked and may append to.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    /// Locked while it is open.
    file: File,
    last: (u64, EntryHash),
    /// Its length up to the end of its last complete line, in bytes.
    length: u64,
}

/// The reason why this process could not acquire a journal.
#[derive(Debug)]
pub(super) enum AcquireError {
    /// Another process holds it.
    InUse,
    /// It can't be used.
    Unusable(JournalError),
}

impl From<JournalError> for AcquireError {
    fn from(error: JournalError) -> Self {
        Self::Unusable(error)
    }
}

/// The readable part of a journal.
#[derive(Debug, Default)]
pub(super) struct JournalContent {
    /// The sealed entries in order.
    pub(super) sealed: Vec<Sealed>,
    /// The same entries, parsed.
    pub(super) entries: Vec<Entry>,
    last: (u64, EntryHash),
    /// Length up to the end of the last complete line, in bytes.
    length: u64,
    /// The reason why the rest is not read.
    pub(super) fault: Option<JournalError>,
}

/// Identity and modification time of a file; it differs if the file was replaced or written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FileStamp {
    file: (u64, u64),
    length: u64,
    written: (i64, i64),
}

impl FileStamp {
    pub(super) fn of(path: &Path) -> Option<Self> {
        let there = std::fs::metadata(path).ok()?;
        Some(Self {
            file: (there.dev(), there.ino()),
            length: there.len(),
            written: (there.mtime(), there.mtime_nsec()),
        })
    }
}

impl Journal {
    /// Locks the journal for this process, creates it if needed, and returns its content. An incomplete line at its
    /// end was never acknowledged and is truncated.
    pub(super) fn acquire(path: &Path) -> Result<(Self, JournalContent), AcquireError> {
        let failed = JournalError::of_io(JournalOperation::Open, path);
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o600);
        let file = options.open(path).map_err(&failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(AcquireError::InUse),
            Err(TryLockError::Error(error)) => return Err(failed(error).into()),
        }
        sync_folder(path).map_err(&failed)?;
        let mut content = JournalContent::read(path)?;
        if let Some(fault) = content.fault.take() {
            return Err(fault.into());
        }
        file.set_len(content.length).map_err(&failed)?;
        let journal = Self {
            path: path.to_owned(),
            file,
            last: content.last,
            length: content.length,
        };
        // A journal that was moved away after it was opened must not be used.
        if journal.is_in_place() {
            Ok((journal, content))
        } else {
            Err(AcquireError::InUse)
        }
    }

    /// Returns true if the path still refers to this file.
    pub(super) fn is_in_place(&self) -> bool {
        let here = self.file.metadata().ok();
        let there = std::fs::metadata(&self.path).ok();
        here.zip(there)
            .is_some_and(|(here, there)| (here.dev(), here.ino()) == (there.dev(), there.ino()))
    }

    /// Appends an entry. It is on the disk when this returns.
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
                // A failed entry must not be found at the next start. If it can't be truncated now, it is truncated
                // before the next entry.
                let _ = self.truncate();
                Err(JournalError::of_io(JournalOperation::Write, &self.path)(reason))
            }
        }
    }

    /// Truncates the file after the last complete line.
    fn truncate(&self) -> io::Result<()> {
        self.file.set_len(self.length)?;
        self.file.sync_data()
    }

    pub(super) fn sequence(&self) -> u64 {
        self.last.0
    }

    fn write(&mut self, sealed: Sealed) -> io::Result<u64> {
        let line = Line {
            id: sealed.id,
            previous: hash_text(&sealed.previous),
            hash: hash_text(&sealed.hash),
            entry: sealed.text,
        };
        let mut line = serde_json::to_string(&line)?;
        line.push('\n');
        let length = u64::try_from(line.len()).unwrap_or(u64::MAX);
        if self.length.saturating_add(length) > MAX_JOURNAL_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        if self.file.metadata()?.len() > self.length {
            self.truncate()?;
        }
        self.file.write_all(line.as_bytes())?;
        self.file.sync_data()?;
        Ok(length)
    }
}

impl JournalContent {
    /// Reads the complete lines at `path`, up to the first line that is malformed or altered.
    pub(super) fn read(path: &Path) -> Result<Self, JournalError> {
        let failed = JournalError::of_io(JournalOperation::Read, path);
        let mut bytes = Vec::new();
        File::open(path)
            .and_then(|file| file.take(MAX_JOURNAL_BYTES + 1).read_to_end(&mut bytes))
            .map_err(&failed)?;
        if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > MAX_JOURNAL_BYTES {
            return Err(failed(io::ErrorKind::FileTooLarge.into()));
        }
        let whole = bytes
            .iter()
            .rposition(|byte| *byte == b'\n')
            .map_or(0, |end| end + 1);
        bytes.truncate(whole);
        let mut content = Self {
            length: u64::try_from(whole).unwrap_or(u64::MAX),
            ..Self::default()
        };
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        for (index, line) in lines.enumerate() {
            if let Err(fault) = content.push_line(path, index + 1, line) {
                content.fault = Some(fault);
                break;
            }
        }
        Ok(content)
    }

    fn push_line(&mut self, path: &Path, line: usize, text: &[u8]) -> Result<(), JournalError> {
        let path = || path.display().to_string();
        let malformed = || JournalError::Malformed { path: path(), line };
        let sealed = sealed(text).ok_or_else(malformed)?;
        let last =
            verify(self.last, [&sealed]).map_err(|reason| JournalError::Tampered { path: path(), reason })?;
        self.entries.push(sealed.entry().map_err(|_| malformed())?);
        self.sealed.push(sealed);
        self.last = last;
        Ok(())
    }
}

/// Syncs the folder of a file: only then a file that was just created survives a loss of power.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
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

fn unhex(text: &str) -> Option<EntryHash> {
    let mut hash = GENESIS;
    if text.len() != hash.len() * 2 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(index * 2..index * 2 + 2)?, 16).ok()?;
    }
    Some(hash)
}
