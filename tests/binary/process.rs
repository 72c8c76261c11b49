//! The binary as a process: run to its end with some input, or kept running until it is ended.

use std::{
    ffi::OsStr,
    fmt,
    fs::File,
    io::{BufRead, BufReader, PipeReader, Read, Write},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use testkit::eventually;

/// Result of a command that ran to its end. Its checks fail with the command line and everything that it printed.
#[derive(Debug)]
pub(crate) struct CommandOutput {
    /// The command line, and the case of a test that runs it several times.
    command: String,
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl CommandOutput {
    /// Adds a description of the case to the messages of failed checks.
    pub(crate) fn for_case(mut self, case: impl fmt::Display) -> Self {
        self.command.push_str(&format!(" [{case:.200}]"));
        self
    }

    /// Fails unless the exit code is this.
    #[track_caller]
    pub(crate) fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Fails unless this was printed to standard output, and nothing else.
    #[track_caller]
    pub(crate) fn prints(&self, text: impl AsRef<str>) -> &Self {
        assert_eq!(self.stdout, text.as_ref(), "{self}");
        self
    }

    /// Fails unless standard error contains this text.
    #[track_caller]
    pub(crate) fn reports(&self, text: impl AsRef<str>) -> &Self {
        let text = text.as_ref();
        assert!(self.stderr.contains(text), "no `{text}`: {self}");
        self
    }
}

impl fmt::Display for CommandOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            command,
            code,
            stdout,
            stderr,
        } = self;
        write!(f, "{command}\nexit code {code}\n{stdout}{stderr}")
    }
}

fn command<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command
        .args(arguments)
        .current_dir(folder)
        .env_remove("RUST_LOG")
        .env_remove("SLUICE_ADDRESS")
        .env_remove("SLUICE_ADMIN_ADDRESS")
        .env_remove("SLUICE_HEALTH_ADDRESS")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("LISTEN_FDS")
        .env_remove("RUNTIME_DIRECTORY")
        .env_remove("WATCHDOG_USEC")
        .env_remove("SLUICE_CONFIG")
        .env_remove("SLUICE_LOG_FORMAT")
        .env_remove("SLUICE_LOG_LEVEL")
        .env_remove("SLUICE_SERVER")
        .env_remove("SLUICE_TOKEN")
        .env_remove("SLUICE_TOKEN_FILE")
        .env_remove("SLUICE_CA")
        .env("NO_COLOR", "1");
    command
}

/// Runs `sluice` in `folder` to its end, with `input` on standard input.
pub(crate) fn sluice<S: AsRef<OsStr>>(
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
    input: impl AsRef<[u8]> + Send + 'static,
) -> CommandOutput {
    ended(command(folder, arguments), input)
}

/// Runs `sluice` in `folder` to its end, with these environment variables and no input.
pub(crate) fn sluice_with<S: AsRef<OsStr>>(
    variables: &[(&str, &str)],
    folder: &Path,
    arguments: impl IntoIterator<Item = S>,
) -> CommandOutput {
    let mut command = command(folder, arguments);
    command.envs(variables.iter().copied());
    ended(command, "")
}

fn ended(mut command: Command, input: impl AsRef<[u8]> + Send + 'static) -> CommandOutput {
    let line = command.get_args().map(OsStr::to_string_lossy).collect::<Vec<_>>();
    let line = format!("sluice {}", line.join(" "));
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // A command may end without reading all of its input, so a failed write is not an error.
    let feeding = thread::spawn(move || stdin.write_all(input.as_ref()).is_ok());
    let output = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    CommandOutput {
        command: line,
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A `sluice` process that runs until it is ended or dropped.
pub(crate) struct SluiceProcess {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
}

impl SluiceProcess {
    /// Starts `sluice` in `folder`.
    pub(crate) fn start<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        Self::spawn(command(folder, arguments))
    }

    /// Starts `sluice run` in `folder`, with these for standard input and standard error.
    pub(crate) fn start_between(folder: &Path, input: impl Into<Stdio>, errors: impl Into<Stdio>) -> Self {
        let mut child = command(folder, ["run"])
            .stdin(input)
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().unwrap(), &lines);
        Self { child, lines }
    }

    /// Starts `sluice` in `folder`, with this for standard output.
    pub(crate) fn start_printing_to<S: AsRef<OsStr>>(
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
        output: impl Into<Stdio>,
    ) -> Self {
        Self::start_printing_to_with(&[], folder, arguments, output)
    }

    /// Starts `sluice` in `folder`, with these environment variables and this for standard output.
    pub(crate) fn start_printing_to_with<S: AsRef<OsStr>>(
        variables: &[(&str, &str)],
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
        output: impl Into<Stdio>,
    ) -> Self {
        let mut child = command(folder, arguments)
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stderr.take().unwrap(), &lines);
        Self { child, lines }
    }

    /// Starts `sluice` in `folder`, with these environment variables.
    pub(crate) fn start_with<S: AsRef<OsStr>>(
        variables: &[(&str, &str)],
        folder: &Path,
        arguments: impl IntoIterator<Item = S>,
    ) -> Self {
        let mut command = command(folder, arguments);
        command.envs(variables.iter().copied());
        Self::spawn(command)
    }

    /// Starts `sluice run` in `folder`, with a pipe for standard error of which only the output of the start is
    /// read. The pipe is full when this returns.
    pub(crate) fn start_unread(folder: &Path) -> (Self, PipeReader) {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let child = command(folder, ["run"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(writer.try_clone().unwrap())
            .spawn()
            .unwrap();
        let mut reader = BufReader::new(reader);
        let mut lines = Vec::new();
        while !lines.iter().any(|line: &String| line.contains("operators")) {
            let mut line = String::new();
            assert_ne!(reader.read_line(&mut line).unwrap(), 0, "it ended: {lines:?}");
            lines.push(line);
        }
        let written = Arc::new(AtomicUsize::new(0));
        let filled = Arc::clone(&written);
        // Ends when the test drops its end of the pipe.
        thread::spawn(move || {
            while writer.write_all(&[b'\n'; 4096]).is_ok() {
                filled.fetch_add(4096, Ordering::Relaxed);
            }
        });
        let mut before = (0, Instant::now());
        eventually("the pipe to be full", || {
            let now = written.load(Ordering::Relaxed);
            if now != before.0 {
                before = (now, Instant::now());
            }
            (now > 0 && before.1.elapsed() > Duration::from_millis(200)).then_some(())
        });
        let lines = Arc::new(Mutex::new(lines));
        (Self { child, lines }, reader.into_inner())
    }

    /// Starts a command that becomes `sluice`.
    pub(crate) fn start_command(mut command: Command) -> Self {
        command.env("NO_COLOR", "1");
        Self::spawn(command)
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        collect(child.stdout.take().unwrap(), &lines);
        collect(child.stderr.take().unwrap(), &lines);
        Self { child, lines }
    }

    /// Returns everything that it has printed so far.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Returns the first line that contains `text`, as soon as there is one.
    pub(crate) fn line(&self, text: &str) -> String {
        eventually(&format!("a line with `{text}`"), || {
            self.printed().into_iter().find(|line| line.contains(text))
        })
    }

    /// Returns the address of its listener, from its log.
    pub(crate) fn listener(&self) -> SocketAddr {
        address(&self.line("listening listener="))
    }

    /// Returns the address of its listener with this name, from its log.
    pub(crate) fn listener_named(&self, name: &str) -> SocketAddr {
        address(&self.line(&format!("listening listener={name:?}")))
    }

    /// Returns the address of its admin listener, from its log.
    pub(crate) fn admin(&self) -> SocketAddr {
        address(&self.line("admin listening"))
    }

    /// Returns the address of its health listener, from its log.
    pub(crate) fn health(&self) -> SocketAddr {
        address(&self.line("health listening"))
    }

    /// Returns the address of its listener for the admins of orgs, from its log.
    pub(crate) fn tenants(&self) -> SocketAddr {
        address(&self.line("tenants listening"))
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
    }

    /// Returns true if it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for its end, and returns its exit status.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        eventually("the end of the process", || self.child.try_wait().unwrap())
    }
}

impl Drop for SluiceProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn collect(output: impl Read + Send + 'static, lines: &Arc<Mutex<Vec<String>>>) {
    let lines = Arc::clone(lines);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            lines.lock().unwrap().push(line);
        }
    });
}

/// Opens a terminal. Returns it, and its other side, which reads what is written to it.
pub(crate) fn pseudo_terminal() -> (File, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
    let terminal = File::options().read(true).write(true).open(name).unwrap();
    (terminal, File::from(master))
}

/// Returns the address in a line such as `... address=127.0.0.1:4711`.
fn address(line: &str) -> SocketAddr {
    let at = line.split("address=").nth(1).unwrap();
    at.split_whitespace().next().unwrap().parse().unwrap()
}
