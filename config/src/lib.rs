//! What operators write: schema, load, compile to a snapshot, problems with source lines, watch.

mod node;
mod parse;
mod problem;
mod render;
mod report;
mod source;

pub use parse::{MAX_DOCUMENT_DEPTH, MAX_DOCUMENT_NODES};
pub use problem::{Problem, Severity};
pub use report::{Colour, MAX_PROBLEMS, Report};
pub use source::{MAX_FILE_BYTES, Place, Places};
