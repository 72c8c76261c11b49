//! Operations of tenants: overrides and the beta allowlist of a flag, for one tenant or for many; and their records.

use std::collections::BTreeSet;

use fluent_bundle::FluentArgs;
use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::attribute_lines;
use crate::form::Form;
use crate::pages::{flag_path, tenant_path};
use crate::receipt::FormButton;
use crate::texts::{text_n, text_named, text_with};

use super::operation::{Change, InvalidField, Operation, Words, fields, required};
use super::stale::{ATTRIBUTES_BEFORE, changed, is_changed};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "override",
        sends: "setOverride",
        read: set_override,
    },
    Operation {
        name: "remove-override",
        sends: "setOverride",
        read: remove_override,
    },
    Operation {
        name: "allow",
        sends: "allowBeta",
        read: allow,
    },
    Operation {
        name: "disallow",
        sends: "disallowBeta",
        read: disallow,
    },
    Operation {
        name: "record",
        sends: "patchOrg",
        read: record,
    },
];

/// Returns the one id in the field `tenant`, which may have commas; without it the ids in the field `tenants`, between white
/// space and commas, each once.
pub(crate) fn tenants(form: &Form) -> Result<Vec<&str>, InvalidField> {
    if let Some(id) = form.text("tenant") {
        return Ok(vec![id]);
    }
    let text = required(form, "tenants")?;
    let ids = text.split(|separator: char| separator.is_whitespace() || separator == ',');
    let mut seen = BTreeSet::new();
    let ids: Vec<&str> = ids.filter(|id| !id.is_empty() && seen.insert(*id)).collect();
    match ids.is_empty() {
        true => Err(InvalidField("tenants")),
        false => Ok(ids),
    }
}

/// Returns the tenants of a change in words.
fn in_words(ids: &[&str]) -> String {
    match ids {
        [id] => (*id).to_owned(),
        ids => text_n("tenants", u64::try_from(ids.len()).unwrap_or(u64::MAX)).into_owned(),
    }
}

/// Returns the tenants of a change that was named before, in words.
fn named_again(ids: &[&str]) -> String {
    match ids {
        [id] => (*id).to_owned(),
        ids => text_n("the-tenants", u64::try_from(ids.len()).unwrap_or(u64::MAX)).into_owned(),
    }
}

/// Reads an override to the name of a variant. `on` and `off` are names too: a flag with variants of its own may have one of
/// these names.
fn set_override(form: &Form) -> Result<Change, InvalidField> {
    let (flag, ids) = (required(form, "flag")?, tenants(form)?);
    let name = required(form, "variant")?;
    let arguments = [("name", flag), ("variant", name), ("to", &*in_words(&ids))];
    let arguments = FluentArgs::from_iter(arguments);
    let words = Words {
        title: text_with("change-override", &arguments).into_owned(),
        done: text_with("done-override", &arguments).into_owned(),
    };
    Ok(override_with(flag, &ids, Some(name), words))
}

fn remove_override(form: &Form) -> Result<Change, InvalidField> {
    let (flag, ids) = (required(form, "flag")?, tenants(form)?);
    let words = Words::pair("remove-override", flag, &in_words(&ids));
    Ok(override_with(flag, &ids, None, words))
}

/// Returns the change of the overrides of a flag for tenants; none removes them.
fn override_with(flag: &str, ids: &[&str], variant: Option<&str>, words: Words) -> Change {
    let call = match ids {
        [id] => {
            let body = match variant {
                Some(variant) => json!({ "variant": variant }),
                None => json!({ "enabled": null }),
            };
            Call::post(&["platform", "orgs", id, "feature-flags", flag]).json(body)
        }
        ids => {
            let record = json!({ "overrides": { flag: variant } });
            let records: Map<String, Value> =
                ids.iter().map(|id| ((*id).to_owned(), record.clone())).collect();
            patch_many(records)
        }
    };
    Change {
        words,
        call,
        back: format!("{}/tenants", flag_path(flag)),
        undo: None,
    }
}

/// Returns the request that changes the records of many tenants in one revision.
pub(crate) fn patch_many(records: Map<String, Value>) -> Call {
    Call::post(&["platform", "orgs:import"]).json(json!({ "mode": "patch", "tenants": records }))
}

fn allow(form: &Form) -> Result<Change, InvalidField> {
    let (flag, ids) = (required(form, "flag")?, tenants(form)?);
    Ok(Change {
        words: Words::pair("allow", flag, &in_words(&ids)),
        // For many tenants, `many_tenants` makes the request from their records.
        call: Call::put(&["platform", "orgs", ids.first().unwrap_or(&""), "beta", flag]),
        back: format!("{}/tenants", flag_path(flag)),
        undo: undo("disallow", "undo-allow", flag, &ids),
    })
}

fn disallow(form: &Form) -> Result<Change, InvalidField> {
    let (flag, ids) = (required(form, "flag")?, tenants(form)?);
    Ok(Change {
        words: Words::pair("disallow", flag, &in_words(&ids)),
        call: Call::delete(&["platform", "orgs", ids.first().unwrap_or(&""), "beta", flag]),
        back: format!("{}/tenants", flag_path(flag)),
        undo: undo("allow", "undo-disallow", flag, &ids),
    })
}

fn undo(operation: &str, label: &str, flag: &str, ids: &[&str]) -> Option<FormButton> {
    Some(FormButton {
        label: text_named(label, &named_again(ids)).into_owned(),
        fields: match ids {
            [id] => fields(operation, &[("flag", flag), ("tenant", id)]),
            ids => fields(operation, &[("flag", flag), ("tenants", &ids.join(" "))]),
        },
    })
}

/// Reads the changed fields of a record: tier, channel, and attributes as lines. Fields that are as on the page are left out:
/// others may have changed them since.
fn record(form: &Form) -> Result<Change, InvalidField> {
    let id = required(form, "tenant")?;
    let mut record = Map::new();
    for field in ["tier", "channel"] {
        if is_changed(form, field) {
            record.insert(
                field.to_owned(),
                form.text(field).map_or(Value::Null, Value::from),
            );
        }
    }
    if let Some(lines) = form.raw("attributes") {
        let before = form.raw(ATTRIBUTES_BEFORE).unwrap_or_default();
        let patch = attributes(lines, before)?;
        if !patch.is_empty() {
            record.insert("attributes".to_owned(), Value::Object(patch));
        }
    }
    Ok(Change {
        words: Words::named("record", id),
        call: Call::patch(&["platform", "orgs", id]).record(Value::Object(record)),
        back: tenant_path(id),
        undo: None,
    })
}

/// Returns the patch from the attributes before to the attributes of these lines: null removes one (RFC 7396).
fn attributes(lines: &str, before: &str) -> Result<Map<String, Value>, InvalidField> {
    let read = |lines| attribute_lines::parse(lines).ok_or(InvalidField("attributes"));
    let (before, after) = (read(before)?, read(lines)?);
    let patch = changed(&before, &after).into_iter().map(|name| {
        let value = after.get(name).cloned().unwrap_or(Value::Null);
        (name.clone(), value)
    });
    Ok(patch.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_tenants_has_each_once() {
        let form = Form::read(b"tenants=acme%0D%0Aglobex%2C+acme%20").unwrap();
        assert_eq!(tenants(&form), Ok(vec!["acme", "globex"]));
        assert_eq!(
            tenants(&Form::read(b"tenants=+%2C+").unwrap()),
            Err(InvalidField("tenants"))
        );
    }

    #[test]
    fn attributes_are_patched_by_lines() {
        let patch = attributes(
            "seats: 7\r\nregion: eu-west\ntags: [\"a\"]\nkept: true\n",
            "seats: 5\nplan: \"old\"\nkept: true",
        );
        let expected = json!({ "seats": 7, "plan": null, "region": "eu-west", "tags": ["a"] });
        assert_eq!(patch.map(Value::Object), Ok(expected));
        assert_eq!(attributes("seats", ""), Err(InvalidField("attributes")));
    }
}
