//! Answers of the admin API, as far as pages show them. The contract is `docs/openapi.json`.

mod flag;

pub(crate) use flag::{Flag, FlagList};
