//! How answers are told to people: tables, times, and texts of others made harmless. Pure.

pub(super) mod difference;
pub(super) mod json;
mod local_kill;
pub(super) mod moment;
pub(super) mod preview;
mod table;
mod words;

pub(super) use local_kill::local_kill;
pub(super) use table::Table;
pub(super) use words::{counted, printable};
