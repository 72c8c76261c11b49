//! One flag in the native form of several evaluators, and who asks about it.
//!
//! The benches (`beside`, `ratios`) send the same askers through every contestant; `own` measures the parts of
//! the request path that have no counterpart elsewhere.

mod agreement;
mod asker;
mod contest;
mod document;
mod floor;
mod launchdarkly;
mod sluice;
mod yggdrasil;

pub use agreement::{check_agreement, check_share};
pub use asker::{Asker, in_no_rule, in_some_rule};
pub use contest::{Ring, contest};
pub use document::load;
