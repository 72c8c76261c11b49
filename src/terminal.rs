//! The terminal of this process, if a person runs it on one.

use std::io::{self, IsTerminal as _};

/// Returns true if standard input and standard error are a terminal.
pub(crate) fn is_attached() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}
