//! The modes of an import, as the admin API names them.

use clap::ValueEnum;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ImportMode {
    /// They are refused.
    Create,
    /// They are written whole: what the document does not say of them is gone.
    Upsert,
    /// The fields that the document has are changed, as by a merge patch; the others stay.
    Patch,
}

impl ImportMode {
    /// Returns the name of the mode in the admin API.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Upsert => "upsert",
            Self::Patch => "patch",
        }
    }
}
