//! Command lines of people who know similar tools.

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
        (&["login"], "SLUICE_TOKEN"),
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
