//! The form of secrets: in the environment or in a file, never in a document.

use super::text::FilePath;
use crate::form::{Placed, PlacedText, Secret, single};

/// The location of a secret, as written.
pub(crate) enum SecretSource<'s> {
    /// A reference to an environment variable.
    Variable(PlacedText<'s>),
    /// The path of a file.
    File(PlacedText<'s>),
}

single! {
    /// Environment variable with a secret.
    SecretVariable("a secret from the environment") secret: Placed<Secret>, "Reference to the environment variable that contains the secret: `${NAME}`.";
    /// File with a secret.
    SecretFile("a secret from a file") secret_file: Placed<FilePath>, "Path of the file that contains the secret. A line break at its end is ignored.";
}
