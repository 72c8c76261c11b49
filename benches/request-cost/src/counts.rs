//! The counts of one request: the difference between a long and a short run.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::callgrind;
use crate::tool::{self, Tool};

/// The requests of the short and of the long run under a tool. The short run is long enough that caches are warm and
/// buffers have grown. Copies are the same in each request, so that fewer runs are enough: dhat is the slowest tool.
pub(crate) fn requests(tool: Tool) -> (usize, usize) {
    match tool {
        Tool::Callgrind | Tool::Strace => (300, MOST_REQUESTS),
        Tool::Dhat => (100, 300),
    }
}

/// The requests of the longest run.
pub(crate) const MOST_REQUESTS: usize = 1_300;

/// Counts per request, in user space.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    pub(crate) instructions: f64,
    pub(crate) allocations: f64,
    pub(crate) reallocations: f64,
    /// Bytes copied by `memcpy` and its relatives.
    pub(crate) copied_bytes: f64,
    /// Instructions inside `memset`. From 2 KiB on it executes one per byte, below about one per 32 bytes.
    pub(crate) memset_instructions: f64,
    pub(crate) memset_calls: f64,
    /// None where processes may not be traced.
    pub(crate) system_calls: Option<f64>,
}

impl Counts {
    /// Sets what `tool` counted in the short and the long run, given its outputs.
    ///
    /// # Errors
    /// An output is not complete.
    pub(crate) fn set(&mut self, tool: Tool, few: &str, many: &str) -> Result<()> {
        let (from, to) = requests(tool);
        let per_request = |few, many| per_request(few, many, to - from);
        match tool {
            Tool::Callgrind => {
                let (few, many) = (callgrind::read(few)?, callgrind::read(many)?);
                self.instructions = per_request(few.instructions, many.instructions);
                self.allocations = per_request(few.allocations, many.allocations);
                self.reallocations = per_request(few.reallocations, many.reallocations);
                self.memset_instructions = per_request(few.memset_instructions, many.memset_instructions);
                self.memset_calls = per_request(few.memset_calls, many.memset_calls);
            }
            Tool::Dhat => {
                let total = |log| tool::copied_bytes(log).context("dhat printed no total");
                self.copied_bytes = per_request(total(few)?, total(many)?);
            }
            Tool::Strace => {
                let total = |table| tool::system_calls(table).context("strace printed no total");
                self.system_calls = Some(per_request(total(few)?, total(many)?));
            }
        }
        Ok(())
    }
}

/// Divides the difference of two counts, rounded to a tenth.
fn per_request(few: u64, many: u64, requests: usize) -> f64 {
    ((many as f64 - few as f64) / requests as f64 * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_the_difference_divided_by_the_requests() {
        let mut counts = Counts::default();
        counts
            .set(
                Tool::Callgrind,
                "fn=(1) memset\ntotals: 40000300\n",
                "fn=(1) memset\ntotals: 140000750\n",
            )
            .unwrap();
        counts
            .set(
                Tool::Dhat,
                " Total: 5,000 bytes in 7 blocks",
                " Total: 9,000 bytes in 8 blocks",
            )
            .unwrap();
        assert!((counts.instructions - 100_000.5).abs() < f64::EPSILON);
        assert!((counts.copied_bytes - 20.0).abs() < f64::EPSILON);
        assert_eq!(counts.system_calls, None);
    }
}
