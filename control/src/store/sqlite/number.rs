//! Numbers of ours in columns of SQLite, which has signed ones only.

use crate::store::StoreError;

/// No number of ours comes near the end.
pub(super) fn to_column(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn from_column(number: i64) -> Result<u64, StoreError> {
    u64::try_from(number).map_err(|_| StoreError::Corrupt(format!("there is a number {number}")))
}
