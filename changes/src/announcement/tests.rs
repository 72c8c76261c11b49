//! Drafts name the facts, and those that are missing.

use serde_json::json;

use super::*;
use crate::change::Change;
use crate::plan::tests::{HOUR, admin, made, state};

#[test]
fn a_draft_has_the_facts_of_the_flag() {
    let mut state = state(
        json!({ "version": 1, "policy": { "beta_opt_in": true }, "tiers": ["t1"], "flags": {
            "board": { "lifecycle": "beta", "description": "New dispatch board.", "owner": "team-dispatch",
                "revert": "https://docs.example/board" },
            "wide": { "lifecycle": "ga", "default": "on", "tiers": { "t1": "off" } },
        } }),
    );
    let beta = announcement(&state, "board", Announced::Beta).unwrap();
    assert_eq!(
        beta,
        "# `board` is in beta\n\n\
         New dispatch board.\n\n\
         - **State:** beta since 2026-11-20 09:14Z\n\
         - **Opt in:** an org admin opts in with `POST /api/v1/orgs/ORG/feature-flags/board/opt-in`; an operator adds an \
         org with `sluice tenants allow ORG board`\n\
         - **Opt out:** an org admin opts out with `POST /api/v1/orgs/ORG/feature-flags/board/opt-out`\n\
         - **Revert:** https://docs.example/board\n\
         - **Owner:** team-dispatch\n\
         - **Manual:** [missing: Sluice knows no manual page; add its link if it is public]\n\n\
         ## Changelog entry\n\n\
         - Added: New dispatch board (beta, by opt-in; flag `board`)\n"
    );
    let ga = announcement(&state, "wide", Announced::Ga).unwrap();
    assert!(ga.contains("- **Default:** `on` for every org that has not opted out, except the tiers that are off by default: t1\n"));
    assert!(
        ga.contains("- **Revert:** [missing: the definition has no `revert`]\n"),
        "{ga}"
    );
    assert!(
        ga.contains("[missing: the definition has no `description`]"),
        "{ga}"
    );
    let mut kill = admin(Change::Kill { flag: "board".into() }, HOUR);
    kill.incident = Some("INC-7".into());
    made(&mut state, &kill);
    let notice = announcement(&state, "board", Announced::Revert).unwrap();
    for line in [
        "# `board` was killed\n",
        "- **Reverted:** killed 2026-11-20 10:14Z by ada\n",
        "- **Reason:** because\n",
        "- **Incident:** INC-7\n",
        "- **Open incidents:** INC-7\n",
        "- **State:** beta since 2026-11-20 09:14Z, killed: off for everyone\n",
        "- Reverted: New dispatch board (killed; flag `board`)\n",
    ] {
        assert!(notice.contains(line), "{line} in {notice}");
    }
    assert_eq!(announcement(&state, "unknown", Announced::Beta), None);
}

#[test]
fn a_draft_names_missing_facts() {
    let state = state(json!({ "version": 1, "flags": { "board": { "lifecycle": "alpha" } } }));
    let of = |subject| announcement(&state, "board", subject).unwrap();
    assert!(of(Announced::Beta).contains("alpha since 2026-11-20 09:14Z [missing: it is not beta now]"));
    assert!(of(Announced::Beta).contains("orgs cannot opt in themselves"));
    assert!(of(Announced::Ga).contains("off; tier defaults, rollout and rules decide who has it"));
    assert!(of(Announced::Revert).contains(
        "- **Reverted:** [missing: the last change of this kind is not a kill, a revert or a rollback]"
    ));
}
