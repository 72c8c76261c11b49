//! The contract of stores, for the store in etcd.

use testkit::store_contract::OpenedStore;
use testkit::{EtcdServer, store_contract};

use crate::node::Nodes as _;

fn in_etcd() -> Option<OpenedStore> {
    let server = EtcdServer::start()?;
    let node = server.node();
    Some(OpenedStore {
        store: Box::new(node.store),
        needs: Box::new((node.directory, server)),
    })
}

store_contract! { etcd: crate::contract::in_etcd }
