//! The terminal of this process, if a person runs it on one.

use std::io::{self, IsTerminal as _};

use config::Colour;

/// Returns true if standard input and standard error are a terminal.
pub(crate) fn is_attached() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Returns true if standard output is a terminal, and `NO_COLOR` is not set.
pub(crate) fn has_coloured_output() -> bool {
    io::stdout().is_terminal() && is_colour_permitted()
}

fn is_colour_permitted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

/// Returns whether to use colours on standard error: only on a terminal, and if `NO_COLOR` is not set.
pub(crate) fn colour() -> Colour {
    if io::stderr().is_terminal() && is_colour_permitted() {
        Colour::Always
    } else {
        Colour::Never
    }
}
