//! deploy/kubernetes and deploy/helm: rendered by kubectl and helm, and checked against the schemas of Kubernetes. There is
//! no cluster here: nothing is applied.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;
use testkit::{Client, Request, Upstream, eventually};

use super::{repository, run, tool};
use crate::documents::blocks;
use crate::process::SluiceProcess;

/// The versions of Kubernetes whose schemas the manifests must fit: the first with native sidecars, and a newer one.
const VERSIONS: [&str; 2] = ["1.29", "1.33"];

/// Fails unless each resource in this text fits the schema of its kind, without unknown fields.
fn fits_the_schemas(manifests: &str, kinds: usize) {
    let validate = tool(&["target/deploy-tools/bin/kubernetes-validate"]).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("manifests.yaml");
    // The resources of the Prometheus operator are not part of Kubernetes.
    let documents = manifests
        .split("\n---\n")
        .filter(|text| !text.contains("monitoring.coreos.com"));
    fs::write(&file, documents.collect::<Vec<_>>().join("\n---\n")).unwrap();
    for version in VERSIONS {
        let path = file.to_str().unwrap();
        let printed = run(&validate, ["--kubernetes-version", version, "--strict", path]).unwrap();
        let passed = printed
            .lines()
            .filter(|line| line.contains(" passed for resource "))
            .count();
        assert_eq!(passed, kinds, "{printed}");
    }
}

fn kubectl() -> Option<PathBuf> {
    tool(&["target/deploy-tools/bin/kubectl"])
}

fn helm() -> Option<PathBuf> {
    tool(&["target/deploy-tools/bin/helm"])
}

#[test]
fn kustomizations_fit_the_schemas_of_kubernetes() {
    let Some(kubectl) = kubectl() else {
        return;
    };
    let gateway = run(&kubectl, ["kustomize", "deploy/kubernetes/gateway"]).unwrap();
    fits_the_schemas(&gateway, 9);
    let sidecar = run(&kubectl, ["kustomize", "deploy/kubernetes/sidecar"]).unwrap();
    fits_the_schemas(&sidecar, 3);
    // The sidecar is an init container that keeps running, and has started before the application does.
    assert!(
        sidecar.contains("restartPolicy: Always") && sidecar.contains("startupProbe:"),
        "{sidecar}"
    );
    // In both, nothing runs as root or writes to its root file system.
    for manifests in [gateway, sidecar] {
        let count = |text: &str| manifests.matches(text).count();
        assert_eq!(
            count("readOnlyRootFilesystem: true"),
            count("image: "),
            "{manifests}"
        );
        assert!(count("runAsNonRoot: true") > 0);
        // A change of the documents must not change the name of the ConfigMap, or the pods would restart.
        assert_eq!(
            count("  name: sluice-"),
            count("  name: sluice-metrics"),
            "{manifests}"
        );
    }
}

#[test]
fn the_component_for_the_operator_selects_the_service() {
    let Some(kubectl) = kubectl() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let overlay = folder.path().join("overlay");
    fs::create_dir(&overlay).unwrap();
    let copied = Command::new("cp")
        .args(["-r", repository("deploy/kubernetes/.").to_str().unwrap()])
        .arg(folder.path())
        .status();
    assert!(copied.unwrap().success());
    fs::write(
        overlay.join("kustomization.yaml"),
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../gateway]\ncomponents: [../monitoring]\n",
    )
    .unwrap();
    let rendered = run(&kubectl, ["kustomize", overlay.to_str().unwrap()]).unwrap();
    let monitor = rendered
        .split("\n---\n")
        .find(|text| text.contains("kind: ServiceMonitor"))
        .unwrap();
    assert!(monitor.contains("sluice/scrape: \"true\""), "{monitor}");
    let selected = rendered.matches("    sluice/scrape: \"true\"\n").count();
    assert!(selected >= 2, "no service has the label: {rendered}");
}

#[test]
fn the_chart_renders_and_fits_the_schemas() {
    let Some(helm) = helm() else {
        return;
    };
    let chart = "deploy/helm/sluice";
    run(&helm, ["lint", "--strict", chart]).unwrap();
    fits_the_schemas(&run(&helm, ["template", "t", chart]).unwrap(), 8);
    let with_store = run(&helm, ["template", "t", chart, "--set", "store.enabled=true"]).unwrap();
    fits_the_schemas(&with_store, 7);
    // A store has one writer: no second pod, not during an update either.
    assert!(with_store.contains("replicas: 1") && with_store.contains("type: Recreate"));
    assert!(!with_store.contains("HorizontalPodAutoscaler"), "{with_store}");
    let watched = [
        "template",
        "t",
        chart,
        "--set",
        "serviceMonitor.enabled=true,prometheusRule.enabled=true",
    ];
    let watched = run(&helm, watched).unwrap();
    // The rules are those of deploy/prometheus, with the braces of Prometheus.
    assert!(
        watched.contains("alert: SluiceFlagErrors") && watched.contains("{{ $labels.flag }}"),
        "{watched}"
    );
}

#[test]
fn values_of_the_chart_are_checked() {
    let Some(helm) = helm() else {
        return;
    };
    for (value, reported) in [
        ("ports.http=99999", "/ports/http"),
        ("replica=3", "replica"),
        ("image.pullPolicy=Sometimes", "/image/pullPolicy"),
        ("gateway=maybe", "/gateway"),
    ] {
        let refused = run(&helm, ["template", "t", "deploy/helm/sluice", "--set", value]).unwrap_err();
        assert!(refused.contains(reported), "{value}: {refused}");
    }
}

#[test]
fn files_of_the_chart_may_have_any_text() {
    let Some(helm) = helm() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let values = folder.path().join("values.yaml");
    let files = json!({
        "indented.txt": "  two spaces\nnone\n", "tab.txt": "\tx: y\n", "empty.txt": "", "open.txt": "no end of line",
        "sluice.yaml": "not this one",
    });
    let networks = json!({ "scrapeFromNamespaces": ["123"] });
    let text = json!({ "config": "\n  version: 1\n", "files": files, "networkPolicy": networks });
    fs::write(&values, text.to_string()).unwrap();
    let arguments = ["template", "t", "deploy/helm/sluice", "--values"];
    let arguments = arguments.into_iter().chain([values.to_str().unwrap()]);
    let rendered = run(&helm, arguments).unwrap();
    fits_the_schemas(&rendered, 8);
    for line in [
        "  empty.txt: \"\"\n",
        "  open.txt: no end of line\n",
        "  sluice.yaml: |2\n  \n      version: 1\n",
    ] {
        assert!(rendered.contains(line), "{line}: {rendered}");
    }
}

#[test]
fn a_chart_of_an_application_uses_the_sidecar() {
    let Some(helm) = helm() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let copied = Command::new("cp")
        .args(["--recursive", "--dereference"])
        .arg(repository("deploy/helm/."))
        .arg(folder.path())
        .status();
    assert!(copied.unwrap().success());
    let chart = folder.path().join("application-with-sidecar");
    let chart = chart.to_str().unwrap();
    run(&helm, ["dependency", "update", chart]).unwrap();
    let rendered = run(&helm, ["template", "t", chart]).unwrap();
    fits_the_schemas(&rendered, 3);
    assert!(
        rendered.contains("restartPolicy: Always") && rendered.contains("path: /readyz"),
        "{rendered}"
    );
    // The configuration of the sidecar is in the ConfigMap that its volume names.
    assert!(rendered.contains("application: 127.0.0.1:8081"), "{rendered}");
}

/// The overlay and the values that docs/kubernetes.md shows.
#[test]
fn the_overlay_and_the_values_of_the_page_render() {
    let (Some(kubectl), Some(helm)) = (kubectl(), helm()) else {
        return;
    };
    let examples = blocks("docs/kubernetes.md", "yaml");
    let folder = tempfile::tempdir().unwrap();
    let edge = folder.path().join("edge/config");
    fs::create_dir_all(&edge).unwrap();
    let copied = Command::new("cp")
        .args(["-r", repository("deploy").to_str().unwrap()])
        .arg(folder.path())
        .status();
    assert!(copied.unwrap().success());
    for file in ["sluice.yaml", "flags.yaml"] {
        let from = repository("deploy/kubernetes/gateway/config").join(file);
        fs::copy(from, edge.join(file)).unwrap();
    }
    let overlay = examples
        .iter()
        .find(|text| text.contains("kind: Kustomization"))
        .unwrap();
    fs::write(folder.path().join("edge/kustomization.yaml"), overlay).unwrap();
    let rendered = run(
        &kubectl,
        ["kustomize", folder.path().join("edge").to_str().unwrap()],
    )
    .unwrap();
    fits_the_schemas(&rendered, 9);
    assert!(
        rendered.contains("maxReplicas: 20") && rendered.contains("memory: 1Gi"),
        "{rendered}"
    );

    let values = examples
        .iter()
        .find(|text| text.starts_with("# values.yaml"))
        .unwrap();
    let file = folder.path().join("values.yaml");
    fs::write(&file, values).unwrap();
    let arguments = [
        "template",
        "t",
        "deploy/helm/sluice",
        "--values",
        file.to_str().unwrap(),
    ];
    let rendered = run(&helm, arguments).unwrap();
    fits_the_schemas(&rendered, 8);
    assert!(
        rendered.contains("maxReplicas: 20") && rendered.contains("kind: PrometheusRule"),
        "{rendered}"
    );
}

/// Writes a ConfigMap as the kubelet does: files in a folder with the time in its name, `..data` that leads to it, and a
/// link through `..data` for each file. An update makes a new folder, renames a new `..data` over the old one, and
/// removes the old folder.
fn kubelet_writes(volume: &Path, time: &str, files: &[(&str, &str)]) {
    let folder = format!("..2026_11_30_{time}");
    fs::create_dir(volume.join(&folder)).unwrap();
    for (name, text) in files {
        fs::write(volume.join(&folder).join(name), text).unwrap();
    }
    let former = fs::read_link(volume.join("..data")).ok();
    symlink(&folder, volume.join("..data_tmp")).unwrap();
    fs::rename(volume.join("..data_tmp"), volume.join("..data")).unwrap();
    for (name, _) in files {
        let link = volume.join(name);
        if fs::symlink_metadata(&link).is_err() {
            symlink(Path::new("..data").join(name), link).unwrap();
        }
    }
    if let Some(former) = former {
        fs::remove_dir_all(volume.join(former)).unwrap();
    }
}

#[test]
fn a_config_map_is_reloaded_as_the_kubelet_writes_it() {
    let upstream = Upstream::named("board");
    let gateway = format!(
        "version: 1\nlisteners: [ {{ name: public, address: \"127.0.0.1:0\" }} ]\nadmin: off\nflags: {{ file: flags.yaml }}\n\
         upstreams: {{ board: \"{}\" }}\nroutes:\n  - {{ name: board, match: /board, gate: board, upstream: board, auth: none }}\n",
        upstream.address()
    );
    let flags =
        |state: &str| format!("version: 1\nflags: {{ board: {{ lifecycle: ga, default: {state} }} }}\n");
    let volume = tempfile::tempdir().unwrap();
    let write = |time: &str, flags: &str| {
        kubelet_writes(
            volume.path(),
            time,
            &[("sluice.yaml", &*gateway), ("flags.yaml", flags)],
        );
    };
    write("10_00_00.1", &flags("off"));
    let process = SluiceProcess::start(volume.path(), ["run"]);
    let address = process.listener();
    let status = || Client::connect(address).ask(&Request::get("/board")).status;
    assert_eq!(status(), 404);
    write("10_01_00.2", &flags("on"));
    eventually("the second version is served", || (status() == 200).then_some(()));
    // A bad version changes nothing, and the next good one is served.
    write(
        "10_02_00.3",
        "version: 1\nflags: { board: { lifecycle: gone } }\n",
    );
    process.line("unknown-value");
    assert_eq!(status(), 200);
    write("10_03_00.4", &flags("off"));
    eventually("the fourth version is served", || (status() == 404).then_some(()));
}
