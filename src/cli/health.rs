//! `sluice health`: requests the readiness or the liveness of a server, for the health check of a container.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use clap::Args;
use config::Files;

use super::client::{AdminClient, ApiKind, ClientError, ClientRequest, ServerAddress, SignInToken};
use super::config_path::config_path;
use super::exit::Exit;
use super::{duration, output};
use crate::environment::variable;
use crate::printable::printable;

/// Says if a server is ready, for the health check of a container.
///
/// Exits with 0 if it is, and with 1 if it is not ready, does not answer, or has no listener for health checks. It
/// requests the health listener of the configuration, or else the admin listener.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file [env: SLUICE_CONFIG=] [default: sluice.yaml].
    #[arg(short, long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The listener to request, instead of that of the configuration: http://HOST:PORT or https://HOST:PORT.
    #[arg(long, value_name = "URL", value_parser = ServerAddress::parse)]
    server: Option<ServerAddress>,
    /// Certificate authorities to trust (PEM) instead of the system's.
    #[arg(long, value_name = "FILE", env = "SLUICE_CA")]
    ca: Option<PathBuf>,
    /// Requests the liveness: the process answers, ready or not.
    #[arg(long)]
    live: bool,
    /// Time to wait for each step of the answer: `2s`, `1m`.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = duration::parse)]
    timeout: Duration,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    match request(arguments) {
        Ok(exit) => Ok(exit),
        // Not the exit code of other clients for this: Docker reserves all codes but 0 and 1.
        Err(error) => {
            output::print_last_error(&error);
            Ok(Exit::Failure)
        }
    }
}

fn request(arguments: &Arguments) -> Result<Exit> {
    let server = match &arguments.server {
        Some(server) => server.clone(),
        None => server_of_config(arguments)?,
    };
    let address = server.to_string();
    let token = SignInToken::default();
    let server = (server, ApiKind::Health);
    let client = AdminClient::new(server, arguments.ca.as_deref(), token, arguments.timeout)?;
    let (path, expected) = match arguments.live {
        true => ("/livez", "ok\n"),
        false => ("/readyz", "ready\n"),
    };
    let answer = client
        .send(&ClientRequest::get(path))
        .map_err(|error| match error.downcast_ref() {
            // Its text is about changes.
            Some(ClientError::TimedOut { server, seconds }) => {
                anyhow!("{server} did not answer within {seconds} s")
            }
            _ => error,
        })?;
    let body = String::from_utf8_lossy(&answer.body);
    match answer.status {
        200 if body == expected => {
            output::print(expected.trim_end())?;
            Ok(Exit::Success)
        }
        503 if body.starts_with("not ready\n") => {
            for line in body.lines() {
                let reason = line.strip_prefix("[-] ").map(|reason| format!("  {reason}"));
                output::print(printable(&reason.unwrap_or_else(|| line.to_owned())))?;
            }
            Ok(Exit::Failure)
        }
        status => Err(anyhow!(
            "{address} answered {path} with status {status}, not as Sluice does: does another service listen there?"
        )),
    }
}

/// Returns the address of the health listener, or else of the admin listener.
fn server_of_config(arguments: &Arguments) -> Result<ServerAddress> {
    let path = config_path(arguments.config.as_ref());
    let url = match config::health_url(Files::Disk, &path, &variable) {
        Ok(url) => url,
        Err(report) => {
            output::print_report(&report);
            return Err(anyhow!("the address of the server is not known"));
        }
    };
    let url = url.with_context(|| {
        format!(
            "{} has no `health` listener and no `admin` listener; add one, or pass --server",
            path.display()
        )
    })?;
    if url.ends_with(":0") {
        return Err(anyhow!(
            "the port of {url} is chosen by the system at the start; configure a port, or pass --server"
        ));
    }
    ServerAddress::parse(&url).map_err(|reason| anyhow!("{url}: {reason}"))
}
