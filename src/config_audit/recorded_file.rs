//! The file with the configuration that was recorded last, bound to the audit log by one of its entries.

use std::io::{Error, Result};
use std::path::{Path, PathBuf};

use aws_lc_rs::{hmac, rand};
use control::{Control, hash_text};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::parent_directory::{parent_directory, sync_entry};

/// Name of the file, in the directory of the store.
const FILE_NAME: &str = "audited-config.json";
/// Number of hex digits of a digest, as in revisions.
pub(super) const DIGITS: usize = 12;
/// Length of a key, in bytes.
const KEY_BYTES: usize = 16;

/// Returns the path of the file of the store in the directory.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

/// The content of the file, with a configuration of type `C`.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct RecordedFile<C> {
    /// Id and hash of an entry of the log, not before the entries of the configuration: `ID:HASH`.
    entry: String,
    pub(super) key: VariablesKey,
    pub(super) config: C,
}

/// The key of the digests of variables, random and only in the file: a value with few possibilities can't be found from
/// its digest in the audit log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct VariablesKey([u8; KEY_BYTES]);

impl VariablesKey {
    pub(super) fn random() -> Self {
        let mut key = [0; KEY_BYTES];
        // Without random bytes the key is constant, and the digests are plain ones. They are only in the file, which is
        // readable by its owner only.
        let _ = rand::fill(&mut key);
        Self(key)
    }

    /// Returns the first digits of HMAC-SHA-256 (RFC 2104) of a value.
    pub(super) fn digest(&self, value: &str) -> String {
        let code = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0), value.as_bytes());
        let digits = code.as_ref().iter().map(|byte| format!("{byte:02x}"));
        digits.collect::<String>().chars().take(DIGITS).collect()
    }
}

impl<C: Serialize + DeserializeOwned> RecordedFile<C> {
    /// Reads the file; none if there is none, or if the log does not have its entry.
    pub(super) fn read(path: &Path, control: &Control) -> Option<Self> {
        let file: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let id: u64 = file.entry.split_once(':')?.0.parse().ok()?;
        let page = control.store().audit_after(id.checked_sub(1)?, 1).ok()?;
        let sealed = page.entries.first()?;
        (entry_text((sealed.id, sealed.hash)) == file.entry).then_some(file)
    }

    /// Writes the file, readable by its owner only, like the store. The entries of the configuration are in the log.
    pub(super) fn write(path: &Path, key: &VariablesKey, config: C, control: &Control) -> Result<()> {
        // The newest entry may be a later one. Its hash covers all entries before it.
        let newest = control.store().audit_head().map_err(Error::other)?;
        let file = Self {
            entry: entry_text(newest),
            key: key.clone(),
            config,
        };
        let directory = parent_directory(path);
        // Temporary files are readable by their owner only.
        let mut temporary = tempfile::NamedTempFile::new_in(directory)?;
        serde_json::to_writer(&mut temporary, &file)?;
        temporary.as_file().sync_all()?;
        temporary.persist(path).map_err(|error| error.error)?;
        sync_entry(path)
    }
}

fn entry_text((id, hash): (u64, control::EntryHash)) -> String {
    format!("{id}:{}", hash_text(&hash))
}
