//! The verdicts of rollouts. Pure: no I/O, no clock, no randomness; time is the number of a slot.
//!
//! ```text
//! Slot (5 s of counts, by unit and arm) -> Stage::ingest -> trials: windows, games, evidence
//!                                          Stage::look   -> Verdict { pass | fail | inconclusive | not_applicable }
//! ```
//!
//! [`Stage::ingest`] takes each slot once, in order, and does all the work; [`Stage::look`] only reads. A check fails
//! by evidence from the random assignment of units to the arms, whatever bursts and incidents the traffic has; the
//! modules `assignment`, `surprise`, `bound`, `games` and `survival` state their null hypotheses and sources. External
//! metrics are [`SampleCheck`].

mod assignment;
mod bound;
mod check;
mod games;
pub mod histogram;
mod level;
mod measure;
mod ratio;
mod roster;
mod sample_check;
mod slot;
mod split;
mod stage;
mod surprise;
mod survival;
mod trial;
mod verdict;
mod windows;

pub use check::{Baseline, Check, Minimum, StageConfig, Tally, alpha_of_check};
pub use ratio::{MIN_SUBJECTS, SampleRatio};
pub use roster::MAX_UNITS;
pub use sample_check::{BadSide, SampleCheck};
pub use slot::{Arm, DEFAULT_CAP, Ingested, InvalidSlot, SLOT_SECONDS, Slot, UnitCount};
pub use stage::{Stage, Totals, Uncounted};
pub use verdict::{Reason, Sample, Status, Verdict};
