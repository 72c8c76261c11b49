//! Gateway documents whose flags are in a store: what can be known of one before the store is opened, and loading
//! it along with flags that were compiled already.

use std::path::{Path, PathBuf};

use rules::Eligibility;

use crate::catalog::Compiled;
use crate::files::Files;
use crate::load::{Given, flags_source, load_as, seed};
use crate::loaded::{FlagsSource, Loaded};
use crate::loading::Loading;
use crate::report::Report;
use crate::shape::sluice::GatewayDocument;

/// The part of a gateway document about flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outline {
    /// The place of the flags.
    pub flags: FlagsSource,
    /// The document that an empty store begins with.
    pub seed: Option<PathBuf>,
    /// The rules by which their lifecycle is enforced.
    pub eligibility: Eligibility,
}

/// Reads of the gateway document at `path` what it says of flags. What else is wrong with it a load will tell.
///
/// # Errors
/// It does not say where flags are.
pub fn outline(files: Files, path: &Path) -> Result<Outline, Report> {
    let mut loading = Loading::of(files);
    let sources: Vec<_> = loading.source(path, None).into_iter().collect();
    let (_, read) = loading.read_documents::<GatewayDocument>(&sources);
    let outline = read.first().and_then(|(source, gateway)| {
        let environment = gateway.environment.value();
        let eligibility = environment.map_or(Eligibility::Enforced, |environment| environment.eligibility);
        Some(Outline {
            flags: flags_source(source, gateway)?,
            seed: seed(source, gateway),
            eligibility,
        })
    });
    outline.ok_or_else(|| loading.into_report())
}

/// Loads the gateway document at `path` along with flags that a store has at `revision`, wherever the document
/// itself says that flags are: [`Loaded::flags_source`] tells.
///
/// # Errors
/// Everything that is wrong with it.
pub fn load_managed(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &Compiled,
    revision: u64,
) -> Result<Loaded, Report> {
    load_as(files, path, variable, Given::Compiled(flags, revision))
}

/// Everything that is wrong or odd in the gateway document at `path`, with the flags in the document or directory
/// `flags` where that is given. Flags in a store are not looked into, which is a warning.
#[must_use]
pub fn check(path: &Path, variable: &dyn Fn(&str) -> Option<String>, flags: Option<&Path>) -> Report {
    let given = flags.map_or(Given::NamedIfRead, Given::In);
    match load_as(Files::Disk, path, variable, given) {
        Ok(loaded) => loaded.warnings,
        Err(report) => report,
    }
}
