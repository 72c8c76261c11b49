//! Unsigned numbers in columns of SQLite, which has only signed ones.

use crate::store::StoreError;

/// Converts a number. Numbers above the maximum, which ids and revisions do not reach, become the maximum.
pub(super) fn to_column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn from_column(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("the number {number} is negative")))
}
