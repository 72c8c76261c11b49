//! The demo: the printed lines behave as printed, and an edit changes the answer without a restart.

use std::fs;

use testkit::{Client, Request, eventually};

use crate::process::SluiceProcess;

/// Returns the token and the path of the printed curl command for `tenant`.
fn curl(printed: &[String], tenant: &str) -> (String, String, std::net::SocketAddr) {
    let comment = printed
        .iter()
        .position(|line| line == &format!("# {tenant}"))
        .unwrap();
    let line = &printed[comment + 1];
    let token = line.split("Bearer ").nth(1).unwrap().split('"').next().unwrap();
    let url = line.split("http://").nth(1).unwrap();
    let (address, path) = url.split_once('/').unwrap();
    (token.to_owned(), format!("/{path}"), address.parse().unwrap())
}

#[test]
fn four_tenants_get_four_answers_and_an_edit_admits_one() {
    let folder = tempfile::tempdir().unwrap();
    let demo = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
    demo.line("Every request prints a line");
    let printed = demo.printed();
    let ask = |tenant: &str| {
        let (token, path, address) = curl(&printed, tenant);
        Client::connect(address).ask(&Request::get(&path).token(&token))
    };
    let acme = ask("acme");
    assert_eq!(acme.status, 200);
    assert_eq!(acme.json()["answered_by"], "the new board");
    assert_eq!(acme.json()["headers_seen"]["x-tenant-id"], "acme");
    assert_eq!(
        acme.json()["headers_seen"]["x-feature-flags"],
        "dispatch.core, dispatch.v2Board"
    );
    assert_eq!(ask("globex").status, 404);
    let initech = ask("initech");
    assert_eq!((initech.status, &*initech.code()), (403, "FEATURE_NOT_ENABLED"));
    let umbrella = ask("umbrella");
    assert_eq!(
        (umbrella.status, &umbrella.json()["answered_by"]),
        (200, &"the old board".into())
    );

    let flags = folder.path().join("sluice-demo/flags.yaml");
    let text = fs::read_to_string(&flags).unwrap();
    let edited = text.replace(
        "channel: stable\n    beta: []",
        "channel: latest\n    beta: [dispatch.v2Board]",
    );
    assert_ne!(text, edited);
    fs::write(&flags, edited).unwrap();
    let let_in = eventually("globex to be let in", || {
        Some(ask("globex")).filter(|answer| answer.status == 200)
    });
    assert_eq!(let_in.json()["answered_by"], "the new board");
    // Every request prints a line.
    demo.line("globex");
}

#[test]
fn a_restarted_demo_keeps_edited_files() {
    let folder = tempfile::tempdir().unwrap();
    drop({
        let first = SluiceProcess::start(folder.path(), ["demo", "--any-port"]);
        first.line("Every request prints a line");
        first
    });
    let flags = folder.path().join("sluice-demo/flags.yaml");
    let edited = fs::read_to_string(&flags).unwrap() + "# edited\n";
    fs::write(&flags, &edited).unwrap();
    let second = SluiceProcess::start(folder.path(), ["demo"]);
    second.line("kept from before");
    assert_eq!(fs::read_to_string(&flags).unwrap(), edited);
}
