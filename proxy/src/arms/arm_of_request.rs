//! The arms of one request, for each observed flag that it counts for.

use arrayvec::ArrayVec;
use rules::Arm;

/// The most observed flags that one request counts for.
pub(super) const MAX_FLAGS_OF_REQUEST: usize = 8;

/// The flags that a request counts for, each with its arm.
pub(crate) type ArmsOfRequest = ArrayVec<ArmOfRequest, MAX_FLAGS_OF_REQUEST>;

/// The arm of a request for one flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ArmOfRequest {
    /// The index of the observed flag.
    pub(super) flag: u16,
    pub(super) arm: Arm,
    /// The hash of the id that the flag's bucket is computed from; none if the subject has no such id.
    pub(super) unit: Option<u64>,
    /// The hash of the tenant's id.
    pub(super) tenant: u64,
}

#[cfg(test)]
impl ArmOfRequest {
    /// Returns the arm of a request whose unit is its tenant.
    pub(super) fn new(arm: Arm, unit: u64) -> Self {
        Self {
            flag: 0,
            arm,
            unit: Some(unit),
            tenant: unit,
        }
    }
}
