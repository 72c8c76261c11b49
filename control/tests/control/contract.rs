//! The contract of stores, for the stores of one node.

use control::{MemoryStore, SqliteStore};
use testkit::store_contract;
use testkit::store_contract::OpenedStore;

fn in_memory() -> Option<OpenedStore> {
    Some(OpenedStore {
        store: Box::new(MemoryStore::new()),
        needs: Box::new(()),
    })
}

fn in_sqlite() -> Option<OpenedStore> {
    let directory = tempfile::tempdir().unwrap();
    Some(OpenedStore {
        store: Box::new(SqliteStore::open(&directory.path().join("data")).unwrap()),
        needs: Box::new(directory),
    })
}

store_contract! { memory: crate::contract::in_memory }
store_contract! { sqlite: crate::contract::in_sqlite }
