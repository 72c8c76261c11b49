//! A query to Prometheus that a check of the stage in force asks for.

use rules::Timestamp;

use super::judged_stage::JudgedStage;

/// A query to Prometheus that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DueQuery {
    /// The flag.
    pub flag: String,
    run: u64,
    stage: usize,
    /// The steady time at which it is sent.
    pub(super) at: Timestamp,
    /// The check.
    pub check: String,
    /// The query.
    pub query: String,
}

impl DueQuery {
    /// Returns the queries of the stage in force of a flag, sent at a steady time.
    pub(super) fn of_stage(flag: &str, judged: &JudgedStage, at: Timestamp) -> impl Iterator<Item = Self> {
        let (run, stage) = judged.id();
        judged.queries().map(move |(check, query)| Self {
            flag: flag.to_owned(),
            run,
            stage,
            at,
            check: check.to_owned(),
            query: query.to_owned(),
        })
    }

    /// Returns true if a check of this stage asked for it.
    pub(super) fn is_of(&self, judged: &JudgedStage) -> bool {
        judged.id() == (self.run, self.stage)
    }
}
