//! The environment variables that documents refer to, and options of the command line that come before them.

use std::sync::OnceLock;

/// Values of options, by the variables that they come before.
static OPTIONS: OnceLock<Vec<(&'static str, String)>> = OnceLock::new();

/// Makes options of the command line come before variables. Only the first call has an effect.
pub(crate) fn set_options(options: Vec<(&'static str, String)>) {
    let _ = OPTIONS.set(options);
}

/// Returns the value of a variable; `None` if it is not set, or is not UTF-8.
pub(crate) fn variable(name: &str) -> Option<String> {
    let mut options = OPTIONS.get().into_iter().flatten();
    match options.find(|(variable, _)| *variable == name) {
        Some((_, value)) => Some(value.clone()),
        None => std::env::var(name).ok(),
    }
}
