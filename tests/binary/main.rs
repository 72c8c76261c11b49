//! The built binary, driven as a separate process: what each command answers, and that a running proxy follows
//! its files without losing a request.

mod checking;
mod demo;
mod documents;
mod evaluating;
mod explaining;
mod process;
mod running;
mod tokens;
