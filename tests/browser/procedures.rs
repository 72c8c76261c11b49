//! The procedures of the documents that Sluice is based on, by clicks alone: a promotion with a soak, pilots, tier
//! defaults, an opt-in, a rollout that is rolled back, a kill and its undo, a revert, and the audit log of it all.

use std::time::Duration;

use crate::browser::Browser;
use crate::company::{BOARD, Company, EXPORT, FLAGS, Person, SOAK};

/// A plan with a check that fails soon, and that nobody but a person rolls back.
const PLAN: &str = "\
ticket: OPS-1287
stages:
  - { name: half, percentage: 50, for: 1h }
  - { name: all, percentage: 100, for: 1h }
checks: [{ name: errors, error_rate: { above: 1% }, then: notify }]
minimum: { requests: 20, tenants: 2 }
rollback: exposure
";

#[test]
fn the_procedures_of_the_seeds_are_done_by_clicks_alone() {
    let company = Company::start();
    let Some(ada) = company.browser(Person::Ada, FLAGS) else {
        return;
    };
    ada.says(&["There are no flags yet", "sluice apply"]);
    company.apply_flags();
    ada.await_text(BOARD);

    promote_after_the_soak(&ada);
    add_two_pilots(&ada);
    set_tier_defaults(&ada);
    assert_eq!(company.served("t0", "/board"), "new");
    assert_eq!(company.served("t2", "/board"), "old");
    opt_in(&company, &ada);
    assert_eq!(company.served("t3", "/board"), "new");
    be_refused_at_ga(&ada);
    roll_out_and_back(&company, &ada);
    kill_and_undo(&company, &ada);
    revert(&ada);
    assert_eq!(company.served("t0", "/board"), "old");
    read_the_audit_log(&ada);
    ada.assert_no_errors();
}

#[test]
fn a_flag_is_killed_from_the_list() {
    let company = Company::with_flags();
    let Some(ada) = company.browser(Person::Ada, FLAGS) else {
        return;
    };
    ada.click(&format!("Kill {EXPORT}"));
    ada.await_text("The flag is off for every tenant at once.");
    assert_eq!(ada.path(), FLAGS);
    assert_eq!(ada.text("dialog[open] h2"), format!("Kill {EXPORT}"));
    ada.click("Kill now");
    ada.await_text(&format!("Killed {EXPORT}"));
    assert!(ada.path().starts_with(&format!("{FLAGS}?receipt=")));
    assert_eq!(company.served("t0", "/export"), "old");
    ada.assert_no_errors();
}

fn open_flag(ada: &Browser, flag: &str) {
    ada.click_in("Pages", "Feature flags");
    ada.click(flag);
    ada.await_text("Lifecycle");
}

/// The soak is shown with its end, the attempt before is refused with every reason, and the one after it succeeds.
fn promote_after_the_soak(ada: &Browser) {
    ada.click(BOARD);
    ada.await_text("Next step: beta");
    let conditions = ada.text("#next-step");
    assert!(conditions.contains("SOAK_NOT_ELAPSED"), "{conditions}");
    assert!(conditions.contains("possible from "), "{conditions}");
    ada.click("Promote to beta");
    let refusals = ada.text("#refusals");
    for text in [
        "Refused, nothing was changed",
        "SOAK_NOT_ELAPSED",
        "possible from ",
        "SIGN_OFF_MISSING",
        "have somebody sign off",
    ] {
        assert!(refusals.contains(text), "{text}: {refusals}");
    }
    ada.click("Back");
    ada.click("Sign off for engineering");
    ada.confirm("no errors in alpha");
    // The end of the soak shows without a reload.
    let (document, start) = (ada.document(), std::time::Instant::now());
    let unmet = || ada.evaluate("document.querySelectorAll('#next-step .unmet').length");
    while unmet() != 0 {
        assert!(
            start.elapsed() < SOAK + Duration::from_secs(20),
            "{}",
            ada.visible_text()
        );
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(ada.document(), document);
    ada.click("Promote to beta");
    ada.await_text("0 of 12 tenants change");
    ada.confirm("alpha is stable");
    ada.says(&["Next step: ga", "Opted in\n0"]);
}

/// A pilot has the channel `latest` and is on the allowlist.
fn add_two_pilots(ada: &Browser) {
    for pilot in ["t0", "t1"] {
        ada.click_in("Pages", "Tenants");
        ada.click(pilot);
        ada.choose("Channel", "latest");
        ada.click("Preview");
        ada.await_text(&format!("Change the record of {pilot}"));
        ada.confirm("a pilot of the board");
    }
    open_flag(ada, BOARD);
    ada.click_in("Pages of the flag", "Tenants");
    ada.click("Change several tenants");
    ada.fill("Tenants, one per line", "t0\nt1");
    ada.click("Add to the allowlist");
    ada.await_text("0 of 12 tenants change");
    ada.confirm("pilots");
    let rows = ada.text("#results");
    assert_eq!(rows.matches("Beta allowlist").count(), 2, "{rows}");
}

/// The default of a tier reaches the pilots of this tier, and no other tenant before ga.
fn set_tier_defaults(ada: &Browser) {
    ada.click_in("Pages of the flag", "Tier defaults");
    ada.choose("Default for large", "on");
    ada.click("Preview");
    ada.await_text("2 of 12 tenants change");
    let effects = ada.text(".effects table");
    for text in ["t0", "t1", "off → on"] {
        assert!(effects.contains(text), "{text}: {effects}");
    }
    assert!(!effects.contains("t2"), "{effects}");
    ada.confirm("large tenants get the board first");
}

/// The admin of an org turns the feature on, in plain words; the count of opt-ins follows at the operator's page.
fn opt_in(company: &Company, ada: &Browser) {
    open_flag(ada, BOARD);
    let document = ada.document();
    ada.says(&["Opted in\n0"]);
    let olga = company.browser(Person::Olga, "/admin/feature-flags").unwrap();
    olga.says(&["Your features", "A board that plans itself", "In testing", "Off"]);
    olga.click("Turn on “A board that plans itself”");
    olga.await_text("What happens");
    olga.says(&["“A board that plans itself” will be on for your organization."]);
    olga.click_confirm();
    olga.await_text("Turned on by your organization");
    olga.says(&["Saved.", "On"]);
    let page = olga.visible_text().to_lowercase();
    for word in ["tenant", "revision", "lifecycle", "variant", "beta", "node"] {
        assert!(!page.contains(word), "{word}: {page}");
    }
    olga.assert_no_errors();
    ada.await_text("Opted in\n1");
    assert_eq!(ada.document(), document);
}

/// Ga needs more than a promotion is worth here: every reason is shown, with its fix.
fn be_refused_at_ga(ada: &Browser) {
    ada.click("Promote to ga");
    let refusals = ada.text("#refusals");
    for code in ["EXIT_CRITERIA", "NOT_STABLE", "NOT_REVERTIBLE", "NO_REVERT_PATH"] {
        assert!(refusals.contains(code), "{code}: {refusals}");
    }
    ada.click("Back");
}

/// The page of the rollout follows its requests without a reload; a person rolls back after a preview.
fn roll_out_and_back(company: &Company, ada: &Browser) {
    open_flag(ada, EXPORT);
    ada.click_in("Pages of the flag", "Rollout");
    ada.fill("Plan, in YAML or JSON", PLAN);
    ada.click("Preview");
    ada.confirm("a plan for the export");
    let _traffic = company.traffic();
    ada.click("Start");
    ada.await_text("of 12 tenants change");
    ada.confirm("it begins");
    ada.says(&["running", "half, stage 1 of 2", "next: all"]);
    let document = ada.document();
    let requests = |arm: usize| {
        let cell = format!(
            "+(document.querySelectorAll('#rollout-evidence tbody')[1]?.rows[{arm}]?.cells[1].innerText || 0)"
        );
        ada.evaluate(&cell).as_f64().unwrap()
    };
    let both = |least: f64| {
        ada.eventually("requests of both arms", || {
            (requests(0) > least && requests(1) > least).then(|| requests(0).min(requests(1)))
        })
    };
    let first = both(0.0);
    company.harm(true);
    both(first);
    let checks = || ada.text("#rollout-evidence tbody");
    ada.eventually("a check that fails", || {
        checks().contains("fails\n").then_some(())
    });
    assert_eq!(ada.document(), document, "the page was loaded again");
    ada.says(&["treatment", "control", "Share of errors"]);
    ada.click("Roll back");
    ada.await_text("of 12 tenants change");
    ada.says(&["on → off"]);
    ada.confirm("too many errors");
    ada.says(&["rolled back", "Rolled back to 0 % by ada", "too many errors"]);
    company.harm(false);
    assert_eq!(company.served("t5", "/export"), "old");
}

/// `k` opens the dialog, Enter confirms it, and the receipt has the undo.
fn kill_and_undo(company: &Company, ada: &Browser) {
    open_flag(ada, BOARD);
    ada.press(&["k"]);
    ada.await_text("The flag is off for every tenant at once.");
    ada.press(&["Enter"]);
    ada.await_text(&format!("Killed {BOARD}"));
    ada.says(&["in force on 1 of 1 node after ", "killed"]);
    assert_eq!(company.served("t0", "/board"), "old");
    ada.click_in("Receipt of the change", "Restore");
    ada.await_text("3 of 12 tenants change");
    ada.confirm("it was another service");
    assert_eq!(company.served("t0", "/board"), "new");
}

/// A revert needs no condition.
fn revert(ada: &Browser) {
    ada.click("Revert to an earlier state");
    ada.choose("State", "alpha");
    ada.click("Revert");
    ada.await_text("3 of 12 tenants change");
    ada.confirm("one more week in alpha");
    ada.says(&["Next step: beta"]);
}

/// The log has who, what and why of each step, and its chain is verified.
fn read_the_audit_log(ada: &Browser) {
    ada.click_in("Pages", "Audit log");
    ada.await_text("Difference and reason");
    let rows = ada.evaluate("[...document.querySelectorAll('#entries tbody tr')].map(row => row.innerText)");
    let rows: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|row| row.as_str())
        .collect();
    for (who, what, why) in [
        ("ada", "Signed off", "“no errors in alpha”"),
        ("ada", "Moved a flag", "“alpha is stable”"),
        ("ada", "Changed a tenant", "“a pilot of the board”"),
        ("ada", "Changed several tenants", "“pilots”"),
        ("ada", "Set tier defaults", "“large tenants get the board first”"),
        ("olga", "Opted in", ""),
        ("ada", "Set a rollout plan", "“a plan for the export”"),
        ("ada", "Started a rollout", "“it begins”"),
        ("ada", "Rolled back a rollout", "“too many errors”"),
        ("ada", "Killed a flag", "Enabled on → off"),
        ("ada", "Restored a flag", "“it was another service”"),
        ("ada", "Moved a flag", "“one more week in alpha”"),
    ] {
        let has = |row: &&str| [who, what, why].iter().all(|text| row.contains(text));
        assert!(rows.iter().any(has), "{who}, {what}, {why}: {rows:#?}");
    }
    ada.click("Verify the chain");
    ada.await_text("Intact: all ");
}
