//! The walk-throughs of the guide are correct: their commands run in a shell against a real server, and the output is
//! compared with the page. With `SLUICE_DOCS=write` the pages are rewritten instead.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use testkit::{Client, Request, Upstream, eventually, reply, response};

use crate::process::SluiceProcess;

/// End mark of the output of a command.
const END: &str = "=-= end of the command =-=";
/// Longest time of a command.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

/// A part of the page.
enum PagePart<'p> {
    Text(&'p str),
    /// A block to paste, without output.
    Shell(&'p str),
    /// A block of commands with their output.
    Console(&'p str),
}

/// A shell in the folder of the walk-through, with its server.
struct ShellSession {
    folder: tempfile::TempDir,
    shell: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    server: Option<SluiceProcess>,
    /// The applications, by their port on the page. Each serves the files of a folder.
    applications: BTreeMap<String, Upstream>,
    /// The ports of applications on the page, by the variable with their process.
    processes: BTreeMap<String, String>,
    /// The addresses of applications that have ended, by their port on the page.
    former: BTreeMap<String, SocketAddr>,
}

#[test]
fn output_of_the_guide_walk_through_is_current() {
    check_page("docs/operate.md");
}

#[test]
fn output_of_the_quick_start_is_current() {
    check_page("docs/quick-start.md");
}

#[test]
fn output_of_the_page_on_rollouts_is_current() {
    check_page("docs/rollouts.md");
}

#[test]
fn output_of_the_guide_for_release_owners_is_current() {
    check_page("docs/release-owner.md");
}

#[test]
fn output_of_the_page_on_stores_is_current() {
    check_page("docs/files-or-store.md");
}

/// Runs the commands of a page in an empty folder and compares their output with the page.
fn check_page(page: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(page);
    let page = fs::read_to_string(&path).unwrap();
    let mut session = ShellSession::set();
    let mut written = String::new();
    for part in parts(&page) {
        match part {
            PagePart::Text(text) => written.push_str(text),
            PagePart::Shell(block) => {
                session.paste(block);
                written.push_str(&format!("```sh\n{block}```\n"));
            }
            PagePart::Console(block) => {
                written.push_str("```console\n");
                for (command, _) in commands(block) {
                    let answer = without_slow_disk(&session.run(&command));
                    written.push_str(&format!("$ {command}\n{answer}"));
                }
                written.push_str("```\n");
            }
        }
    }
    if std::env::var_os("SLUICE_DOCS").is_some_and(|value| value == "write") {
        fs::write(&path, written).unwrap();
        return;
    }
    let (page, written) = (masked(&page), masked(&written));
    for (expected, found) in page.lines().zip(written.lines()) {
        assert_eq!(expected, found, "\nthe whole page would be:\n{written}");
    }
    assert_eq!(page, written);
}

/// Removes the note about a disk that is too slow to write the states of flags in time, as on a busy machine.
fn without_slow_disk(answer: &str) -> String {
    let lines = answer.split_inclusive('\n');
    let is_note = |line: &&str| line.starts_with("note: the last good document can't be written in time");
    lines.filter(|line| !is_note(line)).collect()
}

fn parts(page: &str) -> Vec<PagePart<'_>> {
    let mut parts = Vec::new();
    let mut rest = page;
    while let Some(at) = rest.find("```") {
        let (before, block) = rest.split_at(at);
        parts.push(PagePart::Text(before));
        let (language, block) = block[3..].split_once('\n').unwrap();
        let (block, after) = block.split_once("```\n").unwrap();
        parts.push(match language {
            "sh" => PagePart::Shell(block),
            "console" => PagePart::Console(block),
            // Checked with the log-ins, in `log_ins`.
            "yaml" | "json" => {
                let whole = &rest[at..rest.len() - after.len()];
                PagePart::Text(whole)
            }
            other => panic!("a block of `{other}` is neither pasted nor run: make it by a command"),
        });
        rest = after;
    }
    parts.push(PagePart::Text(rest));
    parts
}

/// Returns the commands of a block, each with its output on the page.
fn commands(block: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    for line in block.lines() {
        match (line.strip_prefix("$ "), commands.last_mut()) {
            (Some(command), _) => commands.push((command.to_owned(), String::new())),
            (None, Some((_, answer))) => answer.push_str(&format!("{line}\n")),
            (None, None) => panic!("`{line}` answers no command"),
        }
    }
    commands
}

impl ShellSession {
    /// Starts a shell in an empty folder.
    fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let binary = Path::new(env!("CARGO_BIN_EXE_sluice")).parent().unwrap();
        let path = format!("{}:{}", binary.display(), std::env::var("PATH").unwrap());
        let mut shell = Command::new("sh")
            .current_dir(folder.path())
            .env("PATH", path)
            .env("NO_COLOR", "1")
            .env_remove("SLUICE_TOKEN")
            .env_remove("SLUICE_CA")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut input = shell.stdin.take().unwrap();
        input.write_all(b"exec 2>&1\n").unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap());
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            folder,
            shell,
            input,
            lines,
            server: None,
            applications: BTreeMap::new(),
            processes: BTreeMap::new(),
            former: BTreeMap::new(),
        }
    }

    /// Runs a block. Upstreams of the test replace the applications, and free ports replace those of the page.
    fn paste(&mut self, block: &str) {
        let mut pasted = String::new();
        for line in block.lines() {
            match line.strip_prefix("python3 -m http.server ") {
                Some(arguments) => self.serve(arguments),
                None => pasted.push_str(&format!("{line}\n")),
            }
        }
        for (port, application) in &self.applications {
            let place = application.address().to_string();
            pasted = pasted.replace(&format!("127.0.0.1:{port}"), &place);
        }
        // A function of the page, which a running server answers.
        if let Some(server) = &self.server {
            let listener = format!("http://{}", server.listener());
            pasted = pasted.replace("http://127.0.0.1:8080", &listener);
        }
        for port in ["8080", "9090"] {
            pasted = pasted.replace(&format!("127.0.0.1:{port}"), "127.0.0.1:0");
        }
        let reloads = self.reloads();
        self.input.write_all(pasted.as_bytes()).unwrap();
        assert_eq!(self.shell("true"), "", "{block}");
        // Flags in a store are not read from a file again.
        let config = fs::read_to_string(self.folder.path().join("sluice.yaml"));
        let has_flags_file = config.is_ok_and(|config| config.contains("{ file: flags.yaml }"));
        let is_reload = block.contains("> sluice.yaml") || (block.contains("> flags.yaml") && has_flags_file);
        if self.server.is_some() && is_reload {
            eventually("the reload", || (self.reloads() > reloads).then_some(()));
        }
    }

    /// Returns the number of reloads of the server so far.
    fn reloads(&self) -> usize {
        let printed = self.server.as_ref().map(SluiceProcess::printed);
        let lines = printed.into_iter().flatten();
        lines.filter(|line| line.contains(" reloaded ")).count()
    }

    /// Serves the files of a folder, as `python3 -m http.server` does with these arguments.
    fn serve(&mut self, arguments: &str) {
        let (port, rest) = arguments.split_once(' ').unwrap();
        let folder = rest.split_once("--directory ").unwrap().1.split(' ').next();
        let folder = self.folder.path().join(folder.unwrap());
        let listener = match self.former.remove(port) {
            // The configuration has its address.
            Some(address) => eventually("the port", || TcpListener::bind(address).ok()),
            None => TcpListener::bind("127.0.0.1:0").unwrap(),
        };
        if let Some((_, variable)) = rest.split_once("& ") {
            let variable = variable.trim_end_matches("=$!");
            self.processes.insert(variable.to_owned(), port.to_owned());
        }
        let files = Upstream::on(listener, move |request, stream| {
            let file = fs::read_to_string(folder.join(request.target().trim_start_matches('/')));
            reply(
                stream,
                &file.map_or_else(
                    |_| response(404, "Not Found", "no such file"),
                    |text| response(200, "OK", &text),
                ),
            )
        });
        self.applications.insert(port.to_owned(), files);
    }

    /// Runs a command and returns its output.
    fn run(&mut self, command: &str) -> String {
        if command.starts_with("sluice run ") {
            self.start();
            return String::new();
        }
        if let Some(port) = command
            .strip_prefix("kill $")
            .and_then(|name| self.processes.get(name))
        {
            let application = self.applications.remove(port).unwrap();
            self.former.insert(port.clone(), application.address());
            return String::new();
        }
        if command.starts_with("kill $") {
            self.stop();
            return String::new();
        }
        if let Some(arguments) = command.strip_prefix("curl -s ") {
            return self.curl(arguments);
        }
        let answer = self.shell(command);
        match &self.server {
            Some(server) => answer.replace(&server.admin().to_string(), "127.0.0.1:9090"),
            None => answer,
        }
    }

    fn shell(&mut self, command: &str) -> String {
        self.input
            .write_all(format!("{command} </dev/null\necho '{END}'\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        loop {
            let line = self.lines.recv_timeout(COMMAND_TIMEOUT);
            let line = line.unwrap_or_else(|_| panic!("`{command}` did not end: {answer}"));
            match line.strip_suffix(END) {
                None => answer.push_str(&format!("{line}\n")),
                Some("") => return answer,
                Some(last) => return format!("{answer}{last}\n"),
            }
        }
    }

    /// Sends the request of a curl command, with the headers and the path after the shell's expansion.
    fn curl(&mut self, arguments: &str) -> String {
        let words = self.shell(&format!("printf '%s\\n' {arguments}"));
        let (mut words, mut headers, mut url) = (words.lines(), Vec::new(), "");
        while let Some(word) = words.next() {
            match word {
                "-H" => headers.push(words.next().unwrap().split_once(": ").unwrap()),
                "--retry" | "--retry-max-time" => drop(words.next()),
                word => url = word,
            }
        }
        let application = self.applications.iter().find_map(|(port, application)| {
            let (_, path) = url.split_once(&format!(":{port}"))?;
            Some((application.address(), path))
        });
        if let Some((address, path)) = application {
            let answer = Client::connect(address).ask(&Request::get(path));
            return format!("{}\n", answer.text().trim_end());
        }
        let server = self.server.as_ref().unwrap();
        if let Some((_, path)) = url.split_once(":9090") {
            return eventually("an answer of the admin listener", || {
                let answer = Client::connect(server.admin()).ask(&Request::get_admin(path));
                (answer.status == 200).then(|| format!("{}\n", answer.text().trim_end()))
            });
        }
        let (_, path) = url.split_once(":8080").unwrap();
        let request = headers.iter().fold(Request::get(path), |request, (name, value)| {
            request.header(name, value)
        });
        let answer = Client::connect(server.listener()).ask(&request);
        format!("{}\n", answer.text().trim_end())
    }

    fn start(&mut self) {
        // A page may leave the address out, and the default port may be in use: by another page, for example.
        let variables = [("SLUICE_ADMIN_ADDRESS", "127.0.0.1:0")];
        let server = SluiceProcess::start_with(&variables, self.folder.path(), ["run"]);
        let admin: SocketAddr = server.admin();
        let _ = server.listener();
        self.server = Some(server);
        self.shell(&format!("export SLUICE_SERVER=http://{admin}"));
    }

    fn stop(&mut self) {
        let mut server = self.server.take().unwrap();
        server.signal("TERM");
        assert!(server.ended().success(), "{:?}", server.printed());
    }
}

impl Drop for ShellSession {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// Masks what differs between runs: times, durations, ids, hashes, sizes.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let line = without_times(&without_ids(&without_spans(&without_sizes(&without_user(line)))));
        let line = without_measurements(&without_progress(&line));
        let words: Vec<String> = line.split(' ').map(mask).collect();
        masked.push_str(&words.join(" "));
        masked.push('\n');
    }
    masked
}

/// Masks the id of the user that runs the test, if it is not that of the pages, and the widths of columns with it.
fn without_user(line: &str) -> String {
    if rustix::process::getuid().is_root() {
        return line.to_owned();
    }
    let words = line
        .split_whitespace()
        .map(|word| match word.strip_prefix("uid:") {
            Some(_) => "uid:0",
            None => word,
        });
    words.collect::<Vec<_>>().join(" ")
}

/// Masks the id of a request, and the revision of the documents, which contain the ports.
fn without_ids(line: &str) -> String {
    let mut line = line.to_owned();
    for (name, digits) in [("\"request_id\":\"", 32), ("x-flags-revision: ", 12)] {
        if let Some(at) = line.find(name) {
            let start = at + name.len();
            line.replace_range(start..start + digits, "ID");
        }
    }
    line
}

/// Masks the times of a token: in seconds since 1970, and the minutes that are left.
fn without_times(line: &str) -> String {
    let line = line.replace("59 min left", "60 min left");
    let parts = line.split(',').map(|part| match part.rsplit_once(':') {
        Some((name, time)) if time.len() == 10 && time.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{name}:TIME")
        }
        _ => part.to_owned(),
    });
    parts.collect::<Vec<_>>().join(",")
}

fn without_sizes(line: &str) -> String {
    match line.split_once(" bytes ") {
        Some((size, rest)) if size.bytes().all(|byte| byte.is_ascii_digit()) => format!("SOME bytes {rest}"),
        _ => line.to_owned(),
    }
}

fn without_spans(line: &str) -> String {
    match line.split_once(" (in ") {
        Some((before, after)) if after.contains(')') => {
            let (_, rest) = after.split_once(')').unwrap();
            format!("{before} (in SOME TIME){rest}")
        }
        _ => line.to_owned(),
    }
}

/// Masks the time that a stage of a rollout plan has lasted.
fn without_progress(line: &str) -> String {
    match line.rsplit_once("; ") {
        Some((before, after)) if after.ends_with(" passed") => {
            let (_, duration) = after.split_once(" of ").unwrap_or_default();
            format!("{before}; SOME TIME of {duration}")
        }
        _ => line.to_owned(),
    }
}

/// Masks the tenants with errors, and the numbers of measured requests in the tables of arms and of checks and in the record of a rollout, with the widths
/// of their columns.
fn without_measurements(line: &str) -> String {
    if line.starts_with("errors by tenant ") {
        return "errors by tenant SOME".to_owned();
    }
    let first = line
        .trim_start_matches("| ")
        .split(' ')
        .next()
        .unwrap_or_default();
    let is_measured = line.contains(" ms") || line.contains(" s ") || line.contains(" % ");
    let is_row = ["arm", "check", "treatment", "control", "errors", "slow"].contains(&first);
    match is_row && (is_measured || line.ends_with("p99") || line.ends_with("because")) {
        true => {
            let words = line.split_whitespace();
            let words = words.map(|word| {
                let number = word.trim_start_matches('(');
                if number.starts_with(|c: char| c.is_ascii_digit()) && !number.contains(['-', ':']) {
                    "N"
                } else {
                    word
                }
            });
            words.collect::<Vec<_>>().join(" ")
        }
        false => line.to_owned(),
    }
}

fn mask(word: &str) -> String {
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let digits = word.rsplit(':').next().unwrap_or_default();
    let is_hash = digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match shape.trim_end_matches([':', ',', ';', 'Z']) {
        "0000-00-00" | "00:00" | "00:00:00" => shape,
        _ if is_hash => word.replace(digits, "HASH"),
        _ => word.to_owned(),
    }
}
