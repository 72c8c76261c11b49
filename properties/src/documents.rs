//! Documents: a report has a place within the text, a code that is listed and help for each problem; and what is
//! loaded answers.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use config::{CODES, Colour, Files, Report, Severity, load_flags_from, load_from};
use rules::{Eligibility, Flags, Subject, Tenants, Timestamp, decide, explain};

const NOON: Timestamp = Timestamp(1_795_000_000_000);
const FLAGS: &str = "version: 1\nflags: { board: { lifecycle: ga }, theme: { variants: { off: null, blue: 1, green: 2 } }, \
                     gold: { kind: permission } }\ntiers: [tier1]\ntenants: { acme: { tier: tier1 } }\n";
const SLUICE: &str = "version: 1\nlisteners: [{ name: a, address: \"127.0.0.1:0\" }]\nadmin: off\n\
                      flags: { file: flags.yaml }\nupstreams: { u: 127.0.0.1:1 }\nunmatched: { upstream: u }\n";
const SECRET: &str = "a secret that is long enough for each of the algorithms of its kind";

/// Checks that a report has valid places, listed codes and help, and that loaded documents decide. The first
/// byte selects `flags.yaml` or `sluice.yaml`; the rest is the document.
pub fn documents(data: &[u8]) {
    let Some((&kind, text)) = data.split_first() else {
        return;
    };
    let mut files: BTreeMap<PathBuf, Vec<u8>> = [
        ("sluice.yaml", SLUICE),
        ("flags.yaml", FLAGS),
        ("flags.d/a.yaml", FLAGS),
        ("public.pem", include_str!("../keys/p256.pub.pem")),
        ("keys.json", "{\"keys\":[]}"),
        ("secret", SECRET),
        ("gone.html", "<p>gone"),
    ]
    .map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec()))
    .into();
    let name = if kind % 2 == 0 {
        "flags.yaml"
    } else {
        "sluice.yaml"
    };
    files.insert(name.into(), text.to_vec());
    if kind % 2 == 0 {
        flags(&files);
    }
    sluice(&files);
}

fn flags(files: &BTreeMap<PathBuf, Vec<u8>>) {
    let from = || Files::Memory(files.clone());
    match load_flags_from(from(), Path::new("flags.yaml"), Eligibility::Enforced) {
        Ok(loaded) => check_decisions(&loaded.flags, &loaded.tenants),
        Err(report) => {
            check_report(&report, files);
            assert!(report.errors() > 0);
        }
    }
}

fn sluice(files: &BTreeMap<PathBuf, Vec<u8>>) {
    let variable = |name: &str| (name == "SECRET").then(|| SECRET.to_owned());
    let load = || load_from(Files::Memory(files.clone()), Path::new("sluice.yaml"), &variable);
    match load() {
        Ok(loaded) => {
            assert_eq!(loaded.warnings.errors(), 0);
            check_report(&loaded.warnings, files);
            let revision = &loaded.snapshot.revision.0;
            assert!(!revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_alphanumeric()));
            let again = load().expect("the same documents again");
            assert_eq!(again.snapshot.revision, loaded.snapshot.revision);
            assert_eq!(again.warnings.to_json(), loaded.warnings.to_json());
            check_decisions(&loaded.snapshot.flags, &loaded.snapshot.tenants);
        }
        Err(report) => {
            check_report(&report, files);
            assert!(report.errors() > 0);
        }
    }
}

fn check_report(report: &Report, files: &BTreeMap<PathBuf, Vec<u8>>) {
    assert_eq!(report.is_empty(), report.problems().is_empty());
    for problem in report.problems() {
        assert!(CODES.contains(&problem.code), "{}", problem.code);
        assert!(!problem.title.is_empty());
        let help = problem.help.as_deref().unwrap_or_default();
        assert!(
            !help.is_empty(),
            "no help for {}: {}",
            problem.code,
            problem.title
        );
        if let Some(place) = report.place(problem) {
            let bytes = &files[Path::new(&*place.file)];
            let text = String::from_utf8_lossy(bytes);
            let line = text
                .split('\n')
                .nth(place.line - 1)
                .expect("a line that there is");
            let columns = line.chars().count() + 1;
            assert!(
                (1..=columns).contains(&place.column),
                "{place} is behind the line's end, {columns}: {}",
                problem.title
            );
        }
        assert!(problem.severity == Severity::Warning || report.errors() > 0);
    }
    let headline = report.headline();
    assert!(!headline.chars().any(char::is_control), "{headline:?}");
    assert!(report.render(Colour::Always).len() >= report.summary().len());
    assert!(report.render(Colour::Never).ends_with('\n'));
    assert_eq!(
        report.to_json()["problems"].as_array().map(Vec::len),
        Some(report.problems().len())
    );
}

/// Checks that every flag serves a variant to every subject, and that `explain` gives the same decision.
fn check_decisions(flags: &Flags, tenants: &Tenants) {
    let known = tenants
        .iter()
        .take(3)
        .map(|tenant| (Some(tenant.id()), Some(tenant)));
    let subjects: Vec<Subject<'_>> = known
        .chain([(None, None), (Some("nobody"), None)])
        .map(|(tenant, record)| Subject {
            tenant,
            record,
            user: Some("u"),
            ..Subject::default()
        })
        .collect();
    for (id, flag) in flags.iter() {
        assert_eq!(flags.id(flag.key().as_str()), Some(id));
        for subject in &subjects {
            for now in [Timestamp::MIN, NOON, Timestamp::MAX] {
                let decision = decide(flags, id, subject, now);
                assert!(flag.variant(decision.variant).is_some(), "{decision:?}");
                let explanation = explain(flags, id, subject, now).expect("an explanation");
                assert_eq!(explanation.decision, decision);
                let decided = explanation
                    .steps
                    .iter()
                    .filter(|step| step.outcome == rules::StepOutcome::Decided);
                assert_eq!(decided.count(), 1, "{explanation:?}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fixed_documents_of_the_fuzzer_load() {
        let files = BTreeMap::from([
            (PathBuf::from("sluice.yaml"), SLUICE.as_bytes().to_vec()),
            (PathBuf::from("flags.yaml"), FLAGS.as_bytes().to_vec()),
        ]);
        let loaded = load_from(Files::Memory(files), Path::new("sluice.yaml"), &|_| None);
        loaded.unwrap_or_else(|report| panic!("{report}"));
    }
}
