//! Who may operate, as `sluice.yaml` says it while the proxy runs.

use std::fs;

use testkit::{Client, Request, eventually};

use crate::managed::Managed;
use crate::process::{Running, sluice};

const NOBODY: &str = "admin: { address: '127.0.0.1:0' }";
const SOMEBODY: &str = "admin: { address: '127.0.0.1:0', operators: { tokens: { file: tokens.yaml } } }";

#[test]
fn operators_who_are_lost_from_the_document_stay_until_the_next_start() {
    let managed = Managed::new();
    let folder = managed.path();
    let nobody = fs::read_to_string(folder.join("sluice.yaml")).unwrap();
    let write = |text: &str| {
        fs::write(folder.join("new"), text).unwrap();
        fs::rename(folder.join("new"), folder.join("sluice.yaml")).unwrap();
    };
    let token = ["operators", "token", "--name", "vic", "--role", "viewer"];
    let made = sluice(folder, token, "");
    let entry = made.err.lines().find(|line| line.starts_with("- {")).unwrap();
    fs::write(
        folder.join("tokens.yaml"),
        format!("version: 1\ntokens:\n{entry}\n"),
    )
    .unwrap();
    let somebody = nobody.replace(NOBODY, SOMEBODY);
    write(&somebody);

    let named = Running::start(folder, ["run"]);
    let status = |server: &Running, request: &Request| Client::connect(server.admin()).ask(request).status;
    let readiness = |server: &Running| {
        let answer = Client::connect(server.admin()).ask(&Request::get("/readyz?verbose"));
        String::from_utf8(answer.body).unwrap()
    };
    let anybody = Request::get("/api/v1/whoami").host("localhost");
    let vic = anybody.clone().token(made.out.trim());
    let whoever = "whoever is on this machine is platform-admin";
    assert_eq!((status(&named, &vic), status(&named, &anybody)), (200, 401));
    assert!(!named.printed().iter().any(|line| line.contains(whoever)));

    write(&nobody);
    named.line("WARN `admin.operators` is no longer in the document");
    assert_eq!((status(&named, &vic), status(&named, &anybody)), (200, 401));
    let shown = readiness(&named);
    let words = "[!] operators: `admin.operators` is no longer in the document; the former operators stay";
    assert!(
        shown.starts_with("ready\n") && shown.contains(words) && shown.contains("Put it back, or restart"),
        "{shown}"
    );
    write(&somebody);
    eventually("what is said to end", || {
        (!readiness(&named).contains("operators")).then_some(())
    });
    assert_eq!((status(&named, &vic), status(&named, &anybody)), (200, 401));
    drop(named);

    write(&nobody);
    let open = Running::start(folder, ["run"]);
    open.line(whoever);
    assert_eq!(status(&open, &anybody), 200, "the next start means it");
    write(&somebody);
    eventually("operators who are named", || {
        (status(&open, &anybody) == 401).then_some(())
    });
    assert_eq!(status(&open, &vic), 200);
}
