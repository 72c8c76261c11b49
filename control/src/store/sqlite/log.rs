//! The table of the audit log. Each entry is stored as the text that was hashed.

use std::borrow::Cow;

use changes::{Entry, EntryHash, GENESIS, Revision, Sealed, clock_ran_back, timestamp, verify};
use rules::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, Row, Statement, params, params_from_iter};

use super::fault::fault;
use super::number::{from_column, to_column};
use super::records;
use crate::store::{AuditFilter, AuditPage, MAX_AUDIT_PAGE, StoreError};

const HEAD: &str = "SELECT id, hash FROM audit ORDER BY id DESC LIMIT 1";
const NEWEST: &str = "SELECT revision FROM audit ORDER BY id DESC LIMIT 1";
const NEWEST_AT: &str = "SELECT at FROM audit ORDER BY id DESC LIMIT 1";
const HASH_OF: &str = "SELECT hash FROM audit WHERE id = ?1";
const APPEND: &str = "INSERT INTO audit (id, revision, previous, hash, text) VALUES (?1, ?2, ?3, ?4, ?5)";
const AFTER: &str = "SELECT id, revision, previous, hash, text FROM audit WHERE id > ?1 ORDER BY id LIMIT ?2";

/// Returns id and hash of the newest entry.
pub(super) fn head(connection: &Connection) -> Result<(u64, EntryHash), StoreError> {
    let mut statement = connection.prepare_cached(HEAD).map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    let Some(row) = rows.next().map_err(fault)? else {
        return Ok((0, GENESIS));
    };
    let id = from_column(row.get(0).map_err(fault)?)?;
    Ok((id, row.get(1).map_err(fault)?))
}

/// Returns the hash of an entry; the genesis hash for id 0, which precedes the first entry.
pub(super) fn hash_of(connection: &Connection, id: u64) -> Result<EntryHash, StoreError> {
    if id == 0 {
        return Ok(GENESIS);
    }
    let mut statement = connection.prepare_cached(HASH_OF).map_err(fault)?;
    statement
        .query_row([to_column(id)], |row| row.get(0))
        .map_err(fault)
}

/// Seals entries at the end of the log. The connection is in the transaction of their commit.
pub(super) fn append(
    connection: &Connection,
    revision: Revision,
    entries: &[Entry],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let (mut last, mut hash) = head(connection)?;
    let mut before = newest_at(connection)?;
    let mut statement = connection.prepare_cached(APPEND).map_err(fault)?;
    for entry in entries {
        let mut entry = Cow::Borrowed(entry);
        if let Some(before) = before.filter(|before| clock_ran_back(*before, entry.at).is_some()) {
            entry.to_mut().note_clock(before);
        }
        before = Some(entry.at);
        let sealed = Sealed::after(hash, last.saturating_add(1), revision, &entry);
        insert(&mut statement, &sealed)?;
        (last, hash) = (sealed.id, sealed.hash);
    }
    Ok(())
}

/// Appends entries that another store sealed, if they follow the newest one.
pub(super) fn copy(connection: &Connection, entries: &[Sealed]) -> Result<(), StoreError> {
    verify(head(connection)?, entries).map_err(|tampered| StoreError::Corrupt(tampered.to_string()))?;
    let mut statement = connection.prepare_cached(APPEND).map_err(fault)?;
    for sealed in entries {
        insert(&mut statement, sealed)?;
    }
    Ok(())
}

fn insert(statement: &mut Statement<'_>, sealed: &Sealed) -> Result<(), StoreError> {
    let (id, revision) = (to_column(sealed.id), to_column(sealed.revision.0));
    let inserted = statement.execute(params![id, revision, sealed.previous, sealed.hash, sealed.text]);
    inserted.map(|_| ()).map_err(fault)
}

/// Returns the time of the newest entry; none in an empty log, or if the entry can't be read.
fn newest_at(connection: &Connection) -> Result<Option<Timestamp>, StoreError> {
    let mut statement = connection.prepare_cached(NEWEST_AT).map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    let Some(row) = rows.next().map_err(fault)? else {
        return Ok(None);
    };
    let at: Option<String> = row.get(0).map_err(fault)?;
    Ok(at.and_then(|at| Timestamp::parse(&at).ok()))
}

/// Returns a page of the entries after an id, oldest first.
pub(super) fn after(connection: &Connection, after: u64, limit: usize) -> Result<AuditPage, StoreError> {
    let limit = limit.min(MAX_AUDIT_PAGE);
    let values = [Value::from(to_column(after)), one_more(limit)];
    page(connection, AFTER, &values, limit)
}

/// Returns a page of matching entries, newest first.
pub(super) fn filtered(
    connection: &Connection,
    filter: &AuditFilter,
    before: Option<u64>,
    limit: usize,
) -> Result<AuditPage, StoreError> {
    let limit = limit.min(MAX_AUDIT_PAGE);
    let (mut sql, mut values) = condition(filter, before);
    sql.push_str(" ORDER BY id DESC LIMIT ?");
    values.push(one_more(limit));
    page(connection, &sql, &values, limit)
}

/// Returns the query and its values. It contains only the conditions that are set, so that SQLite can use an index.
fn condition(filter: &AuditFilter, before: Option<u64>) -> (String, Vec<Value>) {
    let mut sql = "SELECT id, revision, previous, hash, text FROM audit WHERE id < ?".to_owned();
    let mut values = vec![Value::from(before.map_or(i64::MAX, to_column))];
    let texts = [
        (" AND flag = ?", filter.flag.clone()),
        (" AND org = ?", filter.org.clone()),
        (" AND actor = ?", filter.actor.clone()),
        (" AND at >= ?", filter.from.map(timestamp::text)),
        (" AND at < ?", filter.until.map(timestamp::text)),
    ];
    for (condition, text) in texts {
        if let Some(text) = text {
            sql.push_str(condition);
            values.push(Value::from(text));
        }
    }
    if !filter.events.is_empty() {
        let names = filter.events.iter();
        let names = names.flat_map(|event| [event.platform_name().to_owned(), event.former_name()]);
        let before = values.len();
        values.extend(names.map(Value::from));
        let marks = vec!["?"; values.len().saturating_sub(before)].join(", ");
        sql.push_str(&format!(" AND event IN ({marks})"));
    }
    (sql, values)
}

/// Checks that the newest `count` entries follow each other.
pub(super) fn check_newest(connection: &Connection, count: u64) -> Result<(), StoreError> {
    let (last, _) = head(connection)?;
    let mut place = last.saturating_sub(count);
    let mut before = (place == 0).then_some(GENESIS);
    loop {
        let page = after(connection, place, MAX_AUDIT_PAGE)?;
        let Some(first) = page.entries.first() else { break };
        let start = (place, before.unwrap_or(first.previous));
        let (id, hash) = verify(start, &page.entries)
            .map_err(|tampered| StoreError::Corrupt(format!("the audit log: {tampered}")))?;
        (place, before) = (id, Some(hash));
    }
    Ok(())
}

/// Checks that the newest entry and the newest record have the same revision: each change writes both.
pub(super) fn check_end(connection: &Connection) -> Result<(), StoreError> {
    let mut statement = connection.prepare_cached(NEWEST).map_err(fault)?;
    let mut rows = statement.query([]).map_err(fault)?;
    let log_revision = match rows.next().map_err(fault)? {
        Some(row) => from_column(row.get(0).map_err(fault)?)?,
        None => 0,
    };
    let Revision(record_revision) = records::newest(connection)?;
    if log_revision == record_revision {
        return Ok(());
    }
    let missing = if log_revision < record_revision {
        "the end of the log is missing"
    } else {
        "records are missing"
    };
    let damage = format!(
        "the audit log ends at revision {log_revision}, and the records at {record_revision}: {missing}"
    );
    Err(StoreError::Corrupt(damage))
}

fn page(connection: &Connection, sql: &str, values: &[Value], limit: usize) -> Result<AuditPage, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(fault)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(fault)?;
    let mut page = AuditPage::default();
    while let Some(row) = rows.next().map_err(fault)? {
        if page.entries.len() == limit {
            page.next = page.entries.last().map(|last| last.id);
            break;
        }
        page.entries.push(read(row)?);
    }
    Ok(page)
}

fn read(row: &Row<'_>) -> Result<Sealed, StoreError> {
    Ok(Sealed {
        id: from_column(row.get(0).map_err(fault)?)?,
        revision: Revision(from_column(row.get(1).map_err(fault)?)?),
        previous: row.get(2).map_err(fault)?,
        hash: row.get(3).map_err(fault)?,
        text: row.get(4).map_err(fault)?,
    })
}

/// Returns the limit plus one: the additional row shows that there is a next page.
fn one_more(limit: usize) -> Value {
    Value::from(i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX))
}
