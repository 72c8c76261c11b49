//! A store that many nodes share, on etcd. Each node has a mirror of it, a SQLite store, from which it starts and answers
//! reads while etcd is unreachable.
//!
//! [`EtcdStore`] implements [`control::Store`], and passes the same contract as the stores of one node.

mod commit;
mod etcd;
mod follower;
mod layout;
mod listing;
mod mirror;
mod settings;
mod settle;
mod status;
mod store;

pub use settings::{EtcdSettings, EtcdTls, EtcdUser};
pub use status::{FollowState, FollowStatus};
pub use store::EtcdStore;
