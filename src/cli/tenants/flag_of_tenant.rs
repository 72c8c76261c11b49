//! The arguments of commands that change one flag for one tenant.

use clap::Args;

use crate::cli::change::ChangeOptions;

/// The tenant, the flag, and the options of the change.
#[derive(Debug, Args)]
pub(super) struct FlagOfTenant {
    /// The tenant's id.
    pub(super) tenant: String,
    /// The flag's key.
    pub(super) flag: String,
    #[command(flatten)]
    pub(super) options: ChangeOptions,
}
