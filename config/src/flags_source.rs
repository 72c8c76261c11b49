//! The location of the flags of a gateway document.

use std::path::{Path, PathBuf};

use crate::shape::sluice::{FlagsAt, GatewayFields};
use crate::source::Source;

/// The location of the flags of a gateway document. Paths are relative to the working directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlagsSource {
    /// A file.
    File(PathBuf),
    /// A directory of documents.
    Directory(PathBuf),
    /// A directory with an embedded database. A load of the document does not read these flags.
    Store(PathBuf),
}

/// Returns the location of the flags of a gateway document; none if it was refused.
pub(crate) fn flags_source(source: &Source, gateway: &GatewayFields<'_>) -> Option<FlagsSource> {
    let folder = source.path.parent().unwrap_or(Path::new(""));
    Some(match gateway.flags.value()? {
        FlagsAt::File(path) => FlagsSource::File(folder.join(&*path.value)),
        FlagsAt::Directory(path) => FlagsSource::Directory(folder.join(&*path.value)),
        FlagsAt::Store(flags) => FlagsSource::Store(folder.join(&**flags.store.value()?.sqlite.value()?)),
    })
}

/// Returns the document that fills an empty store, if the gateway document names one.
pub(crate) fn seed(source: &Source, gateway: &GatewayFields<'_>) -> Option<PathBuf> {
    let FlagsAt::Store(flags) = gateway.flags.value()? else {
        return None;
    };
    let folder = source.path.parent().unwrap_or(Path::new(""));
    Some(folder.join(&**flags.store.value()?.seed.value()?))
}
