//! The flags documents of `apply` and `import`, read locally, so that errors are reported with their lines.

use std::collections::BTreeMap;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::output::{self, OutputFormat};

/// Name of standard input.
const STANDARD_INPUT: &str = "-";
/// Longest document on standard input, in bytes: the limit of the server.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// Reads a flags document, or a directory of them as one, and returns it as JSON. Prints warnings, and the report of an
/// invalid document, for which it returns `None`.
///
/// # Errors
/// Standard input can't be read, or is too long.
pub(super) fn read(path: &Path, format: OutputFormat) -> Result<Option<Value>> {
    let files = if path == Path::new(STANDARD_INPUT) {
        config::Files::Memory(BTreeMap::from_iter([(path.to_owned(), standard_input()?)]))
    } else {
        config::Files::Disk
    };
    match config::flags_document(files, path) {
        Ok(document) => {
            if format == OutputFormat::Text && !document.warnings.is_empty() {
                output::print_report(&document.warnings);
            }
            Ok(Some(document.value))
        }
        Err(report) => {
            output::print_document_report(&report, format)?;
            Ok(None)
        }
    }
}

fn standard_input() -> Result<Vec<u8>> {
    let mut text = Vec::new();
    let input = stdin().lock();
    input
        .take(MAX_BYTES.saturating_add(1))
        .read_to_end(&mut text)
        .context("can't read standard input")?;
    if u64::try_from(text.len()).unwrap_or(u64::MAX) > MAX_BYTES {
        bail!("standard input is longer than {MAX_BYTES} bytes");
    }
    Ok(text)
}
