//! How lines leave the process: bounded, masked, and written by a thread that nothing waits for. The access log and the
//! process log are each such a queue; the process log is also where events of `tracing` go.
//!
//! It leaves to others what a line of the access log says, and who starts a log.

mod drops;
mod event;
mod levels;
mod log_formatter;
mod output;
mod process_log;
mod repeats;
mod writer;

pub use drops::{DropReason, Drops};
pub use levels::{InvalidDirective, Levels};
pub use log_formatter::LogColour;
pub use process_log::{ProcessLog, ProcessLogOptions};
pub use repeats::{MAX_REMEMBERED, WINDOW};
pub use writer::{Limits, LineFormatter, LineWriter};
