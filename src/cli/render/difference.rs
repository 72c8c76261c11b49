//! The difference that an applied document makes: added, changed, removed and unchanged parts.

use serde_json::Value;

use super::json;
use crate::printable::printable;

/// Largest number of parts of each sort in the output; the others are counted.
const MAX_PARTS: usize = 200;

/// The sorts of parts: field of the answer, mark, and words of the summary.
const SORTS: [(&str, char, &str); 4] = [
    ("added", '+', "to add"),
    ("changed", '~', "to change"),
    ("removed", '-', "to remove"),
    ("kept_by_operators", '=', "kept by operators"),
];

/// Renders a difference.
pub(crate) fn difference(difference: &Value) -> String {
    let mut text = String::new();
    let mut sums = Vec::new();
    for (field, mark, words) in SORTS {
        let parts = json::list(difference, field);
        for part in parts.iter().take(MAX_PARTS) {
            let is_new = field == "kept_by_operators" && is_new_flag(difference, part);
            text.push_str(&line(mark, part, is_new));
        }
        let more = parts.len().saturating_sub(MAX_PARTS);
        if more > 0 {
            text.push_str(&format!("  {mark} ... and {more} more\n"));
        }
        if !parts.is_empty() {
            sums.push(format!("{} {words}", parts.len()));
        }
    }
    if is_empty(difference) {
        text.push_str("nothing to change\n");
    } else {
        text.push_str(&format!("{}\n", sums.join(", ")));
    }
    text
}

/// Returns true if the document changes nothing. A part that operators keep is not a change.
pub(crate) fn is_empty(difference: &Value) -> bool {
    ["added", "changed", "removed"]
        .iter()
        .all(|field| json::list(difference, field).is_empty())
}

/// Returns true for a flag that the document adds.
fn is_new_flag(difference: &Value, part: &Value) -> bool {
    let key = |part: &Value| json::text(part, "name").map(str::to_owned);
    let is_flag = |part: &Value| json::text(part, "section") == Some("flag");
    let mut added = json::list(difference, "added")
        .iter()
        .filter(|added| is_flag(added));
    is_flag(part) && added.any(|added| key(added) == key(part))
}

/// Returns the words for a field of a new flag that is not as the document has it.
fn start_of(field: String) -> String {
    match &*field {
        "lifecycle" => "starts as alpha (--adopt keeps the lifecycle of the document)".to_owned(),
        "enabled" => "starts killed, as it was when it was removed".to_owned(),
        _ => field,
    }
}

fn line(mark: char, part: &Value, is_new: bool) -> String {
    let section = json::text(part, "section").unwrap_or_default();
    let name = printable(json::text(part, "name").unwrap_or_default());
    let what = match section {
        "head" => "head of the document".to_owned(),
        section => format!("{:7} {name}", printable(section)),
    };
    let fields = json::list(part, "fields").iter().map(json::word);
    let fields: Vec<String> = match is_new {
        true => fields.map(start_of).collect(),
        false => fields.collect(),
    };
    match fields.is_empty() {
        true => format!("  {mark} {what}\n"),
        false => format!("  {mark} {what}: {}\n", printable(&fields.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_difference_is_rendered_as_a_plan() {
        let answer = json!({
            "added": [{ "section": "flag", "name": "reports.export" }, { "section": "tenant", "name": "acme" }],
            "changed": [
                { "section": "head", "name": "", "fields": ["tiers"] },
                { "section": "flag", "name": "dispatch.v2Board", "fields": ["description", "rules"] },
            ],
            "removed": [{ "section": "segment", "name": "dach" }],
            "kept_by_operators": [{ "section": "flag", "name": "dispatch.v2Board", "fields": ["lifecycle", "tiers"] }],
        });
        assert_eq!(
            difference(&answer),
            "\x20 + flag    reports.export\n\
             \x20 + tenant  acme\n\
             \x20 ~ head of the document: tiers\n\
             \x20 ~ flag    dispatch.v2Board: description, rules\n\
             \x20 - segment dach\n\
             \x20 = flag    dispatch.v2Board: lifecycle, tiers\n\
             2 to add, 2 to change, 1 to remove, 1 kept by operators\n"
        );
    }

    #[test]
    fn a_new_flag_is_shown_with_the_state_it_starts_in() {
        let kept = |fields: &[&str]| json!([{ "section": "flag", "name": "export", "fields": fields }]);
        for (fields, expected) in [
            (
                &["lifecycle"][..],
                "starts as alpha (--adopt keeps the lifecycle of the document)",
            ),
            (&["enabled"], "starts killed, as it was when it was removed"),
        ] {
            let answer = json!({
                "added": [{ "section": "flag", "name": "export" }],
                "kept_by_operators": kept(fields),
            });
            let text = difference(&answer);
            let line = format!("  + flag    export\n  = flag    export: {expected}\n");
            assert!(text.starts_with(&line), "{text}");
        }
        // A segment of the same name is another part.
        let answer = json!({
            "added": [{ "section": "segment", "name": "export" }],
            "kept_by_operators": kept(&["lifecycle"]),
        });
        assert!(difference(&answer).contains("  = flag    export: lifecycle\n"));
    }

    #[test]
    fn a_part_kept_by_operators_is_not_a_change() {
        let answer =
            json!({ "kept_by_operators": [{ "section": "tenant", "name": "acme", "fields": ["tier"] }] });
        assert!(is_empty(&answer));
        assert_eq!(difference(&answer), "  = tenant  acme: tier\nnothing to change\n");
    }
}
