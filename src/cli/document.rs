//! The flags documents of `apply` and `import`: read where they are, so that mistakes are told with their lines.

use std::collections::BTreeMap;
use std::io::{Read, stdin};
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::output;

/// The name of standard input.
const STANDARD_INPUT: &str = "-";
/// Longest document that is read from standard input, in bytes: as the server takes it.
const MAX_BYTES: u64 = 32 * 1024 * 1024;

/// A flags document, or a directory of them merged, as JSON; none where it is no good one, which is said.
pub(super) fn read(path: &Path) -> Result<Option<Value>> {
    let files = if path == Path::new(STANDARD_INPUT) {
        config::Files::Memory(BTreeMap::from_iter([(path.to_owned(), standard_input()?)]))
    } else {
        config::Files::Disk
    };
    match config::flags_document(files, path) {
        Ok(document) => Ok(Some(document)),
        Err(report) => {
            output::print_stderr(report.render(output::colour()).trim_end());
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
