//! Reasons of rejections in the words of the console: help that names requests of the API names pages instead, and the
//! place at which a reason is mended is a link.

use crate::page::Section;
use crate::pages::flag_path;
use crate::problem::{Place, Reason, says_when};
use crate::texts::text;

/// The end of the help of a reason that a flag of requests skips.
const FORCE: &str = "`force`";

/// Returns a reason with help about the console. `flag` is the flag of its change.
pub(crate) fn in_console(mut reason: Reason, flag: Option<&str>) -> Reason {
    let help = match &*reason.code {
        "TENANT_NOT_FOUND" => Some("help-tenant-not-found"),
        "FLAG_NOT_FOUND" => Some("help-flag-not-found"),
        "BLAST_RADIUS" => Some("help-blast-radius"),
        "ROLLOUT_RUNNING" => Some("help-rollout-running"),
        "STAGE_NOT_ELAPSED" | "CHECK_NOT_PASSED" | "OUTSIDE_WINDOW" if says_force(&reason) => {
            Some("help-skip-conditions")
        }
        _ => None,
    };
    if let Some(id) = help {
        reason.help = Some(text(id).into_owned());
    } else if says_force(&reason) {
        // The API names a flag of requests behind the last semicolon.
        let help = reason.help.take();
        reason.help = help.and_then(|help| help.rsplit_once("; ").map(|(help, _)| help.to_owned()));
    }
    reason.help = reason.help.and_then(|help| help_beside(&reason.detail, &help));
    reason.place = place(&reason, flag);
    reason
}

/// Returns the help about a sentence, without an advice to wait that the sentence says itself.
pub(crate) fn help_beside(detail: &str, help: &str) -> Option<String> {
    match help.strip_prefix("wait until then") {
        Some(rest) if says_when(detail) => {
            let rest = rest.trim_start_matches([';', ' ']);
            (!rest.is_empty()).then(|| rest.to_owned())
        }
        _ => Some(help.to_owned()),
    }
}

fn says_force(reason: &Reason) -> bool {
    reason.help.as_ref().is_some_and(|help| help.contains(FORCE))
}

/// Returns the page at which a reason is mended.
fn place(reason: &Reason, flag: Option<&str>) -> Option<Place> {
    let of_flag = |part: &str| flag.map(|flag| format!("{}{part}", flag_path(flag)));
    let (href, id) = match &*reason.code {
        "TENANT_NOT_FOUND" => (Some(Section::Tenants.path().to_owned()), "place-tenants"),
        "FLAG_NOT_FOUND" => (Some(Section::Flags.path().to_owned()), "place-flags"),
        "SIGN_OFF_MISSING" => (of_flag("#sign-offs"), "place-sign-offs"),
        "EXIT_CRITERIA" => (of_flag("/tenants"), "place-flag-tenants"),
        "ROLLOUT_RUNNING" | "STAGE_NOT_ELAPSED" | "CHECK_NOT_PASSED" | "OUTSIDE_WINDOW" => {
            (of_flag("/rollout"), "place-rollout")
        }
        _ => (None, ""),
    };
    href.map(|href| Place {
        href,
        label: text(id).into_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_leads_to_the_page_that_mends_it() {
        for (code, help, shown, href) in [
            (
                "SIGN_OFF_MISSING",
                "have somebody sign off",
                "have somebody sign off",
                "#sign-offs",
            ),
            ("EXIT_CRITERIA", "add pilots", "add pilots", "/tenants"),
            (
                "CHECK_NOT_PASSED",
                "wait until it passes, or repeat it with `force`",
                "Wait, or tick “even if the conditions of the stage are not met” beside “Advance” on the Rollout page.",
                "/rollout",
            ),
            (
                "FLAG_ERRORS",
                "mend them; a platform-admin can skip this with `force`",
                "mend them",
                "",
            ),
        ] {
            let reason = serde_json::json!({ "code": code, "detail": "it is so", "help": help });
            let reason = in_console(serde_json::from_value(reason).unwrap(), Some("board"));
            assert_eq!(reason.help.as_deref(), Some(shown));
            let place = reason.place.map(|place| place.href);
            let expected = format!("/platform/feature-flags/board{href}");
            assert_eq!(place, (!href.is_empty()).then_some(expected));
        }
    }
}
