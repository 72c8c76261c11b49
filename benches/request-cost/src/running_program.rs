//! A program that runs under a tool: its start, its address and its end.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::tool::Tool;

/// The longest start or stop. Both take a second or two, but a start of two seconds took 53 s on two cores at load 15.
const PATIENCE: Duration = Duration::from_secs(300);
const PAUSE: Duration = Duration::from_millis(10);

/// A program under a tool. Dropping it kills both.
pub(crate) struct RunningProgram {
    child: Child,
    /// The program. Valgrind is in the same process, strace is its parent.
    pid: u32,
    address: SocketAddr,
    log: PathBuf,
}

impl RunningProgram {
    /// Starts `command` and waits until it logs the address that it listens on. Its output is in files in `folder`.
    ///
    /// # Errors
    /// It can't be started, or ends before it listens.
    pub(crate) fn start(tool: Tool, command: &[OsString], folder: &Path) -> Result<Self> {
        let log = folder.join("program.log");
        let mut child = tool
            .command(folder)
            .args(command)
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(File::create(folder.join("access.log"))?)
            .stderr(File::create(&log)?)
            .spawn()
            .with_context(|| format!("can't start {tool:?}"))?;
        match listening(tool, &mut child, &log) {
            Ok((pid, address)) => Ok(Self {
                child,
                pid,
                address,
                log,
            }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                let log = fs::read_to_string(&log).unwrap_or_default();
                Err(error.context(format!("the program under {tool:?} logged:\n{log}")))
            }
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the program logs the address of its admin listener, and returns it.
    ///
    /// # Errors
    /// It does not in time.
    pub(crate) fn admin(&self) -> Result<SocketAddr> {
        eventually("the address of the admin listener", || {
            let log = fs::read_to_string(&self.log)?;
            let line = log.lines().find(|line| line.contains("admin listening"));
            Ok(line.and_then(address_in))
        })
    }

    /// Ends the program by SIGINT, and waits for the output of the tool.
    ///
    /// # Errors
    /// It does not end, or with an error.
    pub(crate) fn stop(mut self) -> Result<()> {
        signal(self.pid, Signal::INT)?;
        let status = eventually("the end of the program", || Ok(self.child.try_wait()?))?;
        if !status.success() {
            bail!("the program ended with {status}");
        }
        Ok(())
    }
}

impl Drop for RunningProgram {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // The program first: without strace it would go on.
            let _ = signal(self.pid, Signal::KILL);
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn listening(tool: Tool, child: &mut Child, log: &PathBuf) -> Result<(u32, SocketAddr)> {
    let address = eventually("the address of the program", || {
        if let Some(status) = child.try_wait()? {
            bail!("it ended with {status}");
        }
        Ok(fs::read_to_string(log)?.lines().find_map(address))
    })?;
    let own = child.id();
    let pid = match tool {
        Tool::Callgrind | Tool::Dhat => own,
        Tool::Strace => fs::read_to_string(format!("/proc/{own}/task/{own}/children"))?
            .trim()
            .parse()
            .context("strace has not exactly one child")?,
    };
    Ok((pid, address))
}

/// Reads the address in the log line of a listener for requests.
fn address(line: &str) -> Option<SocketAddr> {
    let is_public = line.contains("listening") && !line.contains("admin");
    address_in(line).filter(|_| is_public)
}

/// Reads the address in a log line.
fn address_in(line: &str) -> Option<SocketAddr> {
    let (_, address) = line.split_once("address=")?;
    let address = address.split_whitespace().next()?.trim_matches('"');
    address.parse().ok()
}

fn signal(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    Ok(kill_process(pid.context("no process id")?, signal)?)
}

fn eventually<T>(what: &str, mut look: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if start.elapsed() > PATIENCE {
            bail!("gave up after {PATIENCE:?} waiting for {what}");
        }
        thread::sleep(PAUSE);
    }
}
