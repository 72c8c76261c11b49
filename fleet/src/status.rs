//! The state of the connection between a node and etcd.

use std::time::SystemTime;

/// The state of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FollowState {
    /// The node has every commit.
    Following,
    /// etcd can't be reached, or denies access; the reason.
    Unreachable(String),
    /// The state in etcd does not continue that of this node; the reason. The last state is served on.
    Rejected(String),
}

/// The state of the connection between a node and etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FollowStatus {
    /// The state.
    pub state: FollowState,
    /// The time since when it is so.
    pub since: SystemTime,
    /// The number of times that everything was read.
    pub listings: u64,
    /// The number of comparisons in which the mirror differed from etcd.
    pub differences: u64,
}

impl FollowStatus {
    /// Creates the status of a node that has not been connected yet.
    pub(crate) fn starting() -> Self {
        Self {
            state: FollowState::Unreachable("not connected yet".to_owned()),
            since: SystemTime::now(),
            listings: 0,
            differences: 0,
        }
    }

    /// Sets the state; the time changes with the kind of the state only.
    pub(crate) fn set(&mut self, state: FollowState) {
        if std::mem::discriminant(&self.state) != std::mem::discriminant(&state) {
            self.since = SystemTime::now();
        }
        self.state = state;
    }
}
