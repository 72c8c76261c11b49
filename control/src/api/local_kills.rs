//! Kills by break-glass on this machine, applied over the stored state, so that the API shows what the proxy decides.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{Flags, Timestamp};

use crate::break_glass::LocalKill;
use crate::engine::Control;
use crate::request_explanation::ExplainedLocalKill;

/// The flags that are killed on this machine at a given time.
pub(crate) struct LocalKills(BTreeMap<String, LocalKill>);

impl LocalKills {
    /// Returns the current kills that do not end before `at`.
    pub(crate) fn at(control: &Control, at: Timestamp) -> Self {
        let kills = control.local_kills().into_iter();
        let kills = kills.filter(|kill| kill.until > at);
        Self(kills.map(|kill| (kill.flag.clone(), kill)).collect())
    }

    /// Returns the kill of a flag, if there is one.
    pub(crate) fn of(&self, flag: &str) -> Option<ExplainedLocalKill> {
        self.0.get(flag).map(ExplainedLocalKill::from)
    }

    /// Returns the flags as the proxy on this machine decides them.
    pub(crate) fn apply_to(&self, flags: &Arc<Flags>) -> Arc<Flags> {
        let killed: Vec<_> = self.0.keys().filter_map(|flag| flags.id(flag)).collect();
        match killed.is_empty() {
            true => Arc::clone(flags),
            false => Arc::new(flags.with_killed(&killed)),
        }
    }
}
