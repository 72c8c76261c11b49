//! What operators write: schema, load, compile to a snapshot, problems with source lines, watch.

#![allow(dead_code, reason = "the document of routes comes next and uses the rest")]

mod json;
mod load;
mod locate;
mod lower;
mod node;
mod parse;
mod problem;
mod quantity;
mod read;
mod render;
mod report;
mod schema;
mod shape;
mod source;
mod suggest;
mod translate;
mod validate;

pub use load::{LoadedFlags, load_flags};
pub use parse::{MAX_DOCUMENT_DEPTH, MAX_DOCUMENT_NODES};
pub use problem::{Problem, Severity};
pub use read::{Inputs, MAX_DIRECTORY_FILES};
pub use report::{Colour, MAX_PROBLEMS, Report};
pub use schema::flags_schema;
pub use source::{MAX_FILE_BYTES, Place, Places};
