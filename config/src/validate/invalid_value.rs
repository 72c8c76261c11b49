//! The result of checks of values that are parsed further than their kind of scalar.

use std::fmt::Display;

/// The reason why a value is refused, and the way to write it.
pub(crate) struct InvalidValue {
    pub(crate) title: String,
    pub(crate) help: String,
}

impl InvalidValue {
    pub(crate) fn new(title: impl Display, help: impl Into<String>) -> Self {
        Self {
            title: title.to_string(),
            help: help.into(),
        }
    }

    /// Returns the value, or the reason of the error.
    pub(crate) fn of<T, E: Display>(parsed: Result<T, E>, help: &str) -> Result<T, Self> {
        parsed.map_err(|reason| Self::new(reason, help))
    }
}
