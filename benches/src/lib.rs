//! One flag in the native form of several evaluators, and the callers that it is decided for.
//!
//! The benches (`beside`, `ratios`) send the same callers through every evaluator; `own` measures the parts of
//! the request path that have no counterpart elsewhere.

mod agreement;
mod caller;
mod document;
mod evaluators;
mod floor;
mod launchdarkly;
mod plot;
mod route_request;
mod sluice;
mod yggdrasil;

pub use agreement::{check_agreement, check_share};
pub use caller::{Caller, in_no_rule, in_some_rule};
pub use document::load;
pub use evaluators::{EvaluatorVisitor, visit_evaluators};
pub use plot::Plot;
pub use route_request::{RouteRequest, api_path};
