//! A few connections that read, each used by one thread at a time.

use std::time::Duration;

use parking_lot::{Condvar, Mutex, RwLock, RwLockWriteGuard};
use rusqlite::{Connection, Transaction};

use super::directory::{Directory, Purpose};
use super::fault::fault;
use crate::store::StoreError;

/// More than these wait for each other.
const READERS: usize = 4;

#[derive(Debug)]
pub(super) struct Readers {
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    /// Whoever reads shares it; whoever holds it alone knows that nobody reads.
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

    /// Reads at one moment: what is committed meanwhile is not seen.
    pub(super) fn read<T>(
        &self,
        what: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.meanwhile(|| self.lend(what))
    }

    /// Does what reads by a connection of its own.
    pub(super) fn meanwhile<T>(&self, what: impl FnOnce() -> T) -> T {
        let _reading = self.reading.read();
        what()
    }

    /// Keeps new readers waiting until nobody reads any more, for so long at most; then they wait until what is
    /// returned is dropped.
    pub(super) fn none_reads(&self, patience: Duration) -> Option<RwLockWriteGuard<'_, ()>> {
        self.reading.try_write_for(patience)
    }

    fn lend<T>(&self, what: impl FnOnce(&Transaction<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let mut lent = Lent {
            connection: Some(self.take()),
            readers: self,
        };
        let Some(connection) = lent.connection.as_mut() else {
            return Err(StoreError::Io("no reader is left".to_owned()));
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

/// Gives the connection back, whatever happens to whoever reads.
struct Lent<'r> {
    connection: Option<Connection>,
    readers: &'r Readers,
}

impl Drop for Lent<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection.take() {
            self.readers.idle.lock().push(connection);
            self.readers.returned.notify_one();
        }
    }
}
