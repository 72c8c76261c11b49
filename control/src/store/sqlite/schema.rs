//! The format of the file, built in numbered migration steps. A released step is never changed; a newer format adds a
//! step.

use rusqlite::{Connection, TransactionBehavior};

use super::fault::fault;
use crate::store::StoreError;

/// The migration steps. `user_version` is the number of applied steps.
const STEPS: &[&str] = &[include_str!("schema/0001.sql"), include_str!("schema/0002.sql")];
/// The format that this version writes.
pub(super) const NEWEST: usize = STEPS.len();

/// "sluc": the application id of the file (SQLite file format, section 1.3).
const APPLICATION: i32 = 0x736c_7563;

/// Sets the application id of a new file.
pub(super) fn mark(connection: &Connection) -> Result<(), StoreError> {
    connection
        .pragma_update(None, "application_id", APPLICATION)
        .map_err(fault)
}

/// Checks that sluice wrote the file, in a format that this version can read.
pub(super) fn check_format(connection: &Connection) -> Result<(), StoreError> {
    if pragma(connection, "application_id")? != APPLICATION {
        return Err(StoreError::Corrupt("it was not written by sluice".to_owned()));
    }
    let (found, known) = (version(connection)?, STEPS.len());
    if found > known {
        return Err(StoreError::TooNew {
            found,
            known,
            way_back: "sluice restore BACKUP --to DIRECTORY".to_owned(),
        });
    }
    Ok(())
}

/// Returns true if the file has the newest format.
pub(super) fn is_newest(connection: &Connection) -> Result<bool, StoreError> {
    Ok(version(connection)? == STEPS.len())
}

/// Applies the missing steps, each in one transaction. The caller has made a backup.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    take(connection, STEPS)
}

/// Applies the steps up to a format, for tests of older stores.
#[cfg(test)]
pub(super) fn migrate_to(connection: &mut Connection, format: usize) -> Result<(), StoreError> {
    take(connection, STEPS.get(..format).unwrap_or(STEPS))
}

fn take(connection: &mut Connection, steps: &[&str]) -> Result<(), StoreError> {
    let taken = version(connection)?;
    for (step, number) in steps.iter().zip(1_i32..).skip(taken) {
        let transaction = connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .map_err(fault)?;
        transaction.execute_batch(step).map_err(fault)?;
        transaction
            .pragma_update(None, "user_version", number)
            .map_err(fault)?;
        transaction.commit().map_err(fault)?;
    }
    Ok(())
}

/// Returns the format of the file.
pub(super) fn version(connection: &Connection) -> Result<usize, StoreError> {
    let version = pragma(connection, "user_version")?;
    usize::try_from(version).map_err(|_| StoreError::Corrupt(format!("it has the format {version}")))
}

fn pragma(connection: &Connection, name: &str) -> Result<i32, StoreError> {
    connection
        .pragma_query_value(None, name, |row| row.get(0))
        .map_err(fault)
}

#[cfg(test)]
mod tests;
