//! Renders answers as text: tables, times, previews, and text of other authors made safe for a terminal. Pure.

pub(super) mod difference;
pub(super) mod json;
mod local_kill;
pub(super) mod moment;
pub(super) mod preview;
mod reported_cause;
mod table;
mod words;

pub(super) use local_kill::local_kill;
pub(super) use reported_cause::reported_cause;
pub(super) use table::TextTable;
pub(super) use words::{counted, entries};

pub(super) use crate::printable::printable;
