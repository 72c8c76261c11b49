//! The Debian package and the tarball (scripts/package).

use std::fs;
use std::path::{Path, PathBuf};

use super::{repository, run, run_with, stripped_binary};

/// Packs the binary into `folder`, and returns the paths of the package and of the tarball.
fn packed(binary: &Path, folder: &Path) -> (PathBuf, PathBuf) {
    // The default compression, xz, takes half a minute for a debug binary.
    let variables = [
        ("SOURCE_DATE_EPOCH", "1790000000".as_ref()),
        ("DPKG_DEB_COMPRESSOR_TYPE", "gzip".as_ref()),
    ];
    run_with(&repository("scripts/package"), [binary, folder], &variables).unwrap();
    let find = |end: &str| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut found = entries.filter(|path| path.to_str().unwrap().ends_with(end));
        found.next().unwrap()
    };
    (find(".deb"), find(".tar.gz"))
}

#[test]
fn packages_have_everything_and_are_reproducible() {
    let folder = tempfile::tempdir().unwrap();
    let binary = stripped_binary(folder.path());
    let (first, second) = (folder.path().join("1"), folder.path().join("2"));
    let (package, tarball) = packed(&binary, &first);
    packed(&binary, &second);
    let sums = |folder: &Path| fs::read_to_string(folder.join("SHA256SUMS")).unwrap();
    assert_eq!(sums(&first), sums(&second));
    assert_eq!(sums(&first).lines().count(), 2);

    let root = folder.path().join("root");
    let arguments = ["-x".as_ref(), package.as_os_str(), root.as_os_str()];
    run(Path::new("dpkg-deb"), arguments).unwrap();
    for file in [
        "usr/share/man/man1/sluice.1.gz",
        "usr/share/man/man1/sluice-flags-kill.1.gz",
        "usr/share/bash-completion/completions/sluice",
        "usr/share/zsh/vendor-completions/_sluice",
        "usr/share/fish/vendor_completions.d/sluice.fish",
        "usr/lib/systemd/system/sluice.service",
        "usr/lib/systemd/system/sluice.socket",
        "usr/lib/sysusers.d/sluice.conf",
        "usr/share/sluice/prometheus/rules.yaml",
        "usr/share/sluice/grafana/overview.json",
        "usr/share/doc/sluice/copyright",
        "usr/share/doc/sluice/changelog.gz",
        "usr/share/doc/sluice/examples/sluice.yaml",
        "usr/share/doc/sluice/docs/runbooks/flag-errors.md",
    ] {
        assert!(root.join(file).exists(), "the package has no {file}");
    }
    let printed = run(&root.join("usr/bin/sluice"), ["--version"]).unwrap();
    assert!(
        printed.starts_with(&format!("sluice {} (", env!("CARGO_PKG_VERSION"))),
        "{printed}"
    );
    let control = run(Path::new("dpkg-deb"), ["--info".as_ref(), package.as_os_str()]).unwrap();
    assert!(control.contains("Depends: libc6 (>= 2."), "{control}");
    let words = control.split_whitespace();
    let placeholder = words
        .filter(|word| word.starts_with('@') && word.ends_with('@'))
        .count();
    assert_eq!(placeholder, 0, "{control}");
    // Files that only the tests of the repository use, and paths of the machine that packed it, are not part of it.
    let contents = run(
        Path::new("dpkg-deb"),
        ["--contents".as_ref(), package.as_os_str()],
    )
    .unwrap();
    assert!(!contents.contains("_test.yaml"), "{contents}");
    if repository("target/cyclonedx/bin/cargo-cyclonedx").exists() {
        let list = fs::read_to_string(root.join("usr/share/doc/sluice/sluice.cdx.json")).unwrap();
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        let components = list["components"].as_array().unwrap();
        let names: Vec<_> = components
            .iter()
            .filter_map(|component| component["name"].as_str())
            .collect();
        assert!(
            names.contains(&"rustls") && names.contains(&"pingora-core"),
            "{names:?}"
        );
        // Crates of tests are no components of the binary.
        assert!(
            !names.contains(&"testkit") && !names.contains(&"proptest"),
            "{names:?}"
        );
        let text = list.to_string();
        assert!(!text.contains("/tmp/") && !text.contains("/home/"), "{text:.500}");
    }

    let unpacked = folder.path().join("tarball");
    fs::create_dir(&unpacked).unwrap();
    let arguments = [
        "-xzf".as_ref(),
        tarball.as_os_str(),
        "-C".as_ref(),
        unpacked.as_os_str(),
    ];
    run(Path::new("tar"), arguments).unwrap();
    let top = fs::read_dir(&unpacked).unwrap().next().unwrap().unwrap().path();
    for file in [
        "bin/sluice",
        "share/man/man1/sluice.1",
        "LICENSE",
        "deploy/helm/sluice/rules.yaml",
        "deploy/kubernetes/gateway/kustomization.yaml",
        "deploy/systemd/sluice.service",
        "docs/runbooks/flag-errors.md",
    ] {
        assert!(top.join(file).exists(), "the tarball has no {file}");
    }
    // Files of deploy/ that are not in the repository, such as the key that compose.yaml asks for, stay out.
    let tracked = run(Path::new("git"), ["ls-files", "deploy"]).unwrap();
    let chart = top.join("deploy/helm");
    let packed = run(
        Path::new("find"),
        [top.join("deploy").as_os_str(), "-type".as_ref(), "f".as_ref()],
    )
    .unwrap();
    for path in packed.lines().map(Path::new) {
        let name = path.strip_prefix(&top).unwrap().to_str().unwrap();
        let is_linked = path.starts_with(chart.join("application-with-sidecar/sluice"));
        assert!(is_linked || tracked.lines().any(|line| line == name), "{name}");
    }
}
