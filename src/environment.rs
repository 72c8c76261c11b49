//! The environment of the process, as far as documents refer to it.

/// The variable of this name.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
