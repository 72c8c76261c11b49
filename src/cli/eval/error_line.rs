//! The end of an output line without a variant.

use std::io::{self, Write};

use rules::Cause;
use serde_json::to_writer;

/// Writes the end of an answer without a variant.
pub(super) fn write_error(
    output: &mut impl Write,
    cause: Option<Cause>,
    error: &str,
    detail: &str,
) -> io::Result<()> {
    output.write_all(b",\"variant\":null,\"value\":null,\"reason\":\"ERROR\",\"cause\":")?;
    to_writer(&mut *output, &cause.map(Cause::as_str))?;
    write!(output, ",\"error\":\"{error}\",\"detail\":")?;
    to_writer(&mut *output, detail)?;
    output.write_all(b"}\n")
}
