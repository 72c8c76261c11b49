//! `sluice console`: prints the address of the console, and opens it in a browser where there is one.

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use clap::Args;
use config::Files;
use serde_json::json;

use super::client::{AdminClient, ApiKind, ClientError, ClientRequest, ServerAddress, SignInToken};
use super::config_path::{config_path, is_configured};
use super::exit::Exit;
use super::output::{self, OutputFormat};
use super::{duration, route};
use crate::environment::variable;
use crate::lock_holder;

/// The variable with the address of the server.
const SERVER_VARIABLE: &str = "SLUICE_SERVER";
/// The address of the server by default.
const DEFAULT_SERVER: &str = "http://127.0.0.1:9090";

/// Prints the address of the console, and opens it in a browser.
///
/// Checks first that a Sluice with a console answers there. A browser is opened only from a terminal with a display.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The configuration file of the server: its `admin` listener and `public_url` [env: SLUICE_CONFIG=] [default:
    /// sluice.yaml, if it exists].
    #[arg(short, long, value_name = "FILE", conflicts_with = "server")]
    config: Option<PathBuf>,
    /// Only prints the address.
    #[arg(long)]
    print: bool,
    /// Prints one JSON document instead of text.
    #[arg(long)]
    json: bool,
    /// The admin listener of the server: http://HOST:PORT or https://HOST:PORT [env: SLUICE_SERVER=] [default: that of
    /// the configuration, else http://127.0.0.1:9090].
    #[arg(long, value_name = "URL", value_parser = ServerAddress::parse, help_heading = "Server")]
    server: Option<ServerAddress>,
    /// Certificate authorities to trust (PEM) instead of the system's.
    #[arg(long, value_name = "FILE", env = "SLUICE_CA", help_heading = "Server")]
    ca: Option<PathBuf>,
    /// Time to wait for each step of an answer: `10s`, `2m`.
    #[arg(long, value_name = "DURATION", default_value = "10s", value_parser = duration::parse, help_heading = "Server")]
    timeout: Duration,
}

/// The place of a console.
struct ConsolePlace {
    /// The admin listener, as this machine reaches it.
    listener: ServerAddress,
    /// The URL of the admin listener for people, if the configuration names one.
    public_url: Option<String>,
    /// The directory of the store, if the configuration names one.
    store: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let Some(place) = ConsolePlace::find(arguments)? else {
        return Ok(Exit::Failure);
    };
    place.check(arguments)?;
    let url = place.url();
    let opened = !arguments.print && has_browser(io::stdout().is_terminal(), &variable) && open(&url);
    match OutputFormat::from_json_option(arguments.json) {
        OutputFormat::Json => output::print_json(json!({ "url": url, "opened": opened }))?,
        OutputFormat::Text => output::print(url)?,
    }
    Ok(Exit::Success)
}

impl ConsolePlace {
    /// Finds the console by the options, the environment, or the configuration. Prints the report of an unreadable
    /// configuration, and returns `None`.
    fn find(arguments: &Arguments) -> Result<Option<Self>> {
        if let Some(server) = &arguments.server {
            return Self::of_listener(server.clone()).map(Some);
        }
        let path = config_path(arguments.config.as_ref());
        let server = variable(SERVER_VARIABLE).filter(|server| !server.is_empty());
        match (&arguments.config, server) {
            (None, Some(server)) => {
                let parsed = ServerAddress::parse(&server);
                let listener = parsed.map_err(|reason| anyhow!("{SERVER_VARIABLE}: {reason}"))?;
                Self::of_listener(listener).map(Some)
            }
            (None, None) if !is_configured() && !path.exists() => {
                let parsed = ServerAddress::parse(DEFAULT_SERVER);
                Self::of_listener(parsed.map_err(|reason| anyhow!(reason))?).map(Some)
            }
            _ => Self::of_config(&path),
        }
    }

    fn of_listener(listener: ServerAddress) -> Result<Self> {
        if let ServerAddress::Unix(_) = listener {
            bail!("a browser can't open a console on a Unix socket: pass the URL of the admin listener");
        }
        Ok(Self {
            listener,
            public_url: None,
            store: None,
        })
    }

    fn of_config(path: &Path) -> Result<Option<Self>> {
        let url = match config::admin_listener_url(Files::Disk, path, &variable) {
            Ok(url) => url,
            Err(report) => {
                output::print_report(&report);
                return Ok(None);
            }
        };
        let url = url.with_context(|| {
            format!(
                "{} has no `admin` listener, which serves the console",
                path.display()
            )
        })?;
        if url.ends_with(":0") {
            bail!("the port of {url} is chosen by the system at the start: pass --server");
        }
        let listener = ServerAddress::parse(&url).map_err(|reason| anyhow!("{url}: {reason}"))?;
        // A document with other problems has an address all the same.
        let settings = config::flags_settings(Files::Disk, path, &variable).ok();
        let store = settings
            .as_ref()
            .and_then(|settings| settings.flags.store_directory().map(Path::to_owned));
        let public_url = settings.and_then(|settings| settings.changes?.public_url);
        Ok(Some(Self {
            listener,
            public_url: public_url.map(Into::into),
            store,
        }))
    }

    /// Returns the URL of the first page.
    fn url(&self) -> String {
        match &self.public_url {
            Some(public) => format!("{}{}", public.trim_end_matches('/'), route::CONSOLE),
            None => format!("{}{}", self.listener, route::CONSOLE),
        }
    }

    /// Checks that a Sluice with a console answers. No token is sent.
    ///
    /// # Errors
    /// Nothing answers, another service answers, or the console is off.
    fn check(&self, arguments: &Arguments) -> Result<()> {
        let server = (self.listener.clone(), ApiKind::AdminApi);
        let token = SignInToken::default();
        let client = AdminClient::new(server, arguments.ca.as_deref(), token, arguments.timeout)?;
        let status = match client.send(&ClientRequest::get(route::CONSOLE)) {
            Ok(answer) => answer.status,
            Err(error) => match error.downcast_ref() {
                // The page to sign in.
                Some(ClientError::UnexpectedResponse { status: 300..=399 }) => return Ok(()),
                Some(ClientError::Connect { .. }) => return Err(self.explain_missing_listener(error)),
                _ => return Err(error),
            },
        };
        match status {
            // 401 and 403 are answers of a console to a browser without a session.
            200..=299 | 401 | 403 => Ok(()),
            404 => bail!(
                "the Sluice at {} has no console: `admin.console` in its sluice.yaml turns it on and off",
                self.listener
            ),
            status => bail!("the console at {} answered with status {status}", self.url()),
        }
    }

    /// Adds the process that uses the store, if there is one: it listens at another address than that of the
    /// configuration.
    fn explain_missing_listener(&self, error: anyhow::Error) -> anyhow::Error {
        let holder = self.store.as_deref().and_then(lock_holder::process);
        match holder {
            Some(process) => error.context(format!(
                "process {process} uses the store of this configuration, but does not listen at {}: pass its admin \
                 listener with --server",
                self.listener
            )),
            None => error,
        }
    }
}

/// Returns true if a person at this terminal can see a browser: with a display, or on macOS outside of ssh.
fn has_browser(is_terminal: bool, variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let is_set = |name| variable(name).is_some_and(|value| !value.is_empty());
    let has_display = is_set("DISPLAY") || is_set("WAYLAND_DISPLAY");
    let is_local_mac = cfg!(target_os = "macos") && !is_set("SSH_CONNECTION");
    is_terminal && (has_display || is_local_mac)
}

/// Opens a URL in the browser. Returns false if there is none, which is no error: the address is printed.
fn open(url: &str) -> bool {
    match webbrowser::open(url) {
        Ok(()) => true,
        Err(reason) => {
            output::print_stderr(format_args!("no browser was opened: {reason}"));
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_needs_a_terminal_and_a_display() {
        let with = |is_terminal, set: &[&str]| {
            has_browser(is_terminal, &|name| set.contains(&name).then(|| ":0".to_owned()))
        };
        assert!(with(true, &["DISPLAY"]));
        assert!(with(true, &["WAYLAND_DISPLAY"]));
        // A display that ssh forwards is one.
        assert!(with(true, &["DISPLAY", "SSH_CONNECTION"]));
        assert!(!with(true, &["SSH_CONNECTION"]));
        assert!(!with(false, &["DISPLAY"]));
        assert!(!has_browser(true, &|_| Some(String::new())));
    }
}
