//! Asks somebody at a terminal whether to go on.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, bail};

/// Longest answer that is read.
const MAX_ANSWER: u64 = 64;

/// Whether somebody says yes.
///
/// # Errors
/// Nobody is there to be asked.
pub(super) fn confirm(question: &str) -> Result<bool> {
    let (input, mut output) = (io::stdin(), io::stderr());
    if !input.is_terminal() || !output.is_terminal() {
        bail!("nobody is there to be asked `{question}`: say --yes");
    }
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut line = String::new();
    io::Read::take(input.lock(), MAX_ANSWER).read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
