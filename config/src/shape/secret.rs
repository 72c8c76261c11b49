//! The form of secrets: in the environment or in a file, never in a document.

use super::text::FilePath;
use crate::form::{Placed, PlacedText, Secret, object};

/// The place of a secret, as it is written.
pub(crate) enum SecretSource<'s> {
    /// A reference to an environment variable.
    Variable(PlacedText<'s>),
    /// The path of a file.
    File(PlacedText<'s>),
}

object! {
    /// A shared secret.
    SecretVariable("a secret from the environment"): PlacedText<'s> {
        /// The environment variable that holds it: `${NAME}`.
        secret: required Placed<Secret>,
    } => secret
}

object! {
    /// A shared secret.
    SecretFile("a secret from a file"): PlacedText<'s> {
        /// The file that holds it.
        secret_file: required Placed<FilePath>,
    } => secret_file
}
