//! Parts of `sluice.yaml` in the reference are valid: each is checked as a part of a small configuration. Complete
//! documents, the quick start and the recipes have suites of their own.

use std::fs;
use std::path::Path;

use testkit::Authority;

use crate::documents::blocks;
use crate::operator_tokens::{self, OperatorToken};
use crate::process::sluice_with;
use crate::security::root;

/// The sections of a small configuration. A part replaces those that it has itself.
const SECTIONS: [&str; 5] = [
    "version: 1",
    "listeners: [{ name: public, address: '127.0.0.1:8080' }]",
    "flags: { file: flags.yaml }",
    "issuers: [{ issuer: a, audiences: [b], algorithms: [RS256], keys: { jwks_url: 'https://a.example' }, claims: { tenant: org } }]",
    "upstreams: { api: '127.0.0.1:8081', web: '127.0.0.1:8082' }",
];

/// Writes the files that the parts name.
fn write_files(folder: &Path) {
    let authority = Authority::new();
    for part in ["tls", "pages"] {
        fs::create_dir(folder.join(part)).unwrap();
    }
    for (name, host) in [
        ("example", "a.example"),
        ("wildcard", "*.b.example"),
        ("admin", "admin.example"),
    ] {
        let pair = authority.server(&[host]);
        fs::write(folder.join(format!("tls/{name}.pem")), pair.cert).unwrap();
        fs::write(folder.join(format!("tls/{name}.key")), pair.key).unwrap();
    }
    for name in ["404.html", "503.json"] {
        fs::write(folder.join("pages").join(name), "a page").unwrap();
    }
    let flags = "version: 1\nflags: { reports.export: {} }\n";
    fs::write(folder.join("flags.yaml"), flags).unwrap();
    operator_tokens::write_document(
        folder,
        "operators.yaml",
        &[&OperatorToken::issue("ann", "viewer")],
    );
}

/// Returns the pages of the reference.
fn reference() -> Vec<String> {
    let files = fs::read_dir(root().join("docs")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    // `rollouts.md` has a plan, which `rollouts` checks, and `kubernetes.md` an overlay and values of a chart, which
    // `deploy::kubernetes` renders.
    let others = ["quick-start.md", "recipes.md", "rollouts.md", "kubernetes.md"];
    names
        .filter(|name| name.ends_with(".md") && !others.contains(&name.as_str()))
        .collect()
}

#[test]
fn every_part_of_sluice_yaml_in_the_reference_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    write_files(folder.path());
    let mut count = 0;
    for page in reference() {
        let parts = blocks(&format!("docs/{page}"), "yaml");
        for part in parts.into_iter().filter(|part| !part.starts_with("version: ")) {
            let key = |line: &str| format!("{}:", line.split(':').next().unwrap());
            let is_missing = |section: &&&str| !part.lines().any(|line| line.starts_with(&key(section)));
            let sections: Vec<&str> = SECTIONS.iter().filter(is_missing).copied().collect();
            fs::write(
                folder.path().join("sluice.yaml"),
                format!("{}\n{part}", sections.join("\n")),
            )
            .unwrap();
            let secrets = [
                ("SLACK_URL", "https://hooks.slack.com/services/T0/B0/a"),
                ("HOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
            ];
            sluice_with(&secrets, folder.path(), ["check"])
                .for_case(format!("{page}: {part}"))
                .exits(0);
            count += 1;
        }
    }
    assert!(count >= 5, "{count} parts");
}
