//! The settings of a store in etcd, which several nodes share.

use std::path::PathBuf;

/// A store in etcd. Files are not read here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdStore {
    /// The URLs of its client listeners, `http://HOST:PORT` or `https://HOST:PORT`.
    pub endpoints: Vec<Box<str>>,
    /// The prefix of all keys, such as `/sluice/production`.
    pub prefix: Box<str>,
    /// The directory of the mirror on this node.
    pub mirror: PathBuf,
    /// The name of a user, and the file with its password.
    pub user: Option<(Box<str>, PathBuf)>,
    /// The certificates; present if an endpoint has https.
    pub tls: Option<EtcdStoreTls>,
}

/// The certificates of connections to etcd.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EtcdStoreTls {
    /// The file with the authorities that etcd's certificate is verified with.
    pub ca: PathBuf,
    /// The files with the certificate of this client and its key.
    pub identity: Option<(PathBuf, PathBuf)>,
}
