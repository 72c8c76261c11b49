//! Hints for rejections that name commands. The help of the server names operations of its API instead.

/// Returns the hint for a code, if a command is more useful in a shell than the server's help.
pub(super) fn command_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "FLAG_NOT_FOUND" => "`sluice flags list` lists the flags",
        "TENANT_NOT_FOUND" => {
            "`sluice tenants list` lists the tenants; `sluice tenants set ID --new ...` creates a record"
        }
        "BLAST_RADIUS" => "check the changed tenants with --dry-run, then repeat with --force",
        "REVISION_CONFLICT" => "check the current state, then try again",
        "SIGN_OFF_MISSING" => "`sluice flags sign-off FLAG --as ROLE`",
        "EXIT_CRITERIA" => "add tenants: `sluice tenants allow TENANT FLAG`, or let them opt in",
        "INCIDENT_OPEN" | "UNKNOWN_INCIDENT" => {
            "`sluice flags incidents list FLAG` lists the open ones; `close FLAG LINK` closes one"
        }
        "ROLLBACK_OPEN" => "`sluice flags restore FLAG`",
        "READ_ONLY_SOURCE" => {
            "edit the file: `enabled: false` turns a flag off for everyone; in an incident kill the flag on each machine: \
             `sluice flags kill FLAG --socket PATH`. If sluice.yaml names a store by now, restart the server"
        }
        "PLAN_NOT_FOUND" => {
            "`sluice rollout plan FLAG -f plan.yaml` sets a plan; `--template careful` prints one to begin with"
        }
        "PLAN_NOT_SET" => "`sluice rollout plan FLAG -f plan.yaml` sets it; or remove it from the document",
        "APPROVAL_MISSING" => "`sluice rollout approve FLAG --as ROLE`, each role by another person",
        "CHECKLIST_OPEN" => "`sluice rollout check FLAG ITEM`",
        "STAGE_NOT_ELAPSED" | "CHECK_NOT_PASSED" | "OUTSIDE_WINDOW" => "wait, or repeat with --force",
        "ROLLOUT_RUNNING" => {
            "`sluice rollout show FLAG` shows the plan. Wait until it ends, or end it with `sluice rollout cancel FLAG`; \
             `sluice rollout pause FLAG` holds it, but a paused plan excludes the change too. Or repeat with --force: another \
             lifecycle pauses the plan, any other change ends it"
        }
        "OPEN_REPORTS" => "`sluice rollout reports FLAG` lists them; `sluice rollout close-report FLAG ID`",
        "REPORT_NOT_FOUND" => "`sluice rollout reports FLAG` lists the open reports",
        "NOT_SIGNED_IN" => "set a token with --token-file or in SLUICE_TOKEN",
        "SIGN_IN_FAILED" => {
            "`sluice operators token` creates a token, and its entry for the document of tokens"
        }
        _ => return None,
    })
}
