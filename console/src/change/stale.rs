//! Forms of pages that were loaded before others changed what they show. Fields of a form that begin with `was.` have the
//! values that its page showed: a field that others changed since is not overwritten before the visitor has seen it.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

use crate::admin_api::Call;
use crate::answers::{Rollout, Tenant};
use crate::attribute_lines::{self, Attributes};
use crate::console::Console;
use crate::filters::shown_bytes;
use crate::form::Form;
use crate::problem::Problem;
use crate::texts::text;
use crate::visitor::Visitor;

/// The field with the digest of the plan that the page showed.
const PLAN_BEFORE: &str = "was.document";
/// The field with the attributes that the page showed.
pub(crate) const ATTRIBUTES_BEFORE: &str = "attributes_before";
/// The longest plan of others that a page shows, in bytes with its escapes.
const MAX_PLAN_BYTES: usize = 48 * 1_024;
/// The digest of no plan.
pub(crate) const NO_PLAN: &str = "none";

/// A field that others changed since the page of the form was loaded.
pub(crate) struct StaleField {
    /// The field, in words.
    pub(crate) label: String,
    /// Its present value; none if it has none.
    pub(crate) now: Option<String>,
    /// True for a text of several lines.
    pub(crate) is_long: bool,
}

/// Returns the digest of a plan, by which a form names the plan that its page showed.
pub(crate) fn plan_digest(plan: &Value) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, plan.to_string().as_bytes()))
}

/// Returns the fields that the form changes and that others changed since its page was loaded. The form gets their present
/// values as those of its page, so that it is accepted when it is sent again.
///
/// # Errors
/// The present values can't be read.
pub(crate) async fn find(
    console: &Console,
    visitor: &Visitor,
    form: &mut Form,
) -> Result<Vec<StaleField>, Problem> {
    match (form.text("operation"), form.text("tenant"), form.text("flag")) {
        (Some("record"), Some(tenant), _) => {
            let call = Call::get(&["platform", "orgs", tenant]);
            let tenant = console.api.request::<Tenant>(visitor, call).await?.body;
            Ok(of_record(form, &tenant))
        }
        (Some("rollout-plan"), _, Some(flag)) if form.raw(PLAN_BEFORE).is_some() => {
            let call = Call::get(&["platform", "feature-flags", flag, "rollout"]);
            match console.api.request::<Rollout>(visitor, call).await {
                Ok(answer) => Ok(of_plan(form, Some(&answer.body.plan))),
                Err(problem) if problem.code == "PLAN_NOT_FOUND" => Ok(of_plan(form, None)),
                Err(problem) => Err(problem),
            }
        }
        _ => Ok(Vec::new()),
    }
}

fn of_plan(form: &mut Form, plan: Option<&Value>) -> Vec<StaleField> {
    let now = plan.map_or_else(|| NO_PLAN.to_owned(), plan_digest);
    if form.raw(PLAN_BEFORE) == Some(&*now) {
        return Vec::new();
    }
    form.set(PLAN_BEFORE, now);
    vec![StaleField {
        label: text("rollout-plan").into_owned(),
        now: plan
            .and_then(|plan| serde_json::to_string_pretty(plan).ok())
            .map(|plan| match shown_bytes(&plan) > MAX_PLAN_BYTES {
                true => text("rollout-plan-long").into_owned(),
                false => plan,
            }),
        is_long: true,
    }]
}

fn of_record(form: &mut Form, tenant: &Tenant) -> Vec<StaleField> {
    let mut stale = Vec::new();
    let fields = [
        ("tier", "column-tier", tenant.tier.as_deref().unwrap_or_default()),
        ("channel", "column-channel", tenant.channel()),
    ];
    for (name, label, now) in fields {
        let before = format!("was.{name}");
        let is_stale = is_changed(form, name) && form.raw(&before).is_some_and(|before| before != now);
        if is_stale {
            form.set(&before, now.to_owned());
            stale.push(StaleField {
                label: text(label).into_owned(),
                now: Some(now.to_owned()).filter(|now| !now.is_empty()),
                is_long: false,
            });
        }
    }
    let lines = [ATTRIBUTES_BEFORE, "attributes"].map(|name| form.raw(name).and_then(attribute_lines::parse));
    if let [Some(before), Some(after)] = lines {
        let mut seen = before.clone();
        for name in changed(&before, &after) {
            let now = tenant.attributes.get(name);
            if before.get(name) != now {
                match now {
                    Some(now) => seen.insert(name.clone(), now.clone()),
                    None => seen.remove(name),
                };
                stale.push(StaleField {
                    label: name.clone(),
                    now: now.map(Value::to_string),
                    is_long: false,
                });
            }
        }
        if seen != before {
            form.set(ATTRIBUTES_BEFORE, attribute_lines::print(&seen));
        }
    }
    stale
}

/// Returns true if a form changes a field: it has another value than that of its page.
pub(crate) fn is_changed(form: &Form, name: &str) -> bool {
    let value = form.raw(name);
    value.is_some() && value.map(str::trim) != form.raw(&format!("was.{name}"))
}

/// Returns the names of the attributes that differ.
pub(crate) fn changed<'a>(before: &'a Attributes, after: &'a Attributes) -> Vec<&'a String> {
    let removed = before.keys().filter(|name| !after.contains_key(*name));
    let set = after
        .iter()
        .filter(|(name, value)| before.get(*name) != Some(value));
    removed.chain(set.map(|(name, _)| name)).collect()
}
