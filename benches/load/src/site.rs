//! The surroundings of every contestant: the programs, the origin and the key of the tokens.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::programs::Programs;
use crate::tokens::SigningKey;

/// The surroundings of every contestant.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) programs: Programs,
    pub(crate) key: SigningKey,
    /// The upstream of allowed requests, and of every passthrough.
    pub(crate) board: SocketAddr,
    /// The upstream of requests that fall back.
    pub(crate) legacy: SocketAddr,
    /// The folder for configurations and logs.
    pub(crate) folder: PathBuf,
}
