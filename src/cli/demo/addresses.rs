//! The addresses of the demo: the proxy, its admin listener, and the two applications.

use std::net::{SocketAddr, TcpListener};

use anyhow::{Context, Result, anyhow};
use config::LoadedConfig;

/// The upstreams of the example, with the names of their applications.
pub(super) const APPLICATIONS: [(&str, &str); 2] = [("board", "the new board"), ("legacy", "the old board")];
/// The port of the proxy in the example. The other ports have fixed distances to it.
pub(super) const PROXY_PORT: u16 = 8080;
const BOARD_DISTANCE: u16 = 1;
const LEGACY_DISTANCE: u16 = 2;
const ADMIN_DISTANCE: u16 = 1010;
/// The largest port of the proxy.
pub(super) const MAX_PROXY_PORT: u16 = u16::MAX - ADMIN_DISTANCE;

/// The addresses, in the order proxy, admin listener, new application, old application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Addresses([SocketAddr; 4]);

impl Addresses {
    /// Returns loopback addresses beginning with this port of the proxy.
    pub(super) fn from_port(port: u16) -> Self {
        let distances = [0, ADMIN_DISTANCE, BOARD_DISTANCE, LEGACY_DISTANCE];
        Self(distances.map(|distance| loopback(port.saturating_add(distance))))
    }

    /// Returns addresses with ports of the system. Those of the applications are chosen now, because the
    /// configuration contains them.
    pub(super) fn on_any_port() -> Result<(Self, Vec<TcpListener>)> {
        let any = loopback(0);
        let (board, legacy) = (TcpListener::bind(any)?, TcpListener::bind(any)?);
        let addresses = Self([any, any, board.local_addr()?, legacy.local_addr()?]);
        Ok((addresses, vec![board, legacy]))
    }

    /// Returns the addresses of a configuration.
    ///
    /// # Errors
    /// The configuration is not that of the demo any more.
    pub(super) fn of(loaded: &LoadedConfig) -> Result<Self> {
        let settings = &loaded.settings;
        let proxy = settings.listeners.first().context("no listener")?.address;
        let admin = settings.admin.as_ref().context(
            "the demo's configuration needs an `admin` listener; remove the folder to start again",
        )?;
        let [(board, _), (legacy, _)] = APPLICATIONS;
        Ok(Self([
            proxy,
            admin.address,
            upstream(loaded, board)?,
            upstream(loaded, legacy)?,
        ]))
    }

    /// Replaces these addresses in a text by others, all in one pass, so that none is replaced twice.
    pub(super) fn replace(&self, text: &str, new: &Self) -> String {
        let pairs: Vec<(String, String)> = self
            .0
            .iter()
            .zip(new.0)
            .map(|(old, new)| (old.to_string(), new.to_string()))
            .collect();
        let mut replaced = String::new();
        let mut rest = text;
        while let Some(next) = rest.chars().next() {
            let found = pairs.iter().find_map(|(old, new)| {
                let after = rest.strip_prefix(old.as_str())?;
                // The end of the port: 127.0.0.1:1808 is not a part of 127.0.0.1:18080.
                (!after.starts_with(|c: char| c.is_ascii_digit())).then_some((new, after))
            });
            if let Some((new, after)) = found {
                replaced.push_str(new);
                rest = after;
            } else {
                replaced.push(next);
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
            }
        }
        replaced
    }

    /// Binds the addresses of the applications, except those that are `bound` already, and checks that the others are
    /// free.
    ///
    /// # Errors
    /// Addresses are in use. The error names all of them.
    pub(super) fn bind(&self, mut bound: Vec<TcpListener>) -> Result<Vec<TcpListener>> {
        let mut applications = Vec::new();
        let mut busy = Vec::new();
        for (index, address) in self.0.iter().enumerate() {
            let already = bound
                .iter()
                .position(|listener| listener.local_addr().is_ok_and(|at| at == *address));
            let listener = match already {
                Some(position) => Ok(bound.swap_remove(position)),
                None => TcpListener::bind(address),
            };
            match listener {
                // The proxy binds its own two addresses.
                Ok(_) if index < 2 => {}
                Ok(listener) => applications.push(listener),
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => busy.push(address.to_string()),
                Err(error) => return Err(error).with_context(|| format!("can't listen on {address}")),
            }
        }
        if busy.is_empty() {
            return Ok(applications);
        }
        let verb = if busy.len() == 1 { "is" } else { "are" };
        Err(anyhow!(
            "{} {verb} in use\nhelp: choose other ports: `make demo PORT=18080`, or `sluice demo --port 18080` (the proxy on this port, the applications on the next two, the admin listener on 19090), or `--any-port`",
            busy.join(", ")
        ))
    }
}

fn loopback(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn upstream(loaded: &LoadedConfig, name: &str) -> Result<SocketAddr> {
    let found = loaded
        .snapshot
        .upstreams
        .iter()
        .find(|other| &*other.name == name);
    let endpoint = found
        .and_then(|upstream| upstream.endpoints.first())
        .with_context(|| {
            format!(
                "the configuration in the folder has no upstream `{name}`; remove the folder to start again"
            )
        })?;
    let ip = endpoint
        .host
        .parse()
        .map_err(|_| anyhow!("the demo's upstream `{name}` needs an IP address"))?;
    Ok(SocketAddr::new(ip, endpoint.port))
}
