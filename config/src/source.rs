//! The texts that were read, in one space of offsets: a [`Site`] is a byte in one of them. Converts sites to files,
//! lines and columns, for problems and for `explain`.

use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, OnceLock};

use rules::Site;

use crate::secret_value::SecretValue;

/// The maximum size of a document, in bytes.
pub const MAX_FILE_BYTES: usize = 256 * 1024 * 1024;

/// The source of definitions without a text: all its sites are 0.
pub(crate) static NOWHERE: LazyLock<Source> = LazyLock::new(|| Source::without_text("", 0, 0));

/// A text that was read, or the tree of an edit's values, which has no text.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path, for messages.
    pub(crate) name: Box<str>,
    /// The path that others in the document are relative to.
    pub(crate) path: PathBuf,
    /// The text; empty for a tree of values.
    pub(crate) text: String,
    /// The site of the first byte.
    base: u32,
    /// The number of sites: bytes of a text, or nodes of a tree.
    extent: usize,
    /// The values that reports mask. Set when the document is validated.
    secrets: OnceLock<Vec<SecretValue>>,
    /// Set if a key is repeated: then one of its values was not searched for secrets.
    repeated: OnceLock<()>,
    /// Set if the document may be a secret as a whole.
    confidential: OnceLock<()>,
}

/// All texts that were read. Site 0 is in none of them.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    files: Vec<Arc<Source>>,
}

/// A place in a file, for people.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The path of the file, as it was given.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl Source {
    /// Returns the source of a tree of values. Its nodes are numbered from 0 in the order in which they would be
    /// written.
    pub(crate) fn of_values(name: &str, nodes: u32) -> Self {
        Self::without_text(name, 1, nodes as usize)
    }

    fn without_text(name: &str, base: u32, extent: usize) -> Self {
        Self {
            name: name.into(),
            path: PathBuf::new(),
            text: String::new(),
            base,
            extent,
            secrets: OnceLock::new(),
            repeated: OnceLock::new(),
            confidential: OnceLock::new(),
        }
    }

    /// Sets the values that reports mask. Only the first call has an effect.
    pub(crate) fn set_secrets(&self, secrets: Vec<SecretValue>) {
        let _ = self.secrets.set(secrets);
    }

    /// Returns the values that reports mask, as far as they are known.
    pub(crate) fn secrets(&self) -> &[SecretValue] {
        self.secrets.get().map_or(&[], Vec::as_slice)
    }

    /// Records that a key is repeated.
    pub(crate) fn mark_repeated_key(&self) {
        let _ = self.repeated.set(());
    }

    /// Marks the document as one that may be a secret as a whole, such as a token in the place of a document of tokens.
    pub(crate) fn mark_confidential(&self) {
        let _ = self.confidential.set(());
    }

    /// Returns true if the document may be a secret as a whole.
    pub(crate) fn is_confidential(&self) -> bool {
        self.confidential.get().is_some()
    }

    /// Returns true if every value was searched for secrets: the text is YAML, and no key is repeated.
    pub(crate) fn are_secrets_known(&self) -> bool {
        self.secrets.get().is_some() && self.repeated.get().is_none()
    }

    /// Returns the site of the byte at `offset`.
    pub(crate) fn site(&self, offset: u32) -> Site {
        match self.base {
            0 => Site::default(),
            base => Site(base.saturating_add(offset)),
        }
    }

    /// Returns the distance from this text to a later one: an offset in the later one plus this distance is its offset
    /// from the beginning of this one, with the same site.
    pub(crate) fn distance(&self, later: &Self) -> u32 {
        later.base.saturating_sub(self.base)
    }

    /// Returns the offset of a site, if it is in this text.
    pub(crate) fn offset(&self, site: Site) -> Option<u32> {
        let offset = site.0.checked_sub(self.base)?;
        (self.base > 0 && offset as usize <= self.extent).then_some(offset)
    }

    /// Returns the line (from 1) and the column (in characters, from 1) of a byte.
    pub(crate) fn line_column(&self, offset: u32) -> (usize, usize) {
        line_column(self.text.get(..offset as usize).unwrap_or(&self.text))
    }
}

/// Returns the line (from 1) and the column (in characters, from 1) of the position after `before`.
pub(crate) fn line_column(before: &str) -> (usize, usize) {
    let line = before.bytes().filter(|&b| b == b'\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |at| at + 1);
    let last = before.get(start..).unwrap_or_default();
    let column = last.trim_start_matches('\u{feff}').chars().count() + 1;
    (line, column)
}

impl Sources {
    /// Returns the sources of a report on an edit: its tree of values alone.
    pub(crate) fn of(source: Arc<Source>) -> Self {
        Self { files: vec![source] }
    }

    /// Adds a text. Returns none if the space of sites (4 GiB) is exhausted.
    pub(crate) fn add(&mut self, path: &Path, text: String) -> Option<Arc<Source>> {
        let base = match self.files.last() {
            None => 1,
            Some(last) => last
                .base
                .checked_add(u32::try_from(last.text.len()).ok()?)?
                .checked_add(1)?,
        };
        base.checked_add(u32::try_from(text.len()).ok()?)?;
        let name = path.display().to_string().into_boxed_str();
        let source = Arc::new(Source {
            name,
            path: path.to_owned(),
            extent: text.len(),
            text,
            base,
            secrets: OnceLock::new(),
            repeated: OnceLock::new(),
            confidential: OnceLock::new(),
        });
        self.files.push(Arc::clone(&source));
        Some(source)
    }

    /// Returns all texts, in the order of reading.
    pub(crate) fn all(&self) -> &[Arc<Source>] {
        &self.files
    }

    /// Returns the text that contains a site, and the offset in it.
    pub(crate) fn find(&self, site: Site) -> Option<(&Arc<Source>, u32)> {
        if site == Site::default() {
            return None;
        }
        let after = self.files.partition_point(|file| file.base <= site.0);
        let file = self.files.get(after.checked_sub(1)?)?;
        file.offset(site).map(|offset| (file, offset))
    }

    /// Returns the values that a problem at this site must not quote: the one at the site, keys, and in a
    /// confidential document all of them, because a problem may quote values from other places.
    pub(crate) fn secrets_of(&self, site: Site) -> Vec<&SecretValue> {
        /// The minimum length of values elsewhere: shorter ones occur within other words.
        const SHORT: usize = 6;
        let Some((file, offset)) = self.find(site) else {
            return Vec::new();
        };
        let is_quotable = |secret: &&SecretValue| {
            let end = secret.at.start.saturating_add(secret.at.len);
            let is_here = (secret.at.start..end).contains(&offset);
            is_here || ((secret.is_key || file.is_confidential()) && secret.text.len() >= SHORT)
        };
        file.secrets().iter().filter(is_quotable).collect()
    }

    /// Returns the place of a site, for people.
    pub(crate) fn place(&self, site: Site) -> Option<Place> {
        let (file, offset) = self.find(site)?;
        let (line, column) = file.line_column(offset);
        Some(Place {
            file: file.name.as_ref().into(),
            line,
            column,
        })
    }
}

/// The starts of the lines of all texts. They are kept after loading to convert sites to places, with columns in bytes.
#[derive(Debug, Default)]
pub struct LineIndex {
    files: Vec<Lines>,
}

#[derive(Debug)]
struct Lines {
    name: Arc<str>,
    base: u32,
    length: u32,
    starts: Box<[u32]>,
}

impl LineIndex {
    /// Returns the places of all `sources`.
    pub(crate) fn of(sources: &Sources) -> Self {
        let lines = |source: &Arc<Source>| {
            let breaks = source
                .text
                .bytes()
                .zip(1_u32..)
                .filter(|&(b, _)| b == b'\n')
                .map(|(_, next)| next);
            Lines {
                name: source.name.as_ref().into(),
                base: source.base,
                length: u32::try_from(source.text.len()).unwrap_or(u32::MAX),
                starts: std::iter::once(0).chain(breaks).collect(),
            }
        };
        Self {
            files: sources.all().iter().map(lines).collect(),
        }
    }

    /// Returns the place of a site; none if it is in no document.
    #[must_use]
    pub fn place(&self, site: Site) -> Option<Place> {
        if site == Site::default() {
            return None;
        }
        let after = self.files.partition_point(|file| file.base <= site.0);
        let file = self.files.get(after.checked_sub(1)?)?;
        let offset = site
            .0
            .checked_sub(file.base)
            .filter(|&offset| offset <= file.length)?;
        let line = file.starts.partition_point(|&start| start <= offset);
        let start = file.starts.get(line.checked_sub(1)?)?;
        Some(Place {
            file: Arc::clone(&file.name),
            line,
            column: (offset - start) as usize + 1,
        })
    }
}
