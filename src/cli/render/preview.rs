//! The preview of a change: tenants whose decisions it changes, as computed by the server.

use std::collections::BTreeMap;

use serde_json::Value;

use super::json;
use super::words::counted;
use crate::printable::printable;
use crate::rejection_reason::{RejectionReason, write_hints, write_reasons};

/// Largest number of changed decisions in the output; the others are counted.
const MAX_FLIPS: usize = 50;
/// Largest number of tiers in the summary of unchanged tenants.
const MAX_TIERS: usize = 10;

/// The tiers whose unchanged tenants are in the output.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UnchangedTenants<'k> {
    /// Every tier.
    All,
    /// These tiers.
    Tiers(&'k [&'k str]),
}

/// Renders the answer to a dry run: the changed tenants, and whether the change needs --force.
pub(crate) fn dry_run_text(answer: &Value, unchanged: UnchangedTenants<'_>, is_forced: bool) -> String {
    let mut text = preview(answer.get("preview").unwrap_or(&Value::Null), unchanged);
    if json::is(answer, "needs_force") && !is_forced {
        text.push_str("needs --force: more tenants change than `max_blast_radius` allows\n");
    }
    text
}

/// Renders the reason why a server rejects every change, if its answer to a dry run has one.
pub(crate) fn read_only_text(answer: &Value) -> Option<String> {
    let refusal = answer.get("read_only").filter(|refusal| refusal.is_object())?;
    let reasons = [RejectionReason {
        code: json::text(refusal, "code").unwrap_or_default(),
        detail: json::text(refusal, "detail").unwrap_or_default(),
        hint: json::text(refusal, "help"),
    }];
    let mut text = "this server rejects every change:\n".to_owned();
    // Writing to a string can't fail.
    let _ = write_reasons(&mut text, &reasons).and_then(|()| write_hints(&mut text, &reasons));
    text.truncate(text.trim_end().len());
    Some(text)
}

/// Renders a preview.
fn preview(preview: &Value, unchanged: UnchangedTenants<'_>) -> String {
    let count = |field| json::number(preview, field).unwrap_or_default();
    let (tenants, known) = (count("tenants_changed"), count("tenants_total"));
    let flips = json::list(preview, "decisions");
    let unknown = json::list(preview, "unknown_tenant");
    let mut text = match tenants {
        0 => format!("none of {} changes\n", counted(known, "tenant")),
        1 => format!("1 of {} changes:\n", counted(known, "tenant")),
        _ => format!("{tenants} of {} change:\n", counted(known, "tenant")),
    };
    // The lists for tenants and for tenants without a record share their columns.
    let flags = flag_column(flips.iter().chain(unknown));
    text.push_str(&listed(flips, flags));
    let listed_count = flips.len().min(MAX_FLIPS);
    let more = count("decisions_changed").saturating_sub(u64::try_from(listed_count).unwrap_or(u64::MAX));
    if more > 0 {
        text.push_str(&format!("  ... and {more} more (use --json for all)\n"));
    }
    if !unknown.is_empty() {
        text.push_str("tenants without a record:\n");
        text.push_str(&listed(unknown, flags));
    }
    match count("tenants_maybe_changed") {
        0 => {}
        more => text.push_str(&format!(
            "and users of {} may change, depending on their requests\n",
            counted(more, "more tenant")
        )),
    }
    text.push_str(&unchanged_lines(json::list(preview, "unchanged"), unchanged));
    if count("not_evaluated") > 0 {
        let unseen = count("not_evaluated");
        text.push_str(&format!(
            "too many to evaluate: {unseen} pairs of tenant and flag were left out\n"
        ));
    }
    text
}

/// The column of the flag in the list of changed decisions: hidden if all have the same flag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum FlagColumn {
    Hidden,
    Shown,
}

fn flag_column<'v>(flips: impl Iterator<Item = &'v Value>) -> FlagColumn {
    let mut flags: Vec<&str> = flips.filter_map(|flip| json::text(flip, "flag")).collect();
    flags.dedup();
    flags.sort_unstable();
    flags.dedup();
    if flags.len() > 1 {
        FlagColumn::Shown
    } else {
        FlagColumn::Hidden
    }
}

fn listed(flips: &[Value], flags: FlagColumn) -> String {
    let rows: Vec<[String; 4]> = flips
        .iter()
        .take(MAX_FLIPS)
        .map(|flip| row(flip, flags))
        .collect();
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let (names, keys, variants) = (width(0), width(1), width(2));
    let mut text = String::new();
    for [name, key, variant, why] in &rows {
        let key = match flags {
            FlagColumn::Hidden => String::new(),
            FlagColumn::Shown => format!("{key:keys$}   "),
        };
        text.push_str(&format!("  {name:names$}   {key}{variant:variants$}   {why}\n"));
    }
    text
}

fn row(flip: &Value, flags: FlagColumn) -> [String; 4] {
    let from = json::text(flip, "from").unwrap_or("nothing");
    let to = json::text(flip, "to").unwrap_or("nothing");
    let is_off = |variant: &str| matches!(variant, "off" | "nothing");
    let mark = match (is_off(from), is_off(to)) {
        (true, false) => '+',
        (false, true) => '-',
        _ => '~',
    };
    let tenant = match json::text(flip, "tenant") {
        Some(tenant) => printable(tenant),
        None => share(flip),
    };
    let flag = match flags {
        FlagColumn::Hidden => "",
        FlagColumn::Shown => json::text(flip, "flag").unwrap_or_default(),
    };
    [
        format!("{mark} {tenant}"),
        printable(flag),
        format!("{} -> {}", printable(from), printable(to)),
        format!("({})", printable(json::text(flip, "reason").unwrap_or_default())),
    ]
}

/// Returns the share of the tenants without a record: `any`, or `about 25 %`.
fn share(flip: &Value) -> String {
    match flip.get("share_percent").and_then(Value::as_f64) {
        None => "any".to_owned(),
        Some(percent) if percent < 1.0 => "fewer than 1 %".to_owned(),
        Some(percent) => format!("about {percent:.0} %"),
    }
}

/// Renders the unchanged tenants by tier: `not changed: 11 tenants of tier2 (9 not eligible at beta, 1 overridden)`.
fn unchanged_lines(groups: &[Value], unchanged: UnchangedTenants<'_>) -> String {
    let mut by_tier: BTreeMap<&str, Vec<(u64, &str)>> = BTreeMap::new();
    for group in groups {
        let tier = json::text(group, "tier").unwrap_or_default();
        let wanted = match unchanged {
            UnchangedTenants::All => true,
            UnchangedTenants::Tiers(tiers) => tiers.contains(&tier),
        };
        if wanted {
            let tenants = json::number(group, "tenants").unwrap_or_default();
            let why = json::text(group, "reason").unwrap_or_default();
            by_tier.entry(tier).or_default().push((tenants, why));
        }
    }
    let mut text = String::new();
    for (tier, whys) in by_tier.iter().take(MAX_TIERS) {
        let all = whys
            .iter()
            .fold(0_u64, |sum, (tenants, _)| sum.saturating_add(*tenants));
        let listed_count: Vec<String> = whys
            .iter()
            .map(|(tenants, why)| format!("{tenants} {}", printable(why)))
            .collect();
        let of = if tier.is_empty() {
            " of no tier".to_owned()
        } else {
            format!(" of {}", printable(tier))
        };
        text.push_str(&format!(
            "not changed: {}{of} ({})\n",
            counted(all, "tenant"),
            listed_count.join(", ")
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flip(tenant: &str, flag: &str, from: &str, to: &str, why: &str) -> Value {
        json!({ "tenant": tenant, "flag": flag, "from": from, "to": to, "cause": "tier", "reason": why })
    }

    #[test]
    fn a_preview_lists_changed_tenants_and_counts_the_others() {
        let answer = json!({
            "tenants_total": 214, "tenants_changed": 3, "decisions_changed": 3,
            "decisions": [
                flip("globex", "dispatch.v2Board", "off", "on", "tier tier2"),
                flip("hooli", "dispatch.v2Board", "off", "on", "tier tier2"),
                flip("soylent", "dispatch.v2Board", "off", "on", "tier tier2"),
            ],
            "unknown_tenant": [],
            "unchanged": [
                { "flag": "dispatch.v2Board", "tier": "tier1", "cause": "default", "reason": "default", "tenants": 200 },
                { "flag": "dispatch.v2Board", "tier": "tier2", "cause": "lifecycle", "reason": "not eligible at beta", "tenants": 9 },
                { "flag": "dispatch.v2Board", "tier": "tier2", "cause": "override", "reason": "overridden", "tenants": 1 },
                { "flag": "dispatch.v2Board", "tier": "tier2", "cause": "opt_out", "reason": "opted out", "tenants": 1 },
            ],
            "not_evaluated": 0,
        });
        assert_eq!(
            preview(&answer, UnchangedTenants::Tiers(&["tier2"])),
            "3 of 214 tenants change:\n\
             \x20 + globex    off -> on   (tier tier2)\n\
             \x20 + hooli     off -> on   (tier tier2)\n\
             \x20 + soylent   off -> on   (tier tier2)\n\
             not changed: 11 tenants of tier2 (9 not eligible at beta, 1 overridden, 1 opted out)\n"
        );
    }

    #[test]
    fn several_flags_are_named_and_losses_are_marked() {
        let answer = json!({
            "tenants_total": 1, "tenants_changed": 1, "decisions_changed": 3,
            "decisions": [
                flip("acme", "a", "on", "off", "not eligible at alpha"),
                flip("acme", "theme", "blue", "green", "default"),
            ],
            "unknown_tenant": [{ "flag": "a", "from": "on", "to": null, "reason": "not known" }],
        });
        assert_eq!(
            preview(&answer, UnchangedTenants::All),
            "1 of 1 tenant changes:\n\
             \x20 - acme   a       on -> off       (not eligible at alpha)\n\
             \x20 ~ acme   theme   blue -> green   (default)\n\
             \x20 ... and 1 more (use --json for all)\n\
             tenants without a record:\n\
             \x20 - any   a   on -> nothing   (not known)\n"
        );
    }

    #[test]
    fn shares_of_tenants_without_a_record_are_shown() {
        let with_share = |from: &str, share: f64| json!({ "flag": "board", "from": from, "to": "on", "reason": "rollout", "share_percent": share });
        let answer = json!({ "tenants_total": 3, "tenants_changed": 0,
            "unknown_tenant": [with_share("off", 24.7), with_share("trial", 0.4)] });
        assert_eq!(
            preview(&answer, UnchangedTenants::All),
            "none of 3 tenants changes\n\
             tenants without a record:\n\
             \x20 + about 25 %       off -> on     (rollout)\n\
             \x20 ~ fewer than 1 %   trial -> on   (rollout)\n"
        );
    }

    #[test]
    fn requests_that_may_change_and_a_need_of_force_are_shown() {
        let answer = json!({
            "needs_force": true,
            "preview": { "tenants_total": 12, "tenants_changed": 0, "tenants_maybe_changed": 12 },
        });
        assert_eq!(
            dry_run_text(&answer, UnchangedTenants::All, false),
            "none of 12 tenants changes\n\
             and users of 12 more tenants may change, depending on their requests\n\
             needs --force: more tenants change than `max_blast_radius` allows\n"
        );
        let answer = json!({ "needs_force": false, "preview": { "tenants_total": 12, "tenants_changed": 0, "tenants_maybe_changed": 1 } });
        assert_eq!(
            dry_run_text(&answer, UnchangedTenants::All, false),
            "none of 12 tenants changes\nand users of 1 more tenant may change, depending on their requests\n"
        );
    }

    #[test]
    fn a_preview_without_changes_is_one_line() {
        assert_eq!(
            preview(
                &json!({ "tenants_total": 2, "tenants_changed": 0 }),
                UnchangedTenants::All
            ),
            "none of 2 tenants changes\n"
        );
    }
}
