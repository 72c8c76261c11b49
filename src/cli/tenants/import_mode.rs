//! The modes of an import, as the admin API names them.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ImportModeArgument {
    /// Rejects them.
    Create,
    /// Replaces whole records: fields that the document leaves out are removed.
    Upsert,
    /// Changes the fields that the document has, as a merge patch; the others stay unchanged.
    Patch,
}

impl ImportModeArgument {
    /// Returns the name of the mode in the admin API.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Upsert => "upsert",
            Self::Patch => "patch",
        }
    }
}
