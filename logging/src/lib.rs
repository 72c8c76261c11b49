//! Bounded log queues: lines are masked, and written by a thread that no caller waits for. The access log and
//! the process log are such queues; events of `tracing` go to the process log.
//!
//! The content of access log lines, and starting a log, are left to other crates.

mod current_levels;
mod destination;
mod drops;
mod event_text;
mod fill;
mod levels;
mod line_output;
mod log_format;
mod log_formatter;
mod process_log;
mod repeats;
mod writer;

pub use current_levels::CurrentLevels;
pub use destination::Destination;
pub use drops::{DropReason, Drops};
pub use fill::Limits;
pub use levels::{InvalidDirective, Levels};
pub use log_format::{LogColour, LogFormat};
pub use process_log::{ProcessLog, ProcessLogOptions};
pub use repeats::{MAX_REMEMBERED, WINDOW};
pub use writer::{LineFormatter, LineWriter};
