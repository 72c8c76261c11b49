//! The scripts that install something say so first.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use crate::documents::blocks;
use crate::process::sluice;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn run(command: &mut Command) -> (Output, String) {
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

#[test]
fn make_install_lists_its_files_and_installs_them() {
    let folder = tempfile::tempdir().unwrap();
    let (output, text) = run(Command::new(Path::new(ROOT).join("scripts/install"))
        .arg(env!("CARGO_BIN_EXE_sluice"))
        .arg("/usr")
        .arg(folder.path()));
    assert!(output.status.success(), "{output:?}");
    let version = sluice(folder.path(), ["--version"], "").exits(0).stdout.clone();
    let version = version.trim_end();
    let mut lines = text.lines();
    let number = version.split(' ').nth(1).unwrap();
    assert_eq!(
        lines.next().unwrap(),
        format!("install: these files, version {number}:")
    );
    let mut files: Vec<&str> = lines.map(str::trim).collect();
    let pages = files.pop().unwrap();
    assert!(
        pages.contains("/usr/share/man/man1/sluice*.1 (") && pages.ends_with(" pages)"),
        "{text}"
    );
    assert_eq!(files.len(), 4, "{text}");
    let page = folder.path().join("usr/share/man/man1/sluice-flags-kill.1");
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains(".TH sluice-flags-kill") && page.contains("Turns a flag off for everyone"));
    for file in files {
        let length = fs::metadata(file).unwrap().len();
        assert!(length > 1_000, "{file} has {length} bytes");
    }
    let installed = folder.path().join("usr/bin/sluice");
    let (_, again) = run(Command::new(installed).arg("--version"));
    assert_eq!(again.trim_end(), version);
}

/// A release build has its commit and date, as the page shows. This build has `debug build` there.
#[test]
fn the_version_names_the_build() {
    let folder = tempfile::tempdir().unwrap();
    let shown = blocks("docs/install.md", "console")[0]
        .lines()
        .nth(1)
        .unwrap()
        .to_owned();
    let (number, build) = shown.split_once(" (commit ").unwrap();
    let printed = sluice(folder.path(), ["--version"], "").exits(0).stdout.clone();
    assert_eq!(printed, format!("{number} (debug build)\n"));
    let (commit, date) = build.split_once(", built ").unwrap();
    assert!(
        commit.len() == 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{shown}"
    );
    assert!(date.len() == "2026-11-30)".len(), "{shown}");
}

#[test]
fn schemathesis_is_named_before_it_is_installed() {
    let folder = tempfile::tempdir().unwrap();
    let scripts = folder.path().join("scripts");
    fs::create_dir(&scripts).unwrap();
    let script = scripts.join("install-schemathesis");
    fs::copy(Path::new(ROOT).join("scripts/install-schemathesis"), &script).unwrap();
    // Without the commands of python3 the installation fails after its first line.
    let python = folder.path().join("python3");
    std::os::unix::fs::symlink("/bin/false", python).unwrap();
    let path = format!("{}:{}", folder.path().display(), std::env::var("PATH").unwrap());
    let (output, text) = run(Command::new(script).env("PATH", path));
    assert!(!output.status.success(), "{output:?}");
    assert_eq!(
        text,
        "install-schemathesis: installing schemathesis 4.32.0 from PyPI into target/schemathesis\n"
    );
}

/// The commands of the page are targets and variables of the Makefile.
#[test]
fn commands_of_the_install_page_exist() {
    let makefile = fs::read_to_string(Path::new(ROOT).join("Makefile")).unwrap();
    let commands = &blocks("docs/install.md", "")[0];
    assert!(commands.lines().count() >= 2);
    for command in commands.lines() {
        let words = command.split('#').next().unwrap().split_whitespace();
        for word in words.skip(1) {
            let definition = match word.split_once('=') {
                Some((variable, _)) => format!("\n{variable} ?= "),
                None => format!("\n{word}:"),
            };
            assert!(makefile.contains(&definition), "the Makefile has no {word}");
        }
    }
}

#[test]
fn make_demo_takes_a_port_and_begins_anew() {
    for (variables, options) in [
        (&[][..], ""),
        (&["PORT=18080"], " --port 18080"),
        (&["PORT=18080", "FRESH=1"], " --port 18080 --fresh"),
    ] {
        let (output, text) = run(Command::new("make")
            .current_dir(ROOT)
            .args(["-n", "demo"])
            .args(variables));
        assert!(output.status.success(), "{output:?}");
        let expected = format!("-- demo --dir ./sluice-demo{options}\n");
        assert!(text.contains(&expected), "{text}");
    }
}
