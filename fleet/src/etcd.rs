//! Requests to etcd. Each goes to one endpoint; after a failure of the connection the next one is used.

use std::time::Duration;

use control::StoreError;
use etcd_client::{
    Certificate, Client, ConnectOptions, Error, GetOptions, Identity, KeyValue, TlsOptions, Txn, TxnResponse,
    WatchOptions, WatchStream,
};
use parking_lot::Mutex;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use tonic::Code;

use crate::settings::EtcdSettings;

/// The number of keys in one answer of a listing.
const PAGE: i64 = 1_000;
/// The largest answer of a watch, in bytes: one answer has all events of a revision.
const MAX_WATCH_BYTES: usize = 64 << 20;
/// The interval of pings on a connection, and the time limit of their answers.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(3), Duration::from_secs(3));

/// A failed request.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum Fault {
    /// No endpoint answered.
    #[error("{0}")]
    Unreachable(String),
    /// The user or certificate may not read or write below the prefix.
    #[error("etcd denied access: {0}")]
    Denied(String),
    /// etcd has reached its quota.
    #[error("etcd has no space left: {0}")]
    Quota(String),
    /// The revision was compacted.
    #[error("the revision was compacted")]
    Compacted,
    /// A value in etcd can't be read.
    #[error("{0}")]
    Invalid(String),
}

/// The connections to etcd.
pub(crate) struct Etcd {
    settings: EtcdSettings,
    runtime: Runtime,
    /// The endpoint in use, by its number, and the connection to it.
    current: Mutex<(usize, Option<Client>)>,
}

impl Fault {
    /// Returns true if another endpoint may answer.
    fn is_of_connection(&self) -> bool {
        matches!(self, Self::Unreachable(_))
    }

    fn of(error: &Error) -> Self {
        let Error::GRpcStatus(status) = error else {
            return Self::Unreachable(error.to_string());
        };
        let message = status.message().to_owned();
        match status.code() {
            // etcd answers a request of unknown token, user or password with these codes.
            Code::PermissionDenied | Code::Unauthenticated => Self::Denied(message),
            Code::InvalidArgument if message.contains("authentication") => Self::Denied(message),
            Code::ResourceExhausted => Self::Quota(message),
            Code::OutOfRange if message.contains("compacted") => Self::Compacted,
            Code::InvalidArgument => Self::Invalid(message),
            _ => Self::Unreachable(message),
        }
    }
}

impl Etcd {
    /// Prepares the connections; nothing is sent yet.
    ///
    /// # Errors
    /// The threads of the runtime can't be started.
    pub(crate) fn new(settings: EtcdSettings) -> Result<Self, StoreError> {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).thread_name("etcd").enable_all().build();
        Ok(Self {
            settings,
            runtime: runtime.map_err(|error| StoreError::Io(error.to_string()))?,
            current: Mutex::new((0, None)),
        })
    }

    /// Returns the values of keys with a prefix, after `after`, as they were at a revision, in pages.
    ///
    /// # Errors
    /// etcd did not answer, or the revision was compacted.
    pub(crate) fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        revision: i64,
    ) -> Result<Vec<KeyValue>, Fault> {
        let end = end_of(prefix);
        // The first key after another one has a zero byte more.
        let mut start = after.map_or_else(|| prefix.as_bytes().to_vec(), |after| next(after.as_bytes()));
        let mut found = Vec::new();
        loop {
            let options = GetOptions::new()
                .with_range(end.clone())
                .with_limit(PAGE)
                .with_revision(revision);
            let key = start.clone();
            let mut page =
                self.read(async |client| client.kv_client().get(key.clone(), Some(options.clone())).await)?;
            let is_more = page.more();
            found.append(&mut page.take_kvs());
            match found.last() {
                Some(last) if is_more => start = next(last.key()),
                _ => return Ok(found),
            }
        }
    }

    /// Returns the value of a key, and the revision of etcd at which it was read.
    ///
    /// # Errors
    /// etcd did not answer.
    pub(crate) fn get(&self, key: &str) -> Result<(Option<KeyValue>, i64), Fault> {
        let mut answer = self.read(async |client| client.kv_client().get(key, None).await)?;
        let revision = answer.header().map_or(0, |header| header.revision());
        Ok((answer.take_kvs().pop(), revision))
    }

    /// Sends a transaction once. After [`Fault::Unreachable`] it is unknown whether it was executed.
    ///
    /// # Errors
    /// etcd did not answer, or did not execute it.
    pub(crate) fn transact(&self, transaction: Txn) -> Result<TxnResponse, Fault> {
        self.request(async |client| client.kv_client().txn(transaction.clone()).await)
    }

    /// Begins to watch the keys with a prefix, on a connection of its own, so that large answers do not delay events.
    ///
    /// # Errors
    /// etcd did not answer.
    pub(crate) fn watch(&self, prefix: &str, from: i64) -> Result<Watch<'_>, Fault> {
        let at = self.current.lock().0;
        let begun = self.runtime.block_on(async {
            let client = self.connect(at).await?;
            let options = WatchOptions::new()
                .with_prefix()
                .with_progress_notify()
                .with_start_revision(from);
            let mut watcher = client.watch_client().max_decoding_message_size(MAX_WATCH_BYTES);
            let stream = timeout(self.settings.timeout, watcher.watch(prefix, Some(options))).await;
            match stream {
                Ok(Ok(stream)) => Ok((client, stream)),
                Ok(Err(error)) => Err(Fault::of(&error)),
                Err(_) => Err(self.no_answer()),
            }
        });
        match begun {
            Ok((client, stream)) => Ok(Watch {
                etcd: self,
                stream,
                _client: client,
            }),
            Err(fault) => {
                self.leave(at, &fault);
                Err(fault)
            }
        }
    }

    /// Sends a request that changes nothing, to each endpoint until one answers.
    fn read<T>(&self, request: impl AsyncFn(Client) -> Result<T, Error>) -> Result<T, Fault> {
        let mut answer = self.request(&request);
        for _ in 1..self.settings.endpoints.len() {
            if !matches!(&answer, Err(fault) if fault.is_of_connection()) {
                break;
            }
            answer = self.request(&request);
        }
        answer
    }

    fn request<T>(&self, request: impl AsyncFn(Client) -> Result<T, Error>) -> Result<T, Fault> {
        let (at, known) = self.current.lock().clone();
        let answer = self.runtime.block_on(async {
            let client = match known {
                Some(client) => client,
                None => self.connect(at).await?,
            };
            match timeout(self.settings.timeout, request(client.clone())).await {
                Ok(Ok(answer)) => Ok((client, answer)),
                Ok(Err(error)) => Err(Fault::of(&error)),
                Err(_) => Err(self.no_answer()),
            }
        });
        match answer {
            Ok((client, answer)) => {
                let mut current = self.current.lock();
                if current.0 == at {
                    current.1.get_or_insert(client);
                }
                Ok(answer)
            }
            Err(fault) => {
                self.leave(at, &fault);
                Err(fault)
            }
        }
    }

    /// Uses the next endpoint, after a failure of the connection to the one with this number.
    fn leave(&self, at: usize, fault: &Fault) {
        let mut current = self.current.lock();
        // A token that has expired is renewed with the connection.
        if current.0 == at && (fault.is_of_connection() || matches!(fault, Fault::Denied(_))) {
            *current = ((at + 1) % self.settings.endpoints.len().max(1), None);
        }
    }

    async fn connect(&self, at: usize) -> Result<Client, Fault> {
        let settings = &self.settings;
        let endpoint = settings.endpoints.get(at);
        let endpoint = endpoint.ok_or_else(|| Fault::Unreachable("etcd has no endpoint".to_owned()))?;
        let mut options = ConnectOptions::new()
            .with_connect_timeout(settings.timeout)
            .with_keep_alive(KEEP_ALIVE.0, KEEP_ALIVE.1)
            .with_keep_alive_while_idle(true)
            .with_require_leader(true);
        if let Some(user) = &settings.user {
            options = options.with_user(&user.name, &user.password);
        }
        if let Some(tls) = &settings.tls {
            let mut certificates = TlsOptions::new().ca_certificate(Certificate::from_pem(&tls.ca));
            if let Some((cert, key)) = &tls.identity {
                certificates = certificates.identity(Identity::from_pem(cert, key));
            }
            options = options.with_tls(certificates);
        }
        match timeout(settings.timeout, Client::connect([endpoint], Some(options))).await {
            Ok(connected) => connected.map_err(|error| Fault::of(&error)),
            Err(_) => Err(self.no_answer()),
        }
    }

    fn no_answer(&self) -> Fault {
        Fault::Unreachable(format!(
            "no answer within {} ms",
            self.settings.timeout.as_millis()
        ))
    }
}

/// The events of a prefix.
pub(crate) struct Watch<'e> {
    etcd: &'e Etcd,
    stream: WatchStream,
    _client: Client,
}

impl Watch<'_> {
    /// Waits for the next answer; none if there is none within the time.
    ///
    /// # Errors
    /// The watch has ended.
    pub(crate) fn next(&mut self, within: Duration) -> Result<Option<etcd_client::WatchResponse>, Fault> {
        let message = self
            .etcd
            .runtime
            .block_on(async { timeout(within, self.stream.message()).await });
        match message {
            Err(_) => Ok(None),
            Ok(Ok(Some(answer))) => Ok(Some(answer)),
            Ok(Ok(None)) => Err(Fault::Unreachable("etcd ended the watch".to_owned())),
            Ok(Err(error)) => Err(Fault::of(&error)),
        }
    }
}

/// Returns the first key after all keys with a prefix, which ends with `/`.
fn end_of(prefix: &str) -> Vec<u8> {
    let mut end = prefix.as_bytes().to_vec();
    if let Some(last) = end.last_mut() {
        *last = last.saturating_add(1);
    }
    end
}

fn next(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
