//! The table of records. Each row has a digest, so that corruption on the disk is detected.

use aws_lc_rs::digest;
use changes::{Json, Key, Revision, Write};
use rusqlite::{Connection, Row, params};

use super::fault::fault;
use super::number::{from_column, to_column};
use crate::store::{Changes, Loaded, Record, StoreError};

const NEWEST: &str = "SELECT coalesce(max(revision), 0) FROM record";
const LOAD: &str =
    "SELECT kind, name, value, revision, digest FROM record WHERE value IS NOT NULL ORDER BY kind, name";
const SINCE: &str = "SELECT kind, name, value, revision, digest FROM record WHERE revision > ?1 \
     ORDER BY revision, kind, name";
const WRITE: &str = "INSERT INTO record (kind, name, value, revision, digest) VALUES (?1, ?2, ?3, ?4, ?5) \
     ON CONFLICT (kind, name) DO UPDATE SET value = ?3, revision = ?4, digest = ?5";

/// Returns the newest revision. Each commit with a new revision writes at least one record, and a removed record keeps
/// its row, so that this is the revision of the newest record.
pub(super) fn newest(connection: &Connection) -> Result<Revision, StoreError> {
    let mut statement = connection.prepare_cached(NEWEST).map_err(fault)?;
    let newest = statement.query_row([], |row| row.get(0)).map_err(fault)?;
    Ok(Revision(from_column(newest)?))
}

/// Loads all records. The connection is in a transaction.
pub(super) fn load(connection: &Connection) -> Result<Loaded, StoreError> {
    let revision = newest(connection)?;
    let mut statement = connection.prepare_cached(LOAD).map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(fault)? {
        records.push(read(row)?);
    }
    Ok(Loaded { revision, records })
}

/// Returns the changed records. The connection is in a transaction.
pub(super) fn changes_since(connection: &Connection, since: Revision) -> Result<Changes, StoreError> {
    let revision = newest(connection)?;
    let mut statement = connection.prepare_cached(SINCE).map_err(fault)?;
    let mut rows = statement.query([to_column(since.0)]).map_err(fault)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next().map_err(fault)? {
        records.push(read(row)?);
    }
    Ok(Changes { revision, records })
}

/// Writes records with a revision.
pub(super) fn write(connection: &Connection, writes: &[Write], revision: Revision) -> Result<(), StoreError> {
    let rows = writes
        .iter()
        .map(|write| (&write.key, write.value.as_ref(), revision));
    put(connection, rows)
}

/// Writes records with their own revisions.
pub(super) fn copy(connection: &Connection, records: &[Record]) -> Result<(), StoreError> {
    let rows = records
        .iter()
        .map(|record| (&record.key, record.value.as_ref(), record.revision));
    put(connection, rows)
}

fn put<'r>(
    connection: &Connection,
    rows: impl Iterator<Item = (&'r Key, Option<&'r Json>, Revision)>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(WRITE).map_err(fault)?;
    for (key, value, revision) in rows {
        let (kind, name) = columns(key);
        let text = value.map(Json::as_str);
        let digest = digest_of(kind, name, text, revision);
        statement
            .execute(params![kind, name, text, to_column(revision.0), digest])
            .map_err(fault)?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Record, StoreError> {
    let column = |at| row.get_ref(at).map_err(fault);
    let not_text = |error: rusqlite::types::FromSqlError| StoreError::Corrupt(error.to_string());
    let kind: i64 = row.get(0).map_err(fault)?;
    let name_column = column(1)?;
    let value_column = column(2)?;
    let digest_column = column(4)?;
    let name = name_column.as_str().map_err(not_text)?;
    let text = value_column.as_str_or_null().map_err(not_text)?;
    let revision = Revision(from_column(row.get(3).map_err(fault)?)?);
    if digest_column.as_blob().map_err(not_text)? != digest_of(kind, name, text, revision) {
        let damage = format!("the record {name:?} of kind {kind} differs from what was written");
        return Err(StoreError::Corrupt(damage));
    }
    let value = text.map(Json::parse).transpose();
    Ok(Record {
        key: key(kind, name)?,
        value: value.map_err(|error| StoreError::Corrupt(format!("the record {name:?}: {error}")))?,
        revision,
    })
}

/// Returns the columns of a key. Kinds are numbered in the order of [`Key`], so that rows and keys have the same order.
fn columns(key: &Key) -> (i64, &str) {
    match key {
        Key::Head => (0, ""),
        Key::Segment(name) => (1, name),
        Key::Definition(name) => (2, name),
        Key::State(name) => (3, name),
        Key::Tenant(name) => (4, name),
    }
}

fn key(kind: i64, name: &str) -> Result<Key, StoreError> {
    let name = name.to_owned();
    Ok(match kind {
        0 => Key::Head,
        1 => Key::Segment(name),
        2 => Key::Definition(name),
        3 => Key::State(name),
        4 => Key::Tenant(name),
        _ => {
            return Err(StoreError::Corrupt(format!(
                "a record has the unknown kind {kind}"
            )));
        }
    })
}

/// Returns the first eight bytes of SHA-256: a checksum against corruption, not against an attacker.
fn digest_of(kind: i64, name: &str, text: Option<&str>, revision: Revision) -> [u8; 8] {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&kind.to_be_bytes());
    context.update(&revision.0.to_be_bytes());
    context.update(name.as_bytes());
    // A separator: no name has this byte, and no JSON text is empty.
    context.update(&[0xff]);
    context.update(text.unwrap_or_default().as_bytes());
    let mut first = [0; 8];
    for (to, from) in first.iter_mut().zip(context.finish().as_ref()) {
        *to = *from;
    }
    first
}
