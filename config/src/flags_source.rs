//! The location of the flags of a gateway document.

use std::path::{Path, PathBuf};

use crate::etcd_store::EtcdStore;
use crate::shape::flags_store::StorePlace;
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
    /// A store in etcd. A load of the document does not read these flags.
    Etcd(Box<EtcdStore>),
}

impl FlagsSource {
    /// Returns the directory on this machine of a store: that of the embedded database, or of the mirror of etcd.
    #[must_use]
    pub fn store_directory(&self) -> Option<&Path> {
        match self {
            Self::Store(directory) => Some(directory),
            Self::Etcd(store) => Some(&store.mirror),
            Self::File(_) | Self::Directory(_) => None,
        }
    }
}

/// Returns the location of the flags of a gateway document; none if it was refused.
pub(crate) fn flags_source(source: &Source, gateway: &GatewayFields<'_>) -> Option<FlagsSource> {
    let folder = source.path.parent().unwrap_or(Path::new(""));
    Some(match gateway.flags.value()? {
        FlagsAt::File(path) => FlagsSource::File(folder.join(&*path.value)),
        FlagsAt::Directory(path) => FlagsSource::Directory(folder.join(&*path.value)),
        FlagsAt::Store(flags) => match &flags.store.value()?.place {
            StorePlace::Sqlite(directory) => FlagsSource::Store(folder.join(&**directory.value()?)),
            StorePlace::Etcd(store) => FlagsSource::Etcd(Box::new(store.value()?.clone())),
        },
    })
}

/// Returns the document that fills an empty store, if the gateway document names one.
pub(crate) fn seed(source: &Source, gateway: &GatewayFields<'_>) -> Option<PathBuf> {
    let FlagsAt::Store(flags) = gateway.flags.value()? else {
        return None;
    };
    let folder = source.path.parent().unwrap_or(Path::new(""));
    Some(folder.join(&**flags.store.value()?.options.seed.value()?))
}
