//! The URLs of the health listener and of the admin listener, for a client on this machine.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::Path;

use crate::files::Files;
use crate::load_context::LoadContext;
use crate::lower::settings::DEFAULT_ADMIN;
use crate::report::Report;
use crate::shape::sluice::GatewayFields;

/// Returns the URL of the health listener of the gateway document at `path`, or else of its admin listener; none if it
/// has neither. Other problems of the document are not errors here.
///
/// # Errors
/// The document can't be read.
pub fn health_url(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Report> {
    url_of(files, path, variable, |gateway| {
        let health = gateway.health.value().and_then(|health| health.address.value());
        match health {
            Some(address) => Some(format!("http://{}", on_this_machine(*address))),
            None => admin_url(gateway),
        }
    })
}

/// Returns the URL of the admin listener of the gateway document at `path`; none if it is off. Other problems of the
/// document are not errors here.
///
/// # Errors
/// The document can't be read.
pub fn admin_listener_url(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
) -> Result<Option<String>, Report> {
    url_of(files, path, variable, admin_url)
}

fn url_of(
    files: Files,
    path: &Path,
    variable: &dyn Fn(&str) -> Option<String>,
    url: impl FnOnce(&GatewayFields<'_>) -> Option<String>,
) -> Result<Option<String>, Report> {
    let mut context = LoadContext::of(files);
    let sources = context.gateway_sources(path, variable).unwrap_or_default();
    let read = context.read_gateway(&sources, variable);
    let url = read.as_ref().map(|(_, gateway)| url(gateway));
    url.ok_or_else(|| context.into_report())
}

/// Returns the URL of the admin listener for a client on this machine; none if it is off.
pub(crate) fn admin_url(gateway: &GatewayFields<'_>) -> Option<String> {
    let admin = match gateway.admin.value() {
        Some(None) => return None,
        Some(Some(admin)) => Some(admin),
        None => None,
    };
    let is_encrypted = admin.is_some_and(|admin| admin.tls.key().is_some());
    let scheme = if is_encrypted { "https" } else { "http" };
    let address = admin.map_or(DEFAULT_ADMIN, |admin| {
        *admin.address.value().unwrap_or(&DEFAULT_ADMIN)
    });
    Some(format!("{scheme}://{}", on_this_machine(address)))
}

/// Returns the address by which a client on this machine reaches a listener: that of loopback for a wildcard.
fn on_this_machine(mut address: SocketAddr) -> SocketAddr {
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    address
}
