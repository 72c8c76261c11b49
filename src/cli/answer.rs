//! Where answers go: results to standard output, complaints to standard error, colours only to a terminal.

use std::{
    fmt,
    io::{self, IsTerminal, Write},
};

use config::Colour;

/// Writes a line to standard output.
pub(super) fn say(line: impl fmt::Display) -> io::Result<()> {
    writeln!(io::stdout().lock(), "{line}")
}

/// Writes a line to standard error. There is nobody to tell when that fails.
pub(super) fn complain(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Colours for standard error, unless it is no terminal or `NO_COLOR` is set.
pub(super) fn colour() -> Colour {
    let wanted =
        io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    if wanted { Colour::Always } else { Colour::Never }
}
