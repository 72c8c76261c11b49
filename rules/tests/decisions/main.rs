//! What deciding promises: the cases of `spec/decisions`, and the properties that hold for every subject.

mod asking;
mod explaining;
mod linting;
mod properties;
mod refusing;
mod spec;
