//! Operations of the admins of an org: opting in and out, and reporting a problem.

use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::console::Console;
use crate::form::Form;
use crate::org_names::OrgNames;
use crate::page::Section;
use crate::visitor::Visitor;

use super::operation::{Change, InvalidField, Operation, Words, required};

/// The name of the report of a problem.
pub(crate) const REPORT: &str = "report";
/// The fields of a report; the first one is needed.
pub(crate) const REPORT_FIELDS: [&str; 3] = ["cause", "text", "ticket"];

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "opt-in",
        sends: "optIn",
        read: opt_in,
    },
    Operation {
        name: "opt-out",
        sends: "optOut",
        read: opt_out,
    },
    Operation {
        name: REPORT,
        sends: "reportOfOrg",
        read: report,
    },
];

/// Returns true if a form asks for an operation of an org.
pub(crate) fn is_of_org(form: &Form) -> bool {
    let name = form.text("operation").unwrap_or_default();
    OPERATIONS.iter().any(|operation| operation.name == name)
}

/// Names the feature of an operation of an org as its page does; any other change stays as it is.
pub(crate) async fn name(console: &Console, visitor: &Visitor, form: &Form, change: Change) -> Change {
    let (Some(operation), true) = (form.text("operation"), is_of_org(form)) else {
        return change;
    };
    let (Some(org), Some(flag)) = (form.text("org"), form.text("flag")) else {
        return change;
    };
    let names = OrgNames::read(console, visitor, org, [flag]).await;
    Change {
        words: Words::named(operation, &names.name(flag)),
        ..change
    }
}

fn opt_in(form: &Form) -> Result<Change, InvalidField> {
    choose(form, "opt-in")
}

fn opt_out(form: &Form) -> Result<Change, InvalidField> {
    choose(form, "opt-out")
}

fn choose(form: &Form, choice: &str) -> Result<Change, InvalidField> {
    let (org, flag) = (required(form, "org")?, required(form, "flag")?);
    Ok(Change {
        words: Words::named(choice, flag),
        call: Call::post(&["orgs", org, "feature-flags", flag, choice]).json(json!({})),
        back: Section::Org.path().to_owned(),
        undo: None,
    })
}

/// Reads a report. A cause that is missing is sent as an empty one, so that the answer explains it like any other
/// invalid cause.
fn report(form: &Form) -> Result<Change, InvalidField> {
    let (org, flag) = (required(form, "org")?, required(form, "flag")?);
    let mut body = Map::from_iter([("cause".to_owned(), Value::from(""))]);
    for field in REPORT_FIELDS {
        if let Some(value) = form.text(field) {
            body.insert(field.to_owned(), Value::from(value));
        }
    }
    Ok(Change {
        words: Words::named(REPORT, flag),
        call: Call::post(&["orgs", org, "feature-flags", flag, "reports"]).json(Value::Object(body)),
        back: Section::Org.path().to_owned(),
        undo: None,
    })
}
