//! The export of traces: its defaults, its secrets, and the changes that need a restart.

use std::fs;

use config::{LoadedConfig, Report};

use crate::problems::variable;

/// Loads a document with this export of traces.
fn load(traces: &str) -> Result<LoadedConfig, Report> {
    let folder = tempfile::tempdir().unwrap();
    let document = format!(
        "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\nflags: {{ file: flags.yaml }}\n\
         upstreams: {{ api: \"127.0.0.1:1\" }}\nroutes: [{{ name: all, match: /**, upstream: api, auth: none }}]\n{traces}\n"
    );
    fs::write(folder.path().join("flags.yaml"), "version: 1\n").unwrap();
    fs::write(folder.path().join("sluice.yaml"), document).unwrap();
    config::load(&folder.path().join("sluice.yaml"), &variable)
}

#[cfg(not(feature = "otlp"))]
#[test]
fn a_build_without_otlp_rejects_traces() {
    assert!(load("").is_ok());
    let report = load("traces: { otlp: \"http://collector:4318\" }")
        .unwrap_err()
        .to_string();
    assert!(
        report.contains("this build of Sluice can't export traces"),
        "{report}"
    );
}

#[cfg(feature = "otlp")]
mod built {
    use config::{EvaluationSignal, TraceParent, TraceProtocol, TraceSettings};

    use super::load;

    fn traces(traces: &str) -> TraceSettings {
        load(traces).unwrap().settings.traces.unwrap()
    }

    #[test]
    fn traces_are_off_until_configured() {
        assert_eq!(load("").unwrap().settings.traces, None);
    }

    #[test]
    fn omitted_fields_of_traces_have_defaults() {
        let traces = traces("traces: { otlp: \"http://collector:4318/\" }");
        let collector = &traces.collector;
        assert_eq!(&*collector.url, "http://collector:4318");
        assert_eq!(
            (collector.protocol, collector.evaluations, collector.timeout_ms),
            (TraceProtocol::Http, EvaluationSignal::Logs, 10_000)
        );
        assert_eq!((&*collector.service_name, collector.headers.len()), ("sluice", 0));
        assert_eq!(
            (traces.sampling.millionths, traces.sampling.parent),
            (10_000, TraceParent::Follow)
        );
    }

    #[test]
    fn shares_of_traces_are_exact() {
        for (written, millionths) in [
            ("0", 0),
            ("1", 1_000_000),
            ("0.000001", 1),
            ("0.25", 250_000),
            ("1.0", 1_000_000),
        ] {
            let traces = traces(&format!(
                "traces: {{ otlp: \"http://collector:4318\", sample: {written} }}"
            ));
            assert_eq!(traces.sampling.millionths, millionths, "{written}");
        }
        for written in ["-0.1", "1.000001", "0.0000001"] {
            let report = load(&format!(
                "traces: {{ otlp: \"http://collector:4318\", sample: {written} }}"
            ))
            .unwrap_err();
            assert!(report.to_string().contains("must be from 0 to 1"), "{report}");
        }
    }

    #[test]
    fn headers_of_a_collector_are_read_and_not_printed() {
        let traces = traces(
            "traces: { otlp: \"http://collector:4318\", headers: { Authorization: \"${COLLECTOR_TOKEN}\" } }",
        );
        let headers = &traces.collector.headers;
        assert_eq!(headers, &[("authorization".into(), "Bearer hunter2".into())]);
        let printed = format!("{traces:?}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }

    #[test]
    fn only_the_sampling_of_traces_changes_without_restart() {
        let load = |traces: &str| load(traces).unwrap().settings;
        let old = load("traces: { otlp: \"http://collector:4318\" }");
        for (changed, expected) in [
            (
                "traces: { otlp: \"http://collector:4318\", sample: 1, parent: ignore }",
                &[] as &[&str],
            ),
            ("traces: { otlp: \"http://collector:4319\" }", &["traces"]),
            (
                "traces: { otlp: \"http://collector:4318\", evaluations: span_events }",
                &["traces"],
            ),
            ("", &["traces"]),
        ] {
            assert_eq!(old.needs_restart(&load(changed)), expected, "{changed}");
        }
    }
}
