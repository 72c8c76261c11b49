//! No acknowledged change is lost: a writer is killed at random moments, or its disk is full. The writer is this test
//! binary with its task in the environment.

mod acknowledged;
mod change;
mod full;
mod killed;
mod model;
mod writer;
