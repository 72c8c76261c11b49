//! The environment variables that documents refer to.

/// Returns the value of a variable; `None` if it is not set, or is not UTF-8.
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
