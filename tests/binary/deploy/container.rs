//! deploy/container. There is no container engine here: the Dockerfile is linted, its last stage is built by buildah and
//! run; compose is checked by its schema and not run.

use std::fs;
use std::net::TcpListener;
use std::path::Path;

use super::{is_root, repository, run, run_with, stripped_binary, tool};
use crate::process::sluice;

#[test]
fn the_dockerfile_is_linted() {
    let Some(hadolint) = tool(&["target/deploy-tools/bin/hadolint"]) else {
        return;
    };
    run(&hadolint, ["deploy/container/Dockerfile"]).unwrap();
}

#[test]
fn the_image_is_healthy_without_root_and_read_only() {
    let Some(_) = tool(&["target/deploy-tools/complete"]) else {
        return;
    };
    if !is_root() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let config = tempfile::tempdir().unwrap();
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gateway = format!(
        "version: 1\nlisteners: [ {{ name: public, address: \"127.0.0.1:0\" }} ]\nadmin: off\n\
         health: {{ address: \"{free}\" }}\nflags: {{ file: flags.yaml }}\nupstreams: {{ legacy: \"127.0.0.1:9\" }}\n\
         drain: {{ delay: 0s }}\n"
    );
    fs::write(config.path().join("sluice.yaml"), gateway).unwrap();
    fs::write(config.path().join("flags.yaml"), "version: 1\nflags: {}\n").unwrap();
    for path in [
        config.path().to_owned(),
        config.path().join("sluice.yaml"),
        config.path().join("flags.yaml"),
    ] {
        run(Path::new("chmod"), ["a+rX", path.to_str().unwrap()]).unwrap();
    }
    let printed = run_with(
        &repository("deploy/container/check"),
        [stripped_binary(folder.path())],
        &[("SLUICE_CHECK_CONFIG", config.path().as_os_str())],
    );
    let printed = printed.unwrap();
    assert!(
        printed.contains(
            "check: the image ran as 65532:65532 with a read-only root, was healthy, and ended at SIGTERM"
        ),
        "{printed}"
    );
}

#[test]
fn the_compose_file_and_what_it_mounts_are_valid() {
    let Some(check) = tool(&["target/deploy-tools/bin/check-jsonschema"]) else {
        return;
    };
    let compose = "deploy/container/compose.yaml";
    run(&check, ["--builtin-schema", "vendor.compose-spec", compose]).unwrap();
    // Each file that is mounted exists.
    let text = fs::read_to_string(repository(compose)).unwrap();
    let mounted = text
        .split(['"', ' ', '[', ','])
        .filter(|word| word.starts_with("./") || word.starts_with("../"))
        .filter_map(|word| word.split_once(':'))
        .map(|(host, _)| repository("deploy/container").join(host));
    let mounted: Vec<_> = mounted.collect();
    assert!(mounted.len() >= 5, "{mounted:?}");
    for path in mounted {
        assert!(path.exists(), "{} is missing", path.display());
    }
    let amtool = tool(&["target/deploy-tools/debian/usr/bin/amtool"]).unwrap();
    run(
        &amtool,
        ["check-config", "deploy/container/alertmanager/alertmanager.yaml"],
    )
    .unwrap();
    if let Some(promtool) = tool(&["target/prometheus/usr/bin/promtool", "/usr/bin/promtool"]) {
        let config = "deploy/container/prometheus/prometheus.yaml";
        run(&promtool, ["check", "config", "--syntax-only", config]).unwrap();
    }
}

/// Copies the folder of a configuration of deploy/ and fails if `sluice check` finds anything.
#[test]
fn configurations_in_deploy_have_no_problem() {
    for path in [
        "deploy/container/sluice",
        "deploy/debian",
        "deploy/kubernetes/gateway/config",
        "deploy/kubernetes/sidecar/config",
    ] {
        let folder = tempfile::tempdir().unwrap();
        for file in ["sluice.yaml", "flags.yaml"] {
            fs::copy(repository(path).join(file), folder.path().join(file)).unwrap();
        }
        fs::write(folder.path().join("token.key"), "x".repeat(64)).unwrap();
        let checked = sluice(folder.path(), ["check", "--strict", "--flags", "flags.yaml"], "");
        checked
            .for_case(path)
            .exits(0)
            .prints("ok: no problems in sluice.yaml\n");
    }
}
