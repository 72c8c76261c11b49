//! The effect of a change that was answered with a problem.

use serde::Serialize;
use utoipa::ToSchema;

/// Effect of a change that was answered with a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = ChangeEffect)]
pub(crate) enum ChangeEffect {
    /// Nothing was changed.
    NotApplied,
    /// The change is committed.
    Applied,
    /// The server does not know; the audit log does.
    Unknown,
}
