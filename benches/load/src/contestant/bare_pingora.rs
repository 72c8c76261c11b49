//! The bare pingora proxy of `benches/bare-pingora`.

use std::path::Path;
use std::process::Command;

use super::running::Running;
use crate::placement::Cores;
use crate::process::Process;
use crate::site::Site;

/// Starts it as a passthrough.
pub(super) fn start(site: &Site, folder: &Path) -> anyhow::Result<Option<Running>> {
    let Some(program) = &site.programs.bare_pingora else {
        return Ok(None);
    };
    let mut command = Command::new(&program.path);
    command.arg(site.board.to_string());
    let mut process = Process::start(command, Cores::Measured, folder.join("log"))?;
    let address = process.wait_for(|log| {
        log.lines()
            .next()?
            .strip_prefix("listening address=")?
            .parse()
            .ok()
    })?;
    process.wait_until_listening(&[address])?;
    Ok(Some(Running {
        process,
        http1: address,
        http2: address,
    }))
}
