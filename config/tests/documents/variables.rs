//! Environment variables in `sluice.yaml`: inserted as a part of one scalar, of the type that the field has, and masked
//! in reports.

use std::path::{Path, PathBuf};

use config::{Colour, Files, LoadedConfig, Report};

/// A document whose every field has a reference.
const GATEWAY: &str = "
version: 1
environment: ${ENVIRONMENT:-staging}
listeners: [ { name: public, address: \"${IP}:${PORT}\", h2c: \"${H2C}\" } ]
admin: \"${ADMIN}\"
flags: { file: \"${FLAGS}\" }
upstreams: { api: \"${IP}:3000\" }
routes:
  - { name: \"${NAME}\", match: { path: /a, headers: { X-A: \"$${IP}\" } }, upstream: api }
threads: ${THREADS}
body_limit: ${LIMIT}
drain: { delay: \"${DELAY}\" }
access_log: { output: \"${LOG}\" }
";

fn variable(name: &str) -> Option<String> {
    let value = match name {
        "IP" => "127.0.0.1",
        "PORT" => "8080",
        "H2C" => "true",
        "ADMIN" => "off",
        "FLAGS" => "flags.yaml",
        "NAME" => "true",
        "THREADS" => "2",
        "LIMIT" => "4KiB",
        "DELAY" => "7s",
        "LOG" => "stderr",
        "YAML" => "x, upstream: other } # ",
        "TOKEN" => "hunter2-hunter2",
        _ => return None,
    };
    Some(value.to_owned())
}

fn load(gateway: &str) -> Result<LoadedConfig, Report> {
    let file = |name: &str, text: &str| (PathBuf::from(name), text.as_bytes().to_vec());
    let files = [
        file("sluice.yaml", gateway),
        file("flags.yaml", "version: 1\nflags: {}\n"),
    ];
    config::load_from(Files::Memory(files.into()), Path::new("sluice.yaml"), &variable)
}

/// Checks that the document is refused with this report, after `from` is replaced.
#[track_caller]
fn check_refused(from: &str, to: &str, expected: &[&str]) {
    assert!(GATEWAY.contains(from), "{from}");
    let report = load(&GATEWAY.replace(from, to))
        .unwrap_err()
        .render(Colour::Never);
    for part in expected {
        assert!(report.contains(part), "no {part:?} in\n{report}");
    }
    assert!(!report.contains("hunter2"), "{report}");
}

#[test]
fn the_field_decides_about_the_type_of_a_value() {
    let loaded = load(GATEWAY).unwrap_or_else(|report| panic!("{report}"));
    let settings = &loaded.settings;
    assert_eq!(settings.listeners[0].address, "127.0.0.1:8080".parse().unwrap());
    assert!(settings.listeners[0].h2c);
    assert_eq!(settings.admin, None);
    assert_eq!(settings.threads, Some(2));
    assert_eq!(settings.body_limit, Some(4096));
    assert_eq!(settings.drain.delay_ms, Some(7_000));
    assert_eq!(settings.access_log.output, config::LogOutput::Stderr);
    assert_eq!(&*loaded.snapshot.environment, "staging");
    assert_eq!(&*loaded.snapshot.routes.all()[0].name, "true");
}

#[test]
fn a_value_is_never_read_as_yaml() {
    check_refused(
        "\"${NAME}\"",
        "\"${YAML}\"",
        &["invalid-name", "name: \"${YAML}\""],
    );
}

#[test]
fn an_unset_variable_is_reported_with_its_place() {
    check_refused(
        "${THREADS}",
        "${NO_SUCH}",
        &[
            "error[unset-variable]: the environment variable `NO_SUCH` is not set",
            "sluice.yaml:10:10",
            "threads: ${NO_SUCH}",
            "help: set `NO_SUCH` where sluice is started, or write a default: `${NO_SUCH:-default}`",
        ],
    );
}

#[test]
fn an_invalid_value_is_masked_and_its_variable_shown() {
    check_refused(
        "${THREADS}",
        "${TOKEN}",
        &["not the text `***************`", "threads: ${TOKEN}"],
    );
    check_refused(
        "${DELAY}",
        "${TOKEN}",
        &["invalid-duration", "delay: \"${TOKEN}\""],
    );
}

#[test]
fn a_secret_is_a_reference_and_never_a_value() {
    let issuer = |secret: &str| {
        format!(
            "issuers: [ {{ issuer: i, audiences: [a], algorithms: [HS256], keys: {{ secret: '{secret}' }}, \
             claims: {{ tenant: t }} }} ]\nroutes:"
        )
    };
    check_refused("routes:", &issuer("hunter2-hunter2"), &["secret-in-document"]);
    check_refused("routes:", &issuer("${TOKEN:-hunter2}"), &["secret-in-document"]);
    check_refused(
        "routes:",
        &issuer("${NO_SUCH}"),
        &["unset-variable", "secret: '${NO_SUCH}'"],
    );
}

#[test]
fn addresses_of_the_environment_come_before_the_document() {
    let gateway = GATEWAY.replace("\"${ADMIN}\"", "off");
    let load = |addresses: &'static str, admin: &'static str| {
        let variable = move |name: &str| match name {
            config::ADDRESS_VARIABLE => Some(addresses.to_owned()),
            config::ADMIN_ADDRESS_VARIABLE => Some(admin.to_owned()),
            _ => variable(name),
        };
        let files = [
            (PathBuf::from("sluice.yaml"), gateway.clone().into_bytes()),
            (PathBuf::from("flags.yaml"), b"version: 1\nflags: {}\n".to_vec()),
        ];
        config::load_from(Files::Memory(files.into()), Path::new("sluice.yaml"), &variable)
    };
    for addresses in ["[::]:81", "public=[::]:81"] {
        let loaded = load(addresses, "127.0.0.1:91").unwrap_or_else(|report| panic!("{report}"));
        assert_eq!(loaded.settings.listeners[0].address, "[::]:81".parse().unwrap());
        let admin = loaded.settings.admin.as_ref().unwrap();
        assert_eq!(admin.address, "127.0.0.1:91".parse().unwrap());
    }
    for (addresses, admin, expected) in [
        // An address of the environment is checked like one of the document.
        ("", "0.0.0.0:91", "error[admin-not-loopback]"),
        ("", "here", "`here` in `SLUICE_ADMIN_ADDRESS` is not an address"),
        (
            "127.0.0.1:81",
            "127.0.0.1:81",
            // `127.0.0.1` is the value of a variable here, and is masked.
            ":81`, which `SLUICE_ADMIN_ADDRESS` or --admin-address sets",
        ),
        (
            "other=[::]:81",
            "",
            "no listener has the name `other`, which `SLUICE_ADDRESS` names",
        ),
    ] {
        let report = load(addresses, admin).unwrap_err().render(Colour::Never);
        assert!(report.contains(expected), "{report}");
    }
}
