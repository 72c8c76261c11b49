//! The environment of `sluice run`: variables in `sluice.yaml`, addresses, and documents that it includes.

use std::fs;
use std::net::TcpListener;

use tempfile::TempDir;
use testkit::{Client, Request, Upstream, eventually};

use crate::process::{SluiceProcess, sluice_with};

/// Returns a folder with a configuration whose upstream and listener come from variables.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let config = "version: 1
include: conf.d/*.yaml
listeners: [{ name: public, address: \"127.0.0.1:${PORT:-0}\" }]
admin: { address: '127.0.0.1:0' }
flags: { file: flags.yaml }
upstreams: { legacy: \"${LEGACY}\" }
routes:
  - { name: all, match: /one, upstream: legacy }
access_log: { output: off }
";
    fs::write(folder.path().join("sluice.yaml"), config).unwrap();
    fs::write(folder.path().join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    folder
}

#[test]
fn variables_are_inserted_at_the_start_and_at_reloads() {
    let upstream = Upstream::named("legacy");
    let folder = folder();
    let output = sluice_with(&[], folder.path(), ["run"]);
    output
        .exits(1)
        .reports("error[unset-variable]: the environment variable `LEGACY` is not set")
        .reports("sluice.yaml:6:22")
        .reports("ERROR not started: the configuration has errors");
    let address = upstream.address().to_string();
    let variables = [("LEGACY", &*address)];
    sluice_with(&variables, folder.path(), ["check"]).exits(0);
    let sluice = SluiceProcess::start_with(&variables, folder.path(), ["run"]);
    let status = |path: &str| Client::connect(sluice.listener()).ask(&Request::get(path)).status;
    assert_eq!((status("/one"), status("/two")), (200, 404));
    // A document that is added is a reload, with the same variables.
    let route = "routes: [{ name: two, match: /two, upstream: legacy }]\n";
    fs::write(folder.path().join("conf.d/two.yaml"), route).unwrap();
    eventually("the added route", || (status("/two") == 200).then_some(()));
    fs::write(
        folder.path().join("conf.d/one.yaml"),
        "drain: { delay: 0s }\naccess_log: { output: off }\n",
    )
    .unwrap();
    sluice.line("error[include-conflict]: `access_log` is in two documents");
    fs::remove_file(folder.path().join("conf.d/one.yaml")).unwrap();
    sluice.line("the files equal the active config again");
    fs::remove_file(folder.path().join("conf.d/two.yaml")).unwrap();
    eventually("the removed route", || (status("/two") == 404).then_some(()));
}

#[test]
fn option_variable_and_document_set_addresses_in_this_order() {
    let upstream = Upstream::named("legacy");
    let folder = folder();
    let address = upstream.address().to_string();
    // A port that is taken: the start fails if the address of the document is used.
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().unwrap();
    let port = taken.port().to_string();
    let base = [("LEGACY", &*address), ("PORT", &*port)];
    let taken = taken.to_string();
    let taken_admin = format!("--admin-address={taken}");
    let with = |more: &[(&'static str, &str)]| -> Vec<(&'static str, String)> {
        let all = base.iter().chain(more);
        all.map(|(name, value)| (*name, (*value).to_owned())).collect()
    };
    for (variables, arguments, starts) in [
        (with(&[]), &["run"] as &[&str], false),
        (with(&[("SLUICE_ADDRESS", "127.0.0.1:0")]), &["run"], true),
        (
            with(&[("SLUICE_ADDRESS", &taken)]),
            &["run", "--address", "public=127.0.0.1:0"],
            true,
        ),
        (
            with(&[("SLUICE_ADDRESS", "127.0.0.1:0")]),
            &["run", &taken_admin],
            false,
        ),
        (
            with(&[
                ("SLUICE_ADDRESS", "127.0.0.1:0"),
                ("SLUICE_ADMIN_ADDRESS", &taken),
            ]),
            &["run"],
            false,
        ),
    ] {
        let variables: Vec<_> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        if starts {
            let sluice = SluiceProcess::start_with(&variables, folder.path(), arguments);
            let answer = Client::connect(sluice.listener()).ask(&Request::get("/one"));
            assert_eq!(answer.status, 200);
        } else {
            let output = sluice_with(&variables, folder.path(), arguments);
            output.exits(1).reports(&taken);
        }
    }
    // An address of the environment is checked like one of the document.
    let variables = [("LEGACY", &*address), ("SLUICE_ADMIN_ADDRESS", "0.0.0.0:0")];
    let output = sluice_with(&variables, folder.path(), ["check"]);
    output.exits(1).reports("error[admin-not-loopback]");
}
