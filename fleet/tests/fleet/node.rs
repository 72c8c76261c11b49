//! Nodes of a store in etcd.

use std::path::Path;
use std::time::Duration;

use fleet::{EtcdSettings, EtcdStore};
use tempfile::TempDir;
use testkit::EtcdServer;

/// A node: its store, and the directory of its mirror.
pub(crate) struct Node {
    pub(crate) store: EtcdStore,
    pub(crate) directory: TempDir,
}

/// Opens nodes of an etcd.
pub(crate) trait Nodes {
    /// Returns the settings of a node with a mirror.
    fn settings(&self, mirror: &Path) -> EtcdSettings;

    /// Opens a node with a mirror of its own.
    fn node(&self) -> Node;
}

impl Nodes for EtcdServer {
    fn settings(&self, mirror: &Path) -> EtcdSettings {
        EtcdSettings {
            endpoints: vec![self.url()],
            prefix: "/sluice/test".to_owned(),
            user: None,
            tls: None,
            mirror: mirror.to_owned(),
            timeout: Duration::from_secs(2),
            compare_every: EtcdSettings::COMPARE_EVERY,
        }
    }

    fn node(&self) -> Node {
        let directory = tempfile::tempdir().unwrap();
        let store = EtcdStore::open(self.settings(directory.path())).unwrap();
        Node { store, directory }
    }
}
