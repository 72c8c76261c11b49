//! Operations of flags: kill switch, lifecycle, tier defaults, sign-offs.

use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::form::Form;
use crate::pages::flag_path;
use crate::receipt::FormButton;
use crate::texts::text;

use super::operation::{Change, InvalidField, Operation, Words, fields, required};

/// The prefix of the fields of tier defaults; the tier follows.
const TIER_PREFIX: &str = "tier.";

/// The prefix of the fields of tier defaults as they were; the tier follows.
const TIER_BEFORE_PREFIX: &str = "was.";

/// The fields of an urgent promotion.
const URGENT_FIELDS: [&str; 3] = ["urgent_decision_maker", "urgent_incident", "urgent_reason"];

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "kill",
        sends: "killFlag",
        read: kill,
    },
    Operation {
        name: "kill-reason",
        sends: "killFlag",
        read: kill_reason,
    },
    Operation {
        name: "restore",
        sends: "restoreFlag",
        read: restore,
    },
    Operation {
        name: "state",
        sends: "setState",
        read: state,
    },
    Operation {
        name: "tiers",
        sends: "setTiers",
        read: tiers,
    },
    Operation {
        name: "sign-off",
        sends: "signOff",
        read: sign_off,
    },
    Operation {
        name: "open-incident",
        sends: "openIncident",
        read: open_incident,
    },
    Operation {
        name: "close-incident",
        sends: "closeIncident",
        read: close_incident,
    },
];

fn kill(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let mut body = Map::new();
    if let Some(incident) = form.text("incident") {
        body.insert("incident".to_owned(), Value::from(incident));
    }
    Ok(Change {
        words: Words::named("kill", flag),
        call: Call::post(&["platform", "feature-flags", flag, "kill"]).json(Value::Object(body)),
        back: flag_path(flag),
        undo: Some(FormButton {
            label: text("button-restore").into_owned(),
            fields: fields("restore", &[("flag", flag)]),
        }),
    })
}

/// Reads the reason of a kill, which may follow it: the flag is killed once more, with the reason.
fn kill_reason(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    required(form, "reason")?;
    Ok(Change {
        words: Words::named("kill-reason", flag),
        ..kill(form)?
    })
}

fn restore(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    Ok(Change {
        words: Words::named("restore", flag),
        call: Call::post(&["platform", "feature-flags", flag, "restore"]).json(json!({})),
        back: flag_path(flag),
        undo: None,
    })
}

fn state(form: &Form) -> Result<Change, InvalidField> {
    let (flag, to) = (required(form, "flag")?, required(form, "state")?);
    let mut body = Map::new();
    body.insert("state".to_owned(), Value::from(to));
    if let Some(default) = form.text("default") {
        body.insert("default".to_owned(), Value::from(default));
    }
    if form.is_checked("cascade") {
        body.insert("cascade".to_owned(), Value::from(true));
    }
    if let Some(incident) = form.text("incident") {
        body.insert("incident".to_owned(), Value::from(incident));
    }
    // Without one of the three the promotion would be an ordinary one, which nobody asked for.
    if URGENT_FIELDS.iter().any(|field| form.text(field).is_some()) {
        let urgent = json!({
            "decision_maker": required(form, "urgent_decision_maker")?,
            "incident": required(form, "urgent_incident")?,
            "reason": required(form, "urgent_reason")?,
        });
        body.insert("override".to_owned(), urgent);
    }
    Ok(Change {
        words: match to {
            "retired" => Words::named("retire", flag),
            to => Words::pair("state", flag, to),
        },
        call: Call::post(&["platform", "feature-flags", flag, "state"]).json(Value::Object(body)),
        back: flag_path(flag),
        undo: None,
    })
}

/// Reads tier defaults: a field for each tier, with a variant, or empty for none. Tiers whose default is as before are
/// left out.
fn tiers(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let mut tiers = Map::new();
    for (name, value) in form.all_with_prefix(TIER_PREFIX) {
        if form.raw(&format!("{TIER_BEFORE_PREFIX}{name}")) != Some(value) {
            tiers.insert(name.to_owned(), variant(value));
        }
    }
    Ok(Change {
        words: Words::named("tiers", flag),
        call: Call::put(&["platform", "feature-flags", flag, "tiers"]).json(json!({ "tiers": tiers })),
        back: format!("{}/tiers", flag_path(flag)),
        undo: None,
    })
}

/// Returns the name of a variant as documents write it: none is null.
fn variant(name: &str) -> Value {
    match name {
        "" => Value::Null,
        name => Value::from(name),
    }
}

fn sign_off(form: &Form) -> Result<Change, InvalidField> {
    let (flag, role) = (required(form, "flag")?, required(form, "role")?);
    Ok(Change {
        words: Words::pair("sign-off", flag, role),
        call: Call::post(&["platform", "feature-flags", flag, "sign-offs"]).json(json!({ "role": role })),
        back: flag_path(flag),
        undo: None,
    })
}

fn open_incident(form: &Form) -> Result<Change, InvalidField> {
    let (flag, incident) = (required(form, "flag")?, required(form, "incident")?);
    Ok(Change {
        words: Words::pair("open-incident", flag, incident),
        call: Call::post(&["platform", "feature-flags", flag, "incidents"])
            .json(json!({ "incident": incident })),
        back: flag_path(flag),
        undo: None,
    })
}

fn close_incident(form: &Form) -> Result<Change, InvalidField> {
    let (flag, incident) = (required(form, "flag")?, required(form, "incident")?);
    Ok(Change {
        words: Words::pair("close-incident", flag, incident),
        call: Call::post(&["platform", "feature-flags", flag, "incidents", "close"])
            .json(json!({ "incident": incident })),
        back: flag_path(flag),
        undo: None,
    })
}
