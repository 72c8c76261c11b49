//! `sluice run`: the proxy, following its files until it is told to stop.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;
use config::{Loaded, Reload, Watcher};
use proxy::{Publisher, Running};
use tracing::{error, info, warn};
use tracing_subscriber::{EnvFilter, fmt};

use super::{Outcome, answer};

/// Runs the proxy. It follows its files: a good change takes effect within half a second, a bad one changes
/// nothing and is reported.
///
/// SIGTERM and Ctrl-C end it: it stops being ready, finishes the requests in flight, and exits with 0.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The config file.
    #[arg(long, value_name = "FILE", default_value = "sluice.yaml")]
    config: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<Outcome> {
    log_to_stderr();
    let loaded = match load(&arguments.config) {
        Ok(loaded) => loaded,
        Err(report) => {
            answer::complain(report.render(answer::colour()).trim_end());
            return Ok(Outcome::No);
        }
    };
    let service = Service::start(loaded, arguments.config.clone())?;
    for listener in service.running.listeners() {
        info!(listener = &*listener.name, address = %listener.address, "listening");
    }
    match service.running.admin() {
        Some(address) => info!(%address, "admin listening: /livez, /readyz, /metrics"),
        None => info!("no admin listener"),
    }
    service.until_stopped()
}

/// What goes wrong or changes, to standard error; `RUST_LOG` sets how much.
pub(super) fn log_to_stderr() {
    // What pingora has to say of single requests is in the access log. notify warns of watches that went with
    // their directory, as at every update of a ConfigMap.
    let otherwise = "info,pingora=off,pingora_core=off,pingora_proxy=off,notify=error";
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(otherwise));
    let colour = answer::colour() == config::Colour::Always;
    fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(colour)
        .with_target(false)
        .init();
}

pub(super) fn load(path: &std::path::Path) -> std::result::Result<Loaded, config::Report> {
    config::load(path, &environment_variable)
}

fn environment_variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// A proxy and the watch over its files.
pub(super) struct Service {
    pub(super) running: Running,
    watcher: Watcher,
}

impl Service {
    /// Starts to serve what was loaded from `path`, and to follow its files.
    pub(super) fn start(loaded: Loaded, path: PathBuf) -> Result<Self> {
        if !loaded.warnings.is_empty() {
            answer::complain(loaded.warnings.render(answer::colour()).trim_end());
        }
        let running = proxy::start(&loaded, proxy::Options::default())?;
        let publisher = running.publisher();
        let watcher = config::watch(path, &loaded, environment_variable, move |reload| {
            follow(&publisher, reload)
        })
        .context("can't watch the files")?;
        Ok(Self { running, watcher })
    }

    /// Serves until SIGTERM or Ctrl-C, then drains.
    pub(super) fn until_stopped(self) -> Result<Outcome> {
        self.running.run()?;
        drop(self.watcher);
        Ok(Outcome::Done)
    }
}

/// Takes over a change of the files, or says why not.
fn follow(publisher: &Publisher, reload: Reload) {
    match reload {
        Reload::Applied(loaded) => match publisher.publish(&loaded) {
            Ok(published) => {
                info!(revision = %loaded.snapshot.revision, "reloaded");
                for field in published.needs_restart {
                    warn!(field, "a change of this field takes effect at the next start");
                }
            }
            Err(refused) => error!("not reloaded, the last good snapshot serves on: {refused}"),
        },
        Reload::Refused(report) => {
            publisher.refused(&report.headline());
            error!("not reloaded, the last good snapshot serves on:");
            answer::complain(report.render(answer::colour()).trim_end());
        }
        Reload::Restored => {
            publisher.unchanged();
            info!("the files are again what is served");
        }
    }
}
