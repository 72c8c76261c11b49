//! Nothing acknowledged is lost: a writer is killed at random moments, and a disk has no room. The writer is this
//! binary again, told by its environment what to do.

mod acknowledged;
mod change;
mod full;
mod killed;
mod model;
mod writer;
