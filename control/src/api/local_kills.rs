//! What is killed on this machine, put over what is kept: so that what is told here is what is decided here.

use std::collections::BTreeMap;
use std::sync::Arc;

use rules::{Flags, Timestamp};

use crate::break_glass::LocalKill;
use crate::engine::Control;
use crate::request_explanation::ExplainedLocalKill;

/// The flags that are killed on this machine at a time.
pub(crate) struct LocalKills(BTreeMap<String, LocalKill>);

impl LocalKills {
    /// What is killed now, as far as it still is at `at`.
    pub(crate) fn at(control: &Control, at: Timestamp) -> Self {
        let kills = control.local_kills().into_iter();
        let kills = kills.filter(|kill| kill.until > at);
        Self(kills.map(|kill| (kill.flag.clone(), kill)).collect())
    }

    /// Returns the kill of a flag, if there is one.
    pub(crate) fn of(&self, flag: &str) -> Option<ExplainedLocalKill> {
        self.0.get(flag).map(ExplainedLocalKill::from)
    }

    /// The flags as they are decided here.
    pub(crate) fn over(&self, flags: &Arc<Flags>) -> Arc<Flags> {
        let killed: Vec<_> = self.0.keys().filter_map(|flag| flags.id(flag)).collect();
        match killed.is_empty() {
            true => Arc::clone(flags),
            false => Arc::new(flags.with_killed(&killed)),
        }
    }
}
