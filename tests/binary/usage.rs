//! Command lines of people who know similar tools.

use std::fs;

use crate::process::sluice;

#[test]
fn commands_of_similar_tools_lead_to_the_right_one() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| sluice(folder.path(), words, "");
    for (words, hint) in [
        (&["disable", "board"][..], "`sluice flags kill FLAG`"),
        (&["flags", "disable", "board"], "`sluice flags kill FLAG`"),
        (&["enable", "board"], "`sluice flags promote FLAG STATE`"),
        (&["toggle", "board"], "`sluice flags restore FLAG`"),
        (&["flags", "toggle", "board"], "`sluice flags restore FLAG`"),
        (&["reload"], "SIGHUP"),
        (&["start"], "`sluice run`"),
        (&["status"], "/readyz?verbose"),
        (&["list"], "`sluice flags list`"),
        (&["pause", "board"], "`sluice rollout`"),
        (&["rollback", "board"], "`sluice rollout rollback FLAG`"),
        (&["login"], "SLUICE_TOKEN"),
        (&["logs"], "standard error"),
    ] {
        let output = run(words);
        output.exits(2).reports("unrecognized subcommand");
        let help = output.stderr.lines().find(|line| line.starts_with("help: "));
        assert!(help.is_some_and(|help| help.contains(hint)), "{output}");
    }
    let version = run(&["--version"]).stdout;
    run(&["version"]).exits(0).prints(&version);
    run(&["validate", "-c", "missing.yaml"])
        .exits(1)
        .reports("missing.yaml");
}

#[test]
fn eval_with_a_subject_as_arguments_says_what_it_reads() {
    let folder = tempfile::tempdir().unwrap();
    let output = sluice(folder.path(), ["eval", "board.v2", "--tenant", "acme"], "");
    output.exits(2).reports("unexpected argument").reports(
        "help: subjects are JSON lines on standard input: echo '{\"flag\":\"board.v2\",\"tenant\":\"acme\"}' | sluice \
         eval --flags flags.yaml",
    );
}

#[test]
fn eval_of_a_gateway_document_names_its_flags() {
    let folder = tempfile::tempdir().unwrap();
    let write = |flags: &str| {
        let text = format!(
            "version: 1\nlisteners: [{{ name: public, address: '127.0.0.1:0' }}]\nflags: {flags}\n\
             upstreams: {{ api: '127.0.0.1:9' }}\n"
        );
        fs::write(folder.path().join("sluice.yaml"), text).unwrap();
    };
    let reports = |message: &str| {
        let output = sluice(folder.path(), ["eval", "--flags", "sluice.yaml"], "");
        output.exits(1).reports(message);
        assert_eq!(output.stderr.lines().count(), 1, "{output}");
    };
    write("{ file: flags.yaml }");
    reports(
        "sluice.yaml is a gateway document, not a flags document; name its flags document: --flags flags.yaml",
    );
    write("{ store: { sqlite: data } }");
    reports("its flags are in a store: `sluice export -o FILE` writes them to a flags document");
}
