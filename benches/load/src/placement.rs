//! The processor cores of the measured process, and of everything else.

use std::sync::OnceLock;

use anyhow::Context as _;
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The part of the machine's cores on which a process runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cores {
    /// The core of the measured process: the first one.
    Measured,
    /// All others, for the load and the origin.
    Others,
    /// Every core.
    All,
}

impl Cores {
    /// Runs `action` with this thread restricted to these cores. Processes started by it inherit the restriction.
    /// On a machine with one core there is no restriction.
    pub(crate) fn run<T>(self, action: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
        let before = sched_getaffinity(None)?;
        sched_setaffinity(None, &self.set()?)?;
        let result = action();
        sched_setaffinity(None, &before)?;
        result
    }

    fn set(self) -> anyhow::Result<CpuSet> {
        let chosen = match (self, usable_cores()?) {
            (Self::Measured, [first, _, ..]) => std::slice::from_ref(first),
            (Self::Others, [_, others @ ..]) if !others.is_empty() => others,
            (_, every) => every,
        };
        let mut set = CpuSet::new();
        chosen.iter().for_each(|core| set.set(*core));
        Ok(set)
    }

    /// Describes the placement for the report.
    pub(crate) fn description() -> anyhow::Result<&'static str> {
        Ok(match usable_cores()? {
            [_, _, ..] => "the contestant runs on one core, the load and the origin on the others",
            _ => "contestant, load and origin share one core",
        })
    }
}

/// Returns the cores that this process could use when this was called first.
fn usable_cores() -> anyhow::Result<&'static [usize]> {
    static CORES: OnceLock<Vec<usize>> = OnceLock::new();
    // Read only once, because threads are restricted later.
    let now = sched_getaffinity(None).context("the cores of this process are not known")?;
    Ok(CORES.get_or_init(|| (0..CpuSet::MAX_CPU).filter(|core| now.is_set(*core)).collect()))
}
