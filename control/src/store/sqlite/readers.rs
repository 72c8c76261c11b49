//! The reading connections, each used by one thread at a time.

use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use rusqlite::{Connection, Transaction};

use super::directory::{Directory, Purpose};
use super::fault::fault;
use crate::store::StoreError;

/// The number of connections. Further readers wait for one.
const READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    /// Readers hold it shared; a checkpoint holds it exclusively, so that there is no reader meanwhile.
    reading: RwLock<()>,
}

impl Readers {
    pub(super) fn connect(directory: &Directory) -> Result<Self, StoreError> {
        let connections: Result<_, _> = (0..READERS).map(|_| directory.connect(Purpose::Read)).collect();
        Ok(Self {
            idle: Mutex::new(connections?),
            returned: Condvar::new(),
            reading: RwLock::new(()),
        })
    }

    /// Reads in one transaction, which does not see later commits.
    pub(super) fn read<T>(
        &self,
        what: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.while_reading(|| self.with_connection(what))
    }

    /// Runs an action that reads through its own connection.
    pub(super) fn while_reading<T>(&self, what: impl FnOnce() -> T) -> T {
        let _reading = self.reading.read();
        what()
    }

    /// Waits at most `timeout` until there is no reader; new readers wait meanwhile, and until the guard is dropped.
    pub(super) fn without_readers(&self, timeout: Duration) -> Option<RwLockWriteGuard<'_, ()>> {
        self.reading.try_write_for(timeout)
    }

    fn with_connection<T>(
        &self,
        what: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut borrowed = BorrowedConnection {
            connection: Some(self.take()),
            readers: self,
        };
        let Some(connection) = borrowed.connection.as_mut() else {
            return Err(StoreError::Io("no reading connection is left".to_owned()));
        };
        let transaction = connection.transaction().map_err(fault)?;
        what(&transaction)
    }

    fn take(&self) -> Connection {
        let mut idle = self.idle.lock();
        loop {
            if let Some(connection) = idle.pop() {
                return connection;
            }
            self.returned.wait(&mut idle);
        }
    }
}

/// A borrowed connection. Dropping it returns the connection, also if the reader panics.
struct BorrowedConnection<'r> {
    connection: Option<Connection>,
    readers: &'r Readers,
}

impl Drop for BorrowedConnection<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.readers.idle.lock().push(connection);
            self.readers.returned.notify_one();
        }
    }
}
