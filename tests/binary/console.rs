//! `sluice console`: the address of the console, and the reasons why there is none.

use std::fs;
use std::io::Read as _;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use testkit::{Upstream, eventually, response};

use crate::answering::IDENTITY;
use crate::process::{CommandOutput, SluiceProcess, pseudo_terminal, sluice, sluice_with};
use crate::wrong_server::api;

const PAGE: &str = "/platform/feature-flags";

/// Starts an admin API with a console that gives this answer.
fn console(answer: Vec<u8>) -> Upstream {
    api(response(200, "OK", IDENTITY), move |request| {
        assert_eq!((request.method(), request.target()), ("GET", PAGE));
        answer.clone()
    })
}

fn page() -> Vec<u8> {
    response(200, "OK", "<html></html>").into()
}

fn run(folder: &Path, arguments: &[&str]) -> CommandOutput {
    sluice(folder, [&["console"], arguments].concat(), "")
}

/// Writes a configuration whose admin listener has this address, and returns its folder.
fn configured(address: SocketAddr, control: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\nadmin: {{ address: \"{address}\" }}\n{control}\nflags: {{ store: {{ sqlite: ./data }} }}\nupstreams: {{ api: 127.0.0.1:9 }}\nunmatched: {{ upstream: api }}\n"
    );
    fs::write(folder.path().join("sluice.yaml"), text).unwrap();
    folder
}

fn closed_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn the_address_of_a_console_is_printed() {
    let upstream = console(page());
    let address = upstream.address();
    let (server, expected) = (format!("http://{address}"), format!("http://{address}{PAGE}\n"));
    let folder = tempfile::tempdir().unwrap();
    run(folder.path(), &["--server", &server])
        .exits(0)
        .prints(&expected);
    run(folder.path(), &["--server", &server, "--print"])
        .exits(0)
        .prints(&expected);
    run(folder.path(), &["--server", &server, "--json"])
        .exits(0)
        .prints(format!(
            "{{\"url\":\"{}\",\"opened\":false}}\n",
            expected.trim_end()
        ));
    let by_variable = sluice_with(&[("SLUICE_SERVER", &server)], folder.path(), ["console"]);
    by_variable.exits(0).prints(&expected);
    // A proxy that adds a prefix.
    let below = console_below("/sluice");
    let server = format!("http://{}/sluice", below.address());
    run(folder.path(), &["--server", &server])
        .exits(0)
        .prints(format!("{server}{PAGE}\n"));
}

fn console_below(prefix: &'static str) -> Upstream {
    Upstream::answering(move |request, stream| {
        let answer = match request.target().strip_prefix(prefix) {
            Some("/api/v1") => response(200, "OK", IDENTITY),
            Some(PAGE) => response(200, "OK", ""),
            _ => response(404, "Not Found", ""),
        };
        std::io::Write::write_all(stream, answer.as_ref()).unwrap();
        testkit::After::Keep
    })
}

#[test]
fn the_address_of_a_console_is_that_of_the_configuration() {
    let upstream = console(page());
    let address = upstream.address();
    let folder = configured(address, "");
    run(folder.path(), &[])
        .exits(0)
        .prints(format!("http://{address}{PAGE}\n"));
    let public = "control: { public_url: \"https://ops.example/sluice/\" }";
    let folder = configured(address, public);
    let other = tempfile::tempdir().unwrap();
    let file = folder.path().join("sluice.yaml");
    run(other.path(), &["--config", file.to_str().unwrap()])
        .exits(0)
        .prints(format!("https://ops.example/sluice{PAGE}\n"));
    let off = folder.path().join("off.yaml");
    let text = fs::read_to_string(&file).unwrap();
    let admin = format!("{{ address: \"{address}\" }}");
    fs::write(&off, text.replace(&admin, "off")).unwrap();
    run(folder.path(), &["--config", "off.yaml"])
        .exits(1)
        .reports("off.yaml has no `admin` listener");
    run(folder.path(), &["--config", "missing.yaml"])
        .exits(1)
        .reports("missing.yaml");
}

#[test]
fn a_console_that_asks_for_a_sign_in_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let redirect = "HTTP/1.1 303 See Other\r\nLocation: /platform/sign-in\r\nContent-Length: 0\r\n\r\n";
    for answer in [
        redirect.as_bytes().to_vec(),
        response(401, "Unauthorized", "").into(),
    ] {
        let upstream = console(answer);
        let server = format!("http://{}", upstream.address());
        run(folder.path(), &["--server", &server])
            .exits(0)
            .prints(format!("{server}{PAGE}\n"));
    }
}

#[test]
fn a_missing_console_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let check = |answer: Vec<u8>, reported: &str| {
        let upstream = console(answer);
        let server = format!("http://{}", upstream.address());
        let output = run(folder.path(), &["--server", &server]);
        output.exits(1).prints("").reports(reported);
    };
    check(response(404, "Not Found", "").into(), "`admin.console`");
    check(
        response(500, "Internal Server Error", "").into(),
        "answered with status 500",
    );
    let closed = format!("http://{}", closed_port());
    run(folder.path(), &["--server", &closed])
        .exits(3)
        .prints("")
        .reports("can't reach")
        .reports("help: `sluice run` starts a server");
    let application = Upstream::answering(|_, stream| testkit::reply(stream, &response(200, "OK", "hello")));
    let server = format!("http://{}", application.address());
    run(folder.path(), &["--server", &server])
        .exits(3)
        .reports("is not an admin API of Sluice");
    run(folder.path(), &["--server", "unix:/run/sluice.sock"])
        .exits(1)
        .reports("Unix socket");
}

#[test]
fn a_console_at_another_address_is_found_by_the_store() {
    let address = closed_port();
    let folder = configured(address, "");
    let server = SluiceProcess::start(folder.path(), ["run", "--admin-address", "127.0.0.1:0"]);
    server.admin();
    run(folder.path(), &[])
        .exits(3)
        .reports(format!(
            "process {} uses the store of this configuration, but does not listen at http://{address}",
            server.id()
        ))
        .reports("--server");
}

/// Runs `sluice console` on a terminal, and returns its output and the URL that the browser got.
fn on_a_terminal(variables: &[(&str, &str)], more: &[&str]) -> (String, Option<String>) {
    let upstream = console(page());
    let server = format!("http://{}", upstream.address());
    let folder = tempfile::tempdir().unwrap();
    let browser = folder.path().join("browser");
    fs::write(
        &browser,
        "#!/bin/sh\necho \"$1\" > opened.new\nmv opened.new opened\n",
    )
    .unwrap();
    fs::set_permissions(&browser, fs::Permissions::from_mode(0o755)).unwrap();
    let path = browser.display().to_string();
    let variables = [&[("BROWSER", &*path)], variables].concat();
    let arguments = [&["console", "--server", &server], more].concat();
    let (terminal, mut screen) = pseudo_terminal();
    let mut process = SluiceProcess::start_printing_to_with(&variables, folder.path(), &arguments, terminal);
    assert!(process.ended().success(), "{:?}", process.printed());
    let mut printed = [0; 1024];
    let count = screen.read(&mut printed).unwrap();
    let printed = String::from_utf8_lossy(&printed[..count]).replace(&server, "SERVER");
    let opened = folder.path().join("opened");
    let is_expected = printed.contains("true") || more.is_empty();
    if is_expected {
        eventually("the browser", || opened.exists().then_some(()));
    }
    let opened = fs::read_to_string(opened).ok();
    (
        printed,
        opened.map(|url| url.trim_end().replace(&server, "SERVER")),
    )
}

#[test]
fn a_browser_is_opened_on_a_terminal_with_a_display() {
    let shown = format!("SERVER{PAGE}");
    let display = [("DISPLAY", ":7"), ("WAYLAND_DISPLAY", "")];
    let none = [("DISPLAY", ""), ("WAYLAND_DISPLAY", "")];
    let json = |opened| format!("{{\"url\":\"{shown}\",\"opened\":{opened}}}\r\n");
    assert_eq!(
        on_a_terminal(&display, &["--json"]),
        (json(true), Some(shown.clone()))
    );
    assert_eq!(
        on_a_terminal(&display, &[]),
        (format!("{shown}\r\n"), Some(shown.clone()))
    );
    assert_eq!(
        on_a_terminal(&display, &["--json", "--print"]),
        (json(false), None)
    );
    assert_eq!(on_a_terminal(&none, &["--json"]), (json(false), None));
}
