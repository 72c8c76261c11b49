//! Reads files and directories, and explains why one cannot be read.

use std::ffi::OsString;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::problem::{At, Label, Problem};
use crate::source::{Place, line_column};

/// The maximum number of documents in a directory.
pub const MAX_DIRECTORY_FILES: usize = 1_000;

/// The help for a missing file that a document names.
const NAMED_FILE: &str = "paths are relative to the document that names them";

/// The reason why a file cannot be used.
pub(crate) struct Unreadable {
    code: &'static str,
    title: String,
    help: &'static str,
    /// The place in the file, if it is known.
    place: Option<Place>,
}

impl Unreadable {
    /// Returns the problem, at the place that names the file, or of the file.
    pub(crate) fn problem(self, path: &Path, named_at: Option<Label>) -> Problem {
        let file = || At::File(path.display().to_string().into());
        let help = match (self.help, &named_at) {
            (NAMED_FILE, None) => missing_help(path),
            (help, _) => help,
        };
        let at = match self.place {
            Some(place) => At::Place(place),
            None => named_at.map_or_else(file, At::Text),
        };
        Problem::at(self.code, self.title, at).help(help)
    }
}

/// Returns the help for a missing file that no document names.
fn missing_help(path: &Path) -> &'static str {
    if path.file_name().is_some_and(|name| name == "sluice.yaml") {
        "go to the folder of the configuration, or name its file: `--config FILE`; `sluice demo` writes an example"
    } else {
        "check the name; a path is relative to the folder that the command runs in"
    }
}

/// Reads a file of at most `limit` bytes. A missing file is tried twice, because it may be in the middle of being
/// replaced.
pub(crate) fn bytes(path: &Path, limit: usize) -> Result<Vec<u8>, Unreadable> {
    let read = match read(path, limit) {
        Err(error) if error.kind() == ErrorKind::NotFound => read(path, limit),
        read => read,
    };
    check_size(path, limit, read)
}

/// Checks the result of reading a file: it must have at most `limit` bytes.
pub(crate) fn check_size(
    path: &Path,
    limit: usize,
    read: std::io::Result<Vec<u8>>,
) -> Result<Vec<u8>, Unreadable> {
    let name = path.display();
    match read {
        Ok(bytes) if bytes.len() > limit => {
            let title = format!("`{name}` is larger than {limit} bytes");
            Err(Unreadable {
                code: "file-too-large",
                title,
                help: "use a smaller file, or split it",
                place: None,
            })
        }
        Ok(bytes) => Ok(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(Unreadable {
            code: "file-missing",
            title: format!("there is no file `{name}`"),
            help: NAMED_FILE,
            place: None,
        }),
        Err(error) => {
            let reason = reason(&error);
            Err(Unreadable {
                code: "file-unreadable",
                title: format!("`{name}` can't be read: {reason}"),
                help: "use a regular file that sluice may read",
                place: None,
            })
        }
    }
}

/// Converts the bytes of a file to text.
pub(crate) fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Unreadable> {
    String::from_utf8(bytes).map_err(|error| {
        let before = error.as_bytes().get(..error.utf8_error().valid_up_to());
        let (line, column) = line_column(std::str::from_utf8(before.unwrap_or_default()).unwrap_or_default());
        let file = path.display().to_string();
        Unreadable {
            code: "not-utf8",
            title: format!("`{file}` is not UTF-8 text"),
            help: "save it as UTF-8",
            place: Some(Place {
                file: file.into(),
                line,
                column,
            }),
        }
    })
}

fn read(path: &Path, limit: usize) -> std::io::Result<Vec<u8>> {
    // Without O_NONBLOCK, opening a FIFO would wait for its writer. The flag has no effect on regular files.
    let file = std::fs::OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(ErrorKind::IsADirectory.into());
    }
    if !metadata.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    let size = usize::try_from(metadata.len()).unwrap_or(limit).min(limit);
    let mut bytes = Vec::with_capacity(size.saturating_add(1));
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Returns the documents in a directory (`*.yaml`, `*.yml`, `*.json`; not those that begin with a dot), sorted by name.
pub(crate) fn directory(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let entries = std::fs::read_dir(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let names = entries.map(|entries| entries.iter().map(std::fs::DirEntry::file_name).collect());
    documents(path, names)
}

/// Returns the documents among the names in a directory, sorted by name.
pub(crate) fn documents(
    path: &Path,
    names: std::io::Result<Vec<OsString>>,
) -> Result<Vec<PathBuf>, Unreadable> {
    let name = path.display();
    let names = names.map_err(|error| match error.kind() {
        ErrorKind::NotFound => {
            let help = NAMED_FILE;
            Unreadable {
                code: "file-missing",
                title: format!("there is no directory `{name}`"),
                help,
                place: None,
            }
        }
        _ => {
            let title = format!("`{name}` can't be read: {}", reason(&error));
            Unreadable {
                code: "file-unreadable",
                title,
                help: "use a directory that sluice may read",
                place: None,
            }
        }
    })?;
    let mut files: Vec<PathBuf> = names
        .iter()
        .filter(|name| is_document(Path::new(name)))
        .map(|name| path.join(name))
        .collect();
    files.sort();
    if files.is_empty() {
        let title = format!("there is no document in the directory `{name}`");
        let help = "documents are files that end in `.yaml`, `.yml` or `.json`";
        return Err(Unreadable {
            code: "file-missing",
            title,
            help,
            place: None,
        });
    }
    if files.len() > MAX_DIRECTORY_FILES {
        let title = format!("`{name}` has more than {MAX_DIRECTORY_FILES} documents");
        return Err(Unreadable {
            code: "limit",
            title,
            help: "put more flags into each document",
            place: None,
        });
    }
    Ok(files)
}

fn is_document(name: &Path) -> bool {
    let hidden = name.to_str().is_none_or(|name| name.starts_with('.'));
    let extension = name.extension().and_then(|extension| extension.to_str());
    !hidden && extension.is_some_and(|extension| matches!(extension, "yaml" | "yml" | "json"))
}

/// Returns the reason without the error number of the operating system.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let end = text.find(" (os error").unwrap_or(text.len());
    text.get(..end).unwrap_or(&text).to_lowercase()
}
