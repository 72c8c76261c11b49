//! Confirmation of an action at a terminal.

use std::io::{self, BufRead, IsTerminal, Write};

use anyhow::{Result, bail};

/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 64;

/// Asks the question at the terminal, and returns true for yes.
///
/// # Errors
/// There is no terminal.
pub(super) fn confirm(question: &str) -> Result<bool> {
    let (input, mut output) = (io::stdin(), io::stderr());
    if !input.is_terminal() || !output.is_terminal() {
        bail!("there is no terminal to ask `{question}`: use --yes");
    }
    write!(output, "{question} [y/N] ")?;
    output.flush()?;
    let mut line = String::new();
    io::Read::take(input.lock(), MAX_ANSWER).read_line(&mut line)?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}
