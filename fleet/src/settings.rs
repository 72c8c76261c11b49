//! The settings of the connection to etcd.

use std::path::PathBuf;
use std::time::Duration;

/// The settings of the connection to etcd.
#[derive(Debug, Clone)]
pub struct EtcdSettings {
    /// The URLs of its client listeners, `http://HOST:PORT` or `https://HOST:PORT`.
    pub endpoints: Vec<String>,
    /// The prefix of all keys, such as `/sluice/production`. Nothing outside of it is read or written.
    pub prefix: String,
    /// User and password; none for a client certificate, or no authentication.
    pub user: Option<EtcdUser>,
    /// The certificates; none for plain HTTP.
    pub tls: Option<EtcdTls>,
    /// The directory of the mirror.
    pub mirror: PathBuf,
    /// The time limit of a request.
    pub timeout: Duration,
    /// The interval of complete comparisons of the mirror with etcd.
    pub compare_every: Duration,
}

/// A user of etcd.
#[derive(Clone)]
pub struct EtcdUser {
    /// The name.
    pub name: String,
    /// The password.
    pub password: String,
}

/// Certificates for etcd, as PEM text.
#[derive(Debug, Clone, Default)]
pub struct EtcdTls {
    /// The authorities that etcd's certificate is verified with.
    pub ca: String,
    /// The certificate of this client and its key.
    pub identity: Option<(String, String)>,
}

impl std::fmt::Debug for EtcdUser {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EtcdUser")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl EtcdSettings {
    /// The default time limit of a request.
    pub const TIMEOUT: Duration = Duration::from_secs(3);
    /// The default interval of complete comparisons.
    pub const COMPARE_EVERY: Duration = Duration::from_secs(600);
}
