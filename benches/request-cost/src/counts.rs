//! The counts of one request: the difference between a long and a short run.

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use crate::callgrind::{self, Profile};
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
    /// Those of the threads that work for requests. The others work in the background, whatever the number of requests, and
    /// more in a slow run.
    pub(crate) serving_instructions: f64,
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
    /// Sets what `tool` counted in the short and the long run, given its outputs: of callgrind one for each thread. `threads`
    /// is the number of threads that work for requests.
    ///
    /// # Errors
    /// An output is not complete.
    pub(crate) fn set(
        &mut self,
        (tool, threads): (Tool, usize),
        few: &[String],
        many: &[String],
    ) -> Result<()> {
        let (from, to) = requests(tool);
        let per_request = |few, many| per_request(few, many, to - from);
        match tool {
            Tool::Callgrind => {
                let (few, many) = (callgrind::read_threads(few)?, callgrind::read_threads(many)?);
                let of_thread = |at: usize| {
                    let few = few.get(at).map_or(0, |thread| thread.instructions);
                    per_request(few, many.get(at).map_or(0, |thread| thread.instructions))
                };
                let mut by_thread: Vec<f64> = (0..many.len()).map(of_thread).collect();
                by_thread.sort_by(|one, other| other.total_cmp(one));
                self.serving_instructions = by_thread.iter().take(threads).sum();
                let (few, many): (Profile, Profile) = (few.into_iter().sum(), many.into_iter().sum());
                self.instructions = per_request(few.instructions, many.instructions);
                self.allocations = per_request(few.allocations, many.allocations);
                self.reallocations = per_request(few.reallocations, many.reallocations);
                self.memset_instructions = per_request(few.memset_instructions, many.memset_instructions);
                self.memset_calls = per_request(few.memset_calls, many.memset_calls);
            }
            Tool::Dhat => {
                let total = |log: &[String]| {
                    only(log)
                        .and_then(tool::copied_bytes)
                        .context("dhat printed no total")
                };
                self.copied_bytes = per_request(total(few)?, total(many)?);
            }
            Tool::Strace => {
                let total = |table: &[String]| {
                    only(table)
                        .and_then(tool::system_calls)
                        .context("strace printed no total")
                };
                self.system_calls = Some(per_request(total(few)?, total(many)?));
            }
        }
        Ok(())
    }
}

/// Returns the output of a tool that writes one.
fn only(outputs: &[String]) -> Option<&str> {
    outputs.first().map(String::as_str)
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
        let texts = |texts: &[&str]| -> Vec<String> { texts.iter().map(|text| (*text).to_owned()).collect() };
        // The main thread, then the one that serves requests.
        counts
            .set(
                (Tool::Callgrind, 1),
                &texts(&["fn=(1) memset\ntotals: 40000300\n", "fn=(1) a\ntotals: 1000\n"]),
                &texts(&[
                    "fn=(1) memset\ntotals: 40000350\n",
                    "fn=(1) a\ntotals: 100001400\n",
                ]),
            )
            .unwrap();
        counts
            .set(
                (Tool::Dhat, 1),
                &texts(&[" Total: 5,000 bytes in 7 blocks"]),
                &texts(&[" Total: 9,000 bytes in 8 blocks"]),
            )
            .unwrap();
        assert!((counts.instructions - 100_000.5).abs() < f64::EPSILON);
        assert!((counts.serving_instructions - 100_000.4).abs() < f64::EPSILON);
        assert!((counts.copied_bytes - 20.0).abs() < f64::EPSILON);
        assert_eq!(counts.system_calls, None);
    }
}
