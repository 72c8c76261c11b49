//! `sluice rollout`, from a template to a rolled back plan, as people use it.

use std::fs;
use std::path::Path;

use crate::managed_server::ManagedServer;
use crate::operator_tokens::OperatorToken;
use crate::process::{CommandOutput, SluiceProcess, sluice};

const PLAN: &str = "\
ticket: REL-12
stages:
  - { name: tenth, percentage: 10, for: 1h }
  - { name: all, percentage: 100, for: 1h }
approvals: [technical, product]
checklist: [tests passing]
rollback: exposure
";

/// Runs a command with the token of an operator.
fn run_as(managed: &ManagedServer, token: &str, arguments: &[&str]) -> CommandOutput {
    let path = managed.path().join(token).display().to_string();
    managed.output(&[arguments, &["--token-file", &path]].concat())
}

/// Fails unless the output contains each of the parts, in any order.
#[track_caller]
fn check_parts(output: &str, parts: &[&str]) {
    for part in parts {
        assert!(output.contains(part), "`{part}` is not in:\n{output}");
    }
}

#[test]
fn a_plan_is_prepared_started_advanced_and_rolled_back() {
    let [ann, olaf] = [("ann", "platform-admin"), ("olaf", "operator")]
        .map(|(name, role)| (name, OperatorToken::issue(name, role)));
    let managed = ManagedServer::with_operators(&[&ann.1, &olaf.1]);
    for (name, token) in [&ann, &olaf] {
        fs::write(managed.path().join(name), &token.secret).unwrap();
    }
    fs::write(managed.path().join("plan.yaml"), PLAN).unwrap();
    let done = |who: &str, arguments: &[&str]| {
        let output = run_as(&managed, who, arguments);
        output.exits(0);
        output.stdout
    };
    let refused = |arguments: &[&str]| {
        let output = run_as(&managed, "ann", arguments);
        output.exits(1);
        output.stderr
    };
    done("ann", &["apply", "-f", "flags.yaml", "--yes"]);

    let output = refused(&["rollout", "show", "board"]);
    check_parts(&output, &["`sluice rollout plan FLAG -f plan.yaml`"]);
    assert!(done("ann", &["rollout", "list"]).starts_with("no flag has a rollout plan"));
    let output = done(
        "ann",
        &["rollout", "plan", "board", "-f", "plan.yaml", "--dry-run"],
    );
    check_parts(
        &output,
        &["none of 2 tenants changes", "note: no control arm in all"],
    );
    let output = done("ann", &["rollout", "plan", "board", "-f", "plan.yaml"]);
    check_parts(&output, &["board: the plan is set, with 2 stages   revision "]);
    let output = refused(&["rollout", "start", "board"]);
    check_parts(
        &output,
        &[
            "APPROVAL_MISSING",
            "CHECKLIST_OPEN",
            "`sluice rollout approve FLAG --as ROLE`",
        ],
    );

    done("ann", &["rollout", "approve", "board", "--as", "technical"]);
    check_parts(
        &refused(&["rollout", "approve", "board", "--as", "product"]),
        &["APPROVAL_TAKEN"],
    );
    let approve = ["rollout", "approve", "board", "--as", "product", "--json"];
    check_parts(&done("olaf", &approve), &["\"changed\":true"]);
    done("olaf", &["rollout", "check", "board", "tests passing"]);
    let output = done("ann", &["rollout", "show", "board"]);
    check_parts(
        &output,
        &[
            "approved for technical by ann",
            "approved for product by olaf",
            "a person has to start the plan",
            "REL-12",
            "approval product     olaf, ",
        ],
    );
    let output = done("ann", &["rollout", "start", "board", "--reason", "REL-12"]);
    check_parts(
        &output,
        &["board: the plan is started, in stage tenth   revision "],
    );

    let output = refused(&["rollout", "advance", "board"]);
    check_parts(&output, &["STAGE_NOT_ELAPSED", "CHECK_NOT_PASSED"]);
    let output = done("ann", &["rollout", "list"]);
    check_parts(
        &output,
        &["board   running   tenth (1 of 2)   10 %", "time; check errors"],
    );
    done("olaf", &["rollout", "pause", "board", "--reason", "INC-7"]);
    check_parts(
        &done("ann", &["rollout", "show", "board"]),
        &["paused by olaf: INC-7"],
    );
    done("olaf", &["rollout", "resume", "board"]);
    let output = done(
        "ann",
        &["rollout", "advance", "board", "--force", "--reason", "agreed"],
    );
    check_parts(&output, &["board: stage all is entered   revision "]);
    let output = refused(&["flags", "rollout", "board", "50"]);
    check_parts(&output, &["ROLLOUT_RUNNING", "sluice rollout pause"]);
    done(
        "olaf",
        &[
            "rollout", "rollback", "board", "--to", "previous", "--reason", "INC-8",
        ],
    );
    let output = done("ann", &["rollout", "show", "board"]);
    check_parts(
        &output,
        &[
            "rolled back by olaf: INC-8",
            "tenth (1 of 2)",
            "entered stage all by ann: agreed",
        ],
    );
    done("ann", &["rollout", "cancel", "board"]);
    done("ann", &["rollout", "plan", "board", "--remove"]);
    check_parts(&refused(&["rollout", "show", "board"]), &["PLAN_NOT_FOUND"]);
}

/// A plan of a valid form is sent: there is no server, which is exit code 3.
#[test]
fn the_plan_of_the_reference_is_valid() {
    let folder = tempfile::tempdir().unwrap();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/rollouts.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, plan) = page.split_once("```yaml\n").unwrap();
    let (plan, _) = plan.split_once("```").unwrap();
    let set = |plan: &str| {
        fs::write(folder.path().join("plan.yaml"), plan).unwrap();
        let set = [
            "rollout",
            "plan",
            "board",
            "-f",
            "plan.yaml",
            "--server",
            "unix:none",
        ];
        sluice(folder.path(), set, "")
    };
    set(plan).exits(3);
    set(&plan.replace("percentage", "percent")).exits(1);
}

#[test]
fn a_template_is_printed_or_set() {
    let folder = tempfile::tempdir().unwrap();
    for (template, stage) in [("careful", "name: quarter"), ("fast", "name: tenth")] {
        let output = sluice(
            folder.path(),
            ["rollout", "plan", "board", "--template", template],
            "",
        );
        output.exits(0);
        check_parts(&output.stdout, &["# ", "stages:", stage]);
        fs::write(folder.path().join("plan.yaml"), &output.stdout).unwrap();
    }
    let managed = ManagedServer::start();
    let output = managed.refused(&["rollout", "plan", "board", "--template", "fast", "--set"]);
    // The template finishes at ga, and the flag is at alpha.
    check_parts(&output.stderr, &["INVALID_PLAN", "finish"]);
    fs::write(
        managed.path().join("bad.yaml"),
        "stages:\n  - { name: all, percent: 5 }\n",
    )
    .unwrap();
    let output = managed.refused(&["rollout", "plan", "board", "-f", "bad.yaml"]);
    check_parts(&output.stderr, &["bad.yaml:2", "percent"]);
    managed.refused(&["rollout", "plan", "board", "-f", "missing.yaml"]);
    managed.output(&["rollout", "plan", "board"]).exits(2);
}

#[test]
fn reports_are_sent_listed_and_closed() {
    let ann = OperatorToken::issue("ann", "platform-admin");
    let managed = ManagedServer::with_operators(&[&ann]);
    fs::write(managed.path().join("ann"), &ann.secret).unwrap();
    let run = |arguments: &[&str]| run_as(&managed, "ann", arguments);
    let done = |arguments: &[&str]| {
        let output = run(arguments);
        output.exits(0);
        output.stdout
    };
    done(&["apply", "-f", "flags.yaml", "--yes"]);
    assert!(done(&["rollout", "reports", "board"]).starts_with("board has no open reports"));
    let mut ids = Vec::new();
    for (org, cause) in [("acme", "no save"), ("globex", "No save")] {
        let report = ["rollout", "report", "board", "--org", org, "--cause", cause];
        let rest = ["--ticket", "SUP-1", "since noon"];
        let output = done(&[&report[..], &rest].concat());
        check_parts(
            &output,
            &[&format!("board: `{cause}` is reported for {org}   revision ")],
        );
        ids.push(output.trim().rsplit(' ').next().unwrap().to_owned());
    }
    let output = done(&["rollout", "reports", "board"]);
    check_parts(
        &output,
        &[
            "globex",
            "SUP-1",
            "since noon",
            "no save (acme, globex), blocks promotions",
        ],
    );
    let output = done(&["flags", "show", "board"]);
    check_parts(&output, &["reports", "no save (acme, globex), blocks promotions"]);
    check_parts(
        &done(&["rollout", "reports", "board", "--json"]),
        &["\"blocks\":true"],
    );
    let output = done(&["rollout", "close-report", "board", &ids[0], "--reason", "SUP-1"]);
    check_parts(&output, &[&format!("board: report {} is closed", ids[0])]);
    let output = done(&["rollout", "reports", "board"]);
    assert!(!output.contains("acme") && !output.contains("blocks"), "{output}");
    let output = done(&["rollout", "close-report", "board", &ids[1], "--json"]);
    check_parts(&output, &["\"changed\":true"]);
    let again = run(&["rollout", "close-report", "board", &ids[0]]);
    again.exits(1);
    check_parts(
        &again.stderr,
        &["REPORT_NOT_FOUND", "`sluice rollout reports FLAG`"],
    );
}

#[test]
fn a_plan_has_notes_about_its_audience() {
    let managed = ManagedServer::start();
    managed.done(&["tenants", "set", "acme", "--attribute", "region=eu"]);
    let audience = "{ attribute: regoin, eq: eu }";
    let plan = format!("stages: [{{ name: eu, audience: {audience}, percentage: 100, for: 1h }}]\n");
    fs::write(managed.path().join("plan.yaml"), plan).unwrap();
    let set = managed.done(&["rollout", "plan", "board", "-f", "plan.yaml"]);
    check_parts(
        &set,
        &[
            "the plan is set, with 1 stage",
            "note: the audience of stage `eu` reads the attribute `regoin`, which no tenant record, token or request has",
            "help: did you mean `region`?",
        ],
    );
}

#[test]
fn a_promotion_beside_a_plan_shows_every_help() {
    let managed = ManagedServer::start();
    let plan = "stages: [{ name: tenth, percentage: 10, for: 1h }]\n";
    fs::write(managed.path().join("plan.yaml"), plan).unwrap();
    managed.done(&["rollout", "plan", "board", "-f", "plan.yaml"]);
    managed.done(&["rollout", "start", "board"]);
    let output = managed.refused(&["flags", "promote", "board", "retired"]);
    check_parts(
        &output.stderr,
        &[
            "ROLLOUT_RUNNING ",
            "SOAK_NOT_ELAPSED ",
            "help for ROLLOUT_RUNNING: `sluice rollout show FLAG` shows the plan",
        ],
    );
    assert!(!output.stderr.contains("urgent promotion"), "{output}");
}

/// A configuration whose store starts with `flags.yaml`, with this policy of promotions.
fn write_seeded(folder: &Path, promotion: &str, flags: &str) {
    let config = format!(
        "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\n\
         admin: {{ address: \"127.0.0.1:0\" }}\nflags: {{ store: {{ sqlite: ./data, seed: flags.yaml }} }}\n\
         control: {{ promotion: {promotion} }}\nupstreams: {{ app: \"127.0.0.1:9\" }}\nunmatched: {{ upstream: app }}\n"
    );
    fs::write(folder.join("sluice.yaml"), config).unwrap();
    fs::write(folder.join("flags.yaml"), flags).unwrap();
}

/// A flag with a plan that promotes it to beta after an hour.
const SEED: &str = "\
version: 1
flags:
  board:
    plan:
      ticket: REL-12
      stages:
        - { name: tenth, percentage: 10, for: 1h }
        - { name: all, lifecycle: beta, percentage: 100, for: 1h }
";

#[test]
fn a_seed_sets_the_plan_of_a_flag() {
    let folder = tempfile::tempdir().unwrap();
    write_seeded(folder.path(), "{ soak: 0s }", SEED);
    let running = SluiceProcess::start(folder.path(), ["run"]);
    let server = format!("http://{}", running.admin());
    let done = |arguments: &[&str]| {
        let output = sluice(folder.path(), [arguments, &["--server", &server]].concat(), "");
        output.exits(0);
        output.stdout
    };
    let shown = done(&["rollout", "show", "board"]);
    check_parts(&shown, &["approved", "REL-12", "set by files"]);
    let log = done(&["audit", "list", "--json"]);
    check_parts(&log, &["\"actor\":\"files\"", "REL-12"]);
    done(&["rollout", "start", "board"]);
    // The document leaves the plan alone, and says so once.
    fs::write(folder.path().join("flags.yaml"), SEED.replace("REL-12", "REL-13")).unwrap();
    let applied = done(&["apply", "-f", "flags.yaml", "--yes"]);
    let note = "note: the plan of board in the document differs from that in the store, and is not set: operators own it\n\
                help: `sluice rollout plan FLAG -f plan.yaml` sets it; or remove it from the document";
    assert_eq!(applied.matches(note).count(), 1, "{applied}");
}

#[test]
fn a_seed_with_an_unsuitable_plan_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    write_seeded(folder.path(), "{ soak: 24h }", SEED);
    let output = sluice(folder.path(), ["run"], "");
    output.exits(1);
    output.reports("INVALID_PLAN");
    output.reports("stage `all` promotes board to beta after 1 h at alpha; the policy needs 24 h");
    let malformed = SEED.replace(
        "percentage: 10,",
        "percentage: 10, audience: { attribute: email, matches: \"(\" },",
    );
    write_seeded(folder.path(), "{ soak: 0s }", &malformed);
    let output = sluice(folder.path(), ["run"], "");
    output.exits(1);
    output.reports("invalid-pattern");
    // The store is still empty, and takes the mended seed.
    write_seeded(folder.path(), "{ soak: 0s }", SEED);
    let running = SluiceProcess::start(folder.path(), ["run"]);
    running.line("the store was empty and starts with its seed");
}
