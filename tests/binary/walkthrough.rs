//! The walk-through of the guide is true: its commands are run in a shell against a real server, and what they answer
//! is compared with the page. With `SLUICE_DOCS=write` the page is written anew instead.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use testkit::{Client, Request, Upstream};

use crate::process::Running;

const PAGE: &str = "docs/operate.md";
/// What ends the output of a command.
const END: &str = "=-= end of the command =-=";
/// How long a command may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// A page, cut into what is text and what is run.
enum Part<'p> {
    Text(&'p str),
    /// The commands of a block.
    Console(&'p str),
    /// Days pass before the next block.
    Later,
}

/// A shell in the folder of the walk-through, with a server to talk to.
struct Stage {
    folder: tempfile::TempDir,
    shell: Child,
    input: ChildStdin,
    lines: Receiver<String>,
    server: Option<Running>,
    _upstreams: [Upstream; 2],
}

#[test]
fn the_walk_through_of_the_guide_goes_as_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = fs::read_to_string(&path).unwrap();
    let mut stage = Stage::set(&page);
    let mut written = String::new();
    let mut later = false;
    for part in parts(&page) {
        match part {
            Part::Text(text) => written.push_str(text),
            Part::Later => {
                stage.restart("soak: 24h", "soak: 1ms");
                later = true;
            }
            Part::Console(block) => {
                written.push_str("```console\n");
                for (command, _) in commands(block) {
                    let answer = stage.run(&command);
                    written.push_str(&format!("$ {command}\n{answer}"));
                }
                written.push_str("```\n");
                if std::mem::take(&mut later) {
                    stage.restart("soak: 1ms", "soak: 24h");
                }
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

fn parts(page: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once("```console\n") {
        texts(before, &mut parts);
        let (block, after) = after.split_once("```\n").unwrap();
        parts.push(Part::Console(block));
        rest = after;
    }
    texts(rest, &mut parts);
    parts
}

fn texts<'p>(text: &'p str, parts: &mut Vec<Part<'p>>) {
    parts.push(Part::Text(text));
    if text.contains("later -->\n") {
        parts.push(Part::Later);
    }
}

/// The commands of a block, each with the answer that the page gives.
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

impl Stage {
    fn set(page: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let upstreams = [Upstream::named("the new board"), Upstream::named("the old board")];
        let yaml: Vec<&str> = page
            .split("```yaml\n")
            .skip(1)
            .map(|block| block.split("```").next().unwrap())
            .collect();
        let config = yaml[0]
            .replace("127.0.0.1:8080", "127.0.0.1:0")
            .replace("127.0.0.1:9090", "127.0.0.1:0")
            .replace("127.0.0.1:8081", &upstreams[0].address().to_string())
            .replace("127.0.0.1:8082", &upstreams[1].address().to_string());
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        fs::write(folder.path().join("flags.yaml"), yaml[1]).unwrap();
        fs::write(folder.path().join("route.yaml"), yaml[2]).unwrap();
        fs::write(
            folder.path().join("login.secret"),
            "a secret of thirty-two bytes, or more",
        )
        .unwrap();
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
            _upstreams: upstreams,
        }
    }

    /// What a command answers.
    fn run(&mut self, command: &str) -> String {
        if command == "sluice run &" {
            self.start();
            return String::new();
        }
        match command.strip_prefix("curl ") {
            Some(arguments) => self.curl(arguments),
            None => {
                let answer = self.shell(command);
                if command.ends_with(">> sluice.yaml") {
                    self.server.as_ref().unwrap().line(" reloaded ");
                }
                match &self.server {
                    Some(server) => answer.replace(&server.admin().to_string(), "127.0.0.1:9090"),
                    None => answer,
                }
            }
        }
    }

    fn shell(&mut self, command: &str) -> String {
        self.input
            .write_all(format!("{command} </dev/null\necho '{END}'\n").as_bytes())
            .unwrap();
        let mut answer = String::new();
        loop {
            let line = self.lines.recv_timeout(PATIENCE);
            let line = line.unwrap_or_else(|_| panic!("`{command}` did not end: {answer}"));
            match line.strip_suffix(END) {
                None => answer.push_str(&format!("{line}\n")),
                Some("") => return answer,
                Some(last) => return format!("{answer}{last}\n"),
            }
        }
    }

    /// A request as curl would make it, of the header and the path that the shell makes of the arguments.
    fn curl(&mut self, arguments: &str) -> String {
        let words = self.shell(&format!("printf '%s\\n' {arguments}"));
        let words: Vec<&str> = words.lines().collect();
        let (name, value) = words[1].split_once(": ").unwrap();
        let path = words[2].split_once("8080").unwrap().1;
        let listener = self.server.as_ref().unwrap().listener();
        let answer = Client::connect(listener).ask(&Request::get(path).header(name, value));
        format!("{}\n", answer.text().trim_end())
    }

    fn start(&mut self) {
        let server = Running::start(self.folder.path(), ["run"]);
        let admin: SocketAddr = server.admin();
        let _ = server.listener();
        self.server = Some(server);
        self.shell(&format!("export SLUICE_SERVER=http://{admin}"));
    }

    /// The server is started again, by another policy: one whose soak is over, so that days seem to have passed.
    fn restart(&mut self, from: &str, to: &str) {
        let path = self.folder.path().join("sluice.yaml");
        let config = fs::read_to_string(&path).unwrap();
        fs::write(&path, config.replace(from, to)).unwrap();
        let mut server = self.server.take().unwrap();
        server.signal("TERM");
        assert!(server.ended().success(), "{:?}", server.printed());
        drop(server);
        self.start();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

/// The text without what differs from run to run: times, spans until then, ids, hashes, sizes.
fn masked(text: &str) -> String {
    let mut masked = String::new();
    for line in text.lines() {
        let line = without_spans(&without_sizes(line));
        let words: Vec<String> = line.split(' ').map(mask).collect();
        masked.push_str(&words.join(" "));
        masked.push('\n');
    }
    masked
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

fn mask(word: &str) -> String {
    let shape: String = word
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    let digits = word.rsplit(':').next().unwrap_or_default();
    let is_hash = digits.len() >= 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    match shape.trim_end_matches([':', ',', ';']) {
        "0000-00-00" | "00:00" | "00:00:00" => shape,
        _ if is_hash => word.replace(digits, "HASH"),
        _ => word.to_owned(),
    }
}
