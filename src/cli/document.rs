//! The flags documents of `apply` and `import`: read where they are, so that mistakes are told with their lines.

use std::path::Path;

use anyhow::Result;
use serde_json::Value;

use super::answer;

/// A flags document, or a directory of them merged, as JSON; none where it is no good one, which is said.
pub(super) fn read(path: &Path) -> Result<Option<Value>> {
    match config::flags_document(config::Files::Disk, path) {
        Ok(document) => Ok(Some(document)),
        Err(report) => {
            answer::complain(report.render(answer::colour()).trim_end());
            Ok(None)
        }
    }
}
