//! The form of secrets: in the environment or in a file, never in a document.

use super::text::FilePath;
use crate::form::{Placed, PlacedText, Secret, single};

/// The place of a secret, as it is written.
pub(crate) enum SecretSource<'s> {
    /// A reference to an environment variable.
    Variable(PlacedText<'s>),
    /// The path of a file.
    File(PlacedText<'s>),
}

single! {
    /// A shared secret.
    SecretVariable("a secret from the environment") secret: Placed<Secret>, "The environment variable that holds it: `${NAME}`.";
    /// A shared secret.
    SecretFile("a secret from a file") secret_file: Placed<FilePath>, "The file that holds it.";
}
