//! The header of the pages of a flag: its state, the kill switch, and the tabs.

use crate::answers::Flag;
use crate::visitor::Visitor;

/// A page of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Overview,
    Tiers,
    Tenants,
    Rollout,
    Definition,
    Audit,
}

/// The header.
pub(crate) struct FlagHeader {
    pub(crate) flag: Flag,
    pub(crate) tab: Tab,
    pub(crate) may_kill: bool,
    pub(crate) may_restore: bool,
}

impl Tab {
    pub(crate) const ALL: [Self; 6] = [
        Self::Overview,
        Self::Tiers,
        Self::Tenants,
        Self::Rollout,
        Self::Definition,
        Self::Audit,
    ];

    /// Returns the part of its path after that of the flag.
    pub(crate) fn suffix(self) -> &'static str {
        match self {
            Self::Overview => "",
            Self::Tiers => "/tiers",
            Self::Tenants => "/tenants",
            Self::Rollout => "/rollout",
            Self::Definition => "/definition",
            Self::Audit => "/audit",
        }
    }

    /// Returns the id of its title.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Overview => "tab-overview",
            Self::Tiers => "tab-tiers",
            Self::Tenants => "tab-tenants",
            Self::Rollout => "tab-rollout",
            Self::Definition => "tab-definition",
            Self::Audit => "tab-audit",
        }
    }
}

impl FlagHeader {
    /// Returns the state of the lifecycle if it limits the flag to eligible tenants.
    pub(crate) fn limited_state(&self) -> Option<&str> {
        let state = self.flag.lifecycle.as_deref();
        state.filter(|state| matches!(*state, "alpha" | "beta"))
    }

    /// Creates the header of a page of the flag.
    pub(crate) fn new(visitor: &Visitor, flag: Flag, tab: Tab) -> Self {
        Self {
            flag,
            tab,
            may_kill: visitor.may("killFlag"),
            may_restore: visitor.may("restoreFlag"),
        }
    }
}
