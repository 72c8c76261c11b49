//! What helps, in commands: the server's cures speak of its API.

/// What helps where the code is known and the server's own words would be of no use in a shell.
pub(super) fn command_hint(code: &str) -> Option<&'static str> {
    Some(match code {
        "FLAG_NOT_FOUND" => "`sluice flags list` lists the flags",
        "TENANT_NOT_FOUND" => {
            "`sluice tenants list` lists them; `sluice tenants set ID --new ...` makes a record"
        }
        "BLAST_RADIUS" => "look at who changes with --dry-run, then say --force",
        "REVISION_CONFLICT" => "look at what it is now, then try again",
        "SIGN_OFF_MISSING" => "`sluice flags sign-off FLAG --as ROLE`",
        "EXIT_CRITERIA" => "more pilots: `sluice tenants allow TENANT FLAG`, or have them opt in",
        "ROLLBACK_OPEN" => "`sluice flags restore FLAG`",
        "NOT_SIGNED_IN" => "name a token with --token-file or in SLUICE_TOKEN",
        "SIGN_IN_FAILED" => "`sluice operators token` makes a token, and the entry that it needs",
        "TIMED_OUT" => "`sluice audit list` says whether the change was made",
        _ => return None,
    })
}
