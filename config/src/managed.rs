//! Gateway documents whose flags are in a store: their settings about flags, before the store is opened, and loading
//! them with flags that are compiled already.

use std::path::{Path, PathBuf};

use rules::Eligibility;

use crate::catalog::Compiled;
use crate::files::Files;
use crate::flags_source::{FlagsSource, flags_source, seed};
use crate::load::{FlagsFrom, load_as};
use crate::load_context::LoadContext;
use crate::loaded_config::LoadedConfig;
use crate::operators::ChangePolicy;
use crate::report::Report;
use crate::settings::{ProcessLogSettings, UpgradeSettings};

/// The settings of a gateway document about flags.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlagsSettings {
    /// The location of the flags.
    pub flags: FlagsSource,
    /// The document that fills an empty store.
    pub seed: Option<PathBuf>,
    /// The eligibility of flags in the environment of the document.
    pub eligibility: Eligibility,
    /// The conditions of changes; none if they are invalid.
    pub changes: Option<ChangePolicy>,
    /// True if operators of flags are configured.
    pub has_operators: bool,
}

/// Reads the settings about flags from the gateway document at `path`. Other problems of the document are not errors
/// here; a load reports them.
///
/// # Errors
/// The document cannot be read, or has no valid location of flags.
pub fn flags_settings(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<FlagsSettings, Report> {
    let mut context = LoadContext::of(files);
    let sources = context.gateway_sources(path, variable).unwrap_or_default();
    let read = context.read_gateway(&sources, variable);
    let settings = read
        .as_ref()
        .zip(sources.first())
        .and_then(|((_, gateway), source)| {
            let environment = gateway.environment.value();
            let eligibility =
                environment.map_or(Eligibility::Enforced, |environment| environment.eligibility);
            let admin = gateway.admin.value().and_then(Option::as_ref);
            Some(FlagsSettings {
                flags: flags_source(source, gateway)?,
                seed: seed(source, gateway),
                eligibility,
                changes: gateway.control.or_default(),
                has_operators: admin.is_some_and(|admin| admin.operators.key().is_some()),
            })
        });
    settings.ok_or_else(|| context.into_report())
}

/// Reads the settings about the process log from the gateway document at `path`, or returns the default. Problems of the
/// document are not errors here; a load reports them, to the log that these settings start.
#[must_use]
pub fn log_settings(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> ProcessLogSettings {
    let mut context = LoadContext::of(files);
    let sources = context.gateway_sources(path, variable).unwrap_or_default();
    let read = context.read_gateway(&sources, variable);
    let settings = read.as_ref().and_then(|(_, gateway)| gateway.log.value());
    settings.copied().unwrap_or_default()
}

/// Reads the socket for upgrades from the gateway document at `path`. Problems of the document are not errors here; a load
/// reports them.
#[must_use]
pub fn upgrade_settings(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Option<UpgradeSettings> {
    let mut context = LoadContext::of(files);
    let sources = context.gateway_sources(path, variable).unwrap_or_default();
    let read = context.read_gateway(&sources, variable);
    read.and_then(|(_, gateway)| gateway.upgrade.into_value())
}

/// Loads the gateway document at `path` with the flags of a store at `revision`. The location of flags in the
/// document is not read; [`LoadedConfig::flags_source`] returns it.
///
/// # Errors
/// All problems of the document.
pub fn load_managed(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &Compiled,
    revision: u64,
) -> Result<LoadedConfig, Report> {
    load_as(files, path, variable, FlagsFrom::Compiled(flags, revision))
}

/// Loads the gateway document at `path` with the flags of the document, or directory of documents, at `flags`. The
/// location of flags in the document is not read; [`LoadedConfig::flags_source`] returns it.
///
/// # Errors
/// All problems of the documents.
pub fn load_with_flags_at(
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: &Path,
) -> Result<LoadedConfig, Report> {
    load_as(Files::Disk, path, variable, FlagsFrom::Path(flags))
}

/// The result of checking a gateway document.
#[derive(Debug)]
pub struct CheckedDocument {
    /// All errors and warnings.
    pub report: Report,
    /// True if the document was checked against flags. Flags in a store are not read.
    pub has_read_flags: bool,
}

/// Checks the gateway document at `path`. `flags` is a document or directory whose flags are used instead of those that
/// the document names. Without it, flags in a store are not read, and everything else is checked.
#[must_use]
pub fn check(
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    flags: Option<&Path>,
) -> CheckedDocument {
    let flags_from = flags.map_or(FlagsFrom::DocumentUnlessStore, FlagsFrom::Path);
    let report = match load_as(Files::Disk, path, variable, flags_from) {
        Ok(loaded) => loaded.warnings,
        Err(report) => report,
    };
    let is_in_store = || {
        let settings = flags_settings(Files::Disk, path, variable);
        settings.is_ok_and(|settings| settings.flags.store_directory().is_some())
    };
    CheckedDocument {
        report,
        has_read_flags: flags.is_some() || !is_in_store(),
    }
}
