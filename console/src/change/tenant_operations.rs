//! Operations of one tenant and one flag: overrides, and the beta allowlist.

use serde_json::json;

use crate::admin_api::Call;
use crate::form::Form;
use crate::receipt::FormButton;
use crate::texts::{text, text_pair};

use super::flag_operations::page_of;
use super::operation::{Change, InvalidField, Operation, fields, required};

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "override",
        api: "setOverride",
        read: set_override,
    },
    Operation {
        name: "allow",
        api: "allowBeta",
        read: allow,
    },
    Operation {
        name: "disallow",
        api: "disallowBeta",
        read: disallow,
    },
];

/// Reads an override: a variant, or none to remove it.
fn set_override(form: &Form) -> Result<Change, InvalidField> {
    let (flag, tenant) = (required(form, "flag")?, required(form, "tenant")?);
    let body = match form.text("variant") {
        None => json!({ "enabled": null }),
        Some("on") => json!({ "enabled": true }),
        Some("off") => json!({ "enabled": false }),
        Some(variant) => json!({ "variant": variant }),
    };
    Ok(Change {
        title: text_pair("change-override", flag, tenant).into_owned(),
        call: Call::post(&["platform", "orgs", tenant, "feature-flags", flag]).json(body),
        back: format!("{}/tenants", page_of(flag)),
        undo: None,
    })
}

fn allow(form: &Form) -> Result<Change, InvalidField> {
    let (flag, tenant) = (required(form, "flag")?, required(form, "tenant")?);
    Ok(Change {
        title: text_pair("change-allow", flag, tenant).into_owned(),
        call: Call::put(&["platform", "orgs", tenant, "beta", flag]),
        back: format!("{}/tenants", page_of(flag)),
        undo: Some(FormButton {
            label: text("button-disallow").into_owned(),
            fields: fields("disallow", &[("flag", flag), ("tenant", tenant)]),
        }),
    })
}

fn disallow(form: &Form) -> Result<Change, InvalidField> {
    let (flag, tenant) = (required(form, "flag")?, required(form, "tenant")?);
    Ok(Change {
        title: text_pair("change-disallow", flag, tenant).into_owned(),
        call: Call::delete(&["platform", "orgs", tenant, "beta", flag]),
        back: format!("{}/tenants", page_of(flag)),
        undo: Some(FormButton {
            label: text("button-allow").into_owned(),
            fields: fields("allow", &[("flag", flag), ("tenant", tenant)]),
        }),
    })
}
