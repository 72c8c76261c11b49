//! A child process: started with its output in a file, measured through `/proc`, and ended by its id.

use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::children;
use crate::placement::Cores;

/// The maximum time from the start of a process until it is ready.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// The maximum time from SIGTERM to the end of a process; then it is killed.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A running child process. It is ended when dropped.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: Pid,
    log: PathBuf,
}

impl Process {
    /// Starts a command on these cores, with both of its outputs in the file `log`.
    pub(crate) fn start(mut command: Command, cores: Cores, log: PathBuf) -> anyhow::Result<Self> {
        let output = File::create(&log)?;
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = cores.run(|| {
            let program = command.get_program().to_owned();
            command
                .spawn()
                .with_context(|| format!("{} can't be started", program.display()))
        })?;
        let pid = Pid::from_child(&child);
        children::add(pid);
        Ok(Self { child, pid, log })
    }

    /// Waits until `is_ready` returns a value for the output so far.
    pub(crate) fn wait_for<T>(&mut self, mut is_ready: impl FnMut(&str) -> Option<T>) -> anyhow::Result<T> {
        let start = Instant::now();
        loop {
            let output = std::fs::read_to_string(&self.log)?;
            if let Some(ready) = is_ready(&output) {
                return Ok(ready);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} ended with {status}:\n{output}", self.log.display());
            }
            if start.elapsed() > START_TIMEOUT {
                bail!(
                    "{}: not ready after {START_TIMEOUT:?}:\n{output}",
                    self.log.display()
                );
            }
            sleep(Duration::from_millis(20));
        }
    }

    /// Waits until every address accepts connections.
    pub(crate) fn wait_until_listening(&mut self, addresses: &[SocketAddr]) -> anyhow::Result<()> {
        self.wait_for(|_| {
            addresses
                .iter()
                .all(|to| TcpStream::connect(to).is_ok())
                .then_some(())
        })
    }

    /// Returns the processor time used so far, in user and kernel mode, by the process and its direct children.
    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        let ticks: u64 = self.stats()?.iter().map(|stat| stat.utime + stat.stime).sum();
        Ok(Duration::from_secs_f64(
            ticks as f64 / procfs::ticks_per_second() as f64,
        ))
    }

    /// Returns the resident memory of the process and its direct children.
    pub(crate) fn resident_bytes(&self) -> anyhow::Result<u64> {
        let pages: u64 = self.stats()?.iter().map(|stat| stat.rss).sum();
        Ok(pages * procfs::page_size())
    }

    fn stats(&self) -> anyhow::Result<Vec<procfs::process::Stat>> {
        let main = procfs::process::Process::new(self.pid.as_raw_nonzero().get())?;
        let mut stats = vec![main.stat()?];
        for child in main.task_main_thread()?.children()? {
            stats.push(procfs::process::Process::new(i32::try_from(child)?)?.stat()?);
        }
        Ok(stats)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let asked = kill_process(self.pid, Signal::TERM).is_ok();
        let start = Instant::now();
        let mut ended = false;
        while asked && !ended && start.elapsed() < STOP_TIMEOUT {
            ended = matches!(self.child.try_wait(), Ok(Some(_)));
            sleep(Duration::from_millis(10));
        }
        if !ended {
            // Only an error could be reported, and the process is gone either way.
            let _ = self.child.kill().and_then(|()| self.child.wait());
        }
        children::remove(self.pid);
    }
}

/// Returns a loopback address whose port was free a moment ago, for programs that can't report a port of their own.
pub(crate) fn free_address() -> io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

/// Returns the first line of what a program prints for this argument: its version.
pub(crate) fn version_line(program: &Path, argument: &str) -> Option<String> {
    let output = Command::new(program)
        .arg(argument)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().map(str::trim).find(|line| !line.is_empty())?;
    // Some begin with their path or with words: `nginx version: nginx/1.22.1`.
    Some(
        line.rsplit_once("version: ")
            .map_or(line, |(_, version)| version)
            .to_owned(),
    )
}
