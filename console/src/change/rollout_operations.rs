//! Operations of rollout plans.

use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::form::Form;
use crate::receipt::FormButton;
use crate::texts::{text, text_named, text_pair};

use super::operation::{Change, InvalidField, Operation, fields, required};
use crate::pages::flag_path;

pub(crate) const OPERATIONS: &[Operation] = &[
    Operation {
        name: "rollout-plan",
        sends: "setRolloutPlan",
        read: set_plan,
    },
    Operation {
        name: "rollout-remove-plan",
        sends: "removeRolloutPlan",
        read: remove_plan,
    },
    Operation {
        name: "rollout-approve",
        sends: "approveRolloutPlan",
        read: approve,
    },
    Operation {
        name: "rollout-check",
        sends: "checkRolloutItem",
        read: check,
    },
    Operation {
        name: "rollout-start",
        sends: "startRollout",
        read: start,
    },
    Operation {
        name: "rollout-pause",
        sends: "pauseRollout",
        read: pause,
    },
    Operation {
        name: "rollout-resume",
        sends: "resumeRollout",
        read: resume,
    },
    Operation {
        name: "rollout-advance",
        sends: "advanceRollout",
        read: advance,
    },
    Operation {
        name: "rollout-rollback",
        sends: "rollBackRollout",
        read: roll_back,
    },
    Operation {
        name: "rollout-cancel",
        sends: "cancelRollout",
        read: cancel,
    },
    Operation {
        name: "rollout-tick",
        sends: "tickRollout",
        read: tick,
    },
];

/// Returns the change of the plan of a flag.
fn of_plan(flag: &str, title: &str, call: Call) -> Change {
    Change {
        title: text_named(title, flag).into_owned(),
        call,
        back: format!("{}/rollout", flag_path(flag)),
        undo: None,
    }
}

/// Returns the path of an operation of a plan.
fn path<'p>(flag: &'p str, operation: &'p str) -> [&'p str; 5] {
    ["platform", "feature-flags", flag, "rollout", operation]
}

/// Reads an operation whose body has no more than the reason.
fn plain(form: &Form, operation: &str, title: &str) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let call = Call::post(&path(flag, operation)).json(json!({}));
    Ok(of_plan(flag, title, call))
}

fn set_plan(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    // The text as it was written: its lines are named by problems.
    let plan = form.raw("document").filter(|plan| !plan.trim().is_empty());
    let plan = plan.ok_or(InvalidField("document"))?;
    let call = Call::put(&path(flag, "plan")).document(plan);
    Ok(of_plan(flag, "change-rollout-plan", call))
}

fn remove_plan(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let call = Call::delete(&path(flag, "plan"));
    Ok(of_plan(flag, "change-rollout-remove-plan", call))
}

fn approve(form: &Form) -> Result<Change, InvalidField> {
    let (flag, role) = (required(form, "flag")?, required(form, "role")?);
    let call = Call::post(&path(flag, "approve")).json(json!({ "role": role }));
    Ok(Change {
        title: text_pair("change-rollout-approve", flag, role).into_owned(),
        ..of_plan(flag, "change-rollout-approve", call)
    })
}

/// Reads an item of the checklist: done, or open again.
fn check(form: &Form) -> Result<Change, InvalidField> {
    let (flag, item) = (required(form, "flag")?, required(form, "item")?);
    let is_done = !form.is_checked("open");
    let call = Call::post(&path(flag, "check")).json(json!({ "item": item, "done": is_done }));
    let (title, label, undo) = match is_done {
        true => ("change-rollout-check", "button-rollout-uncheck", ("open", "true")),
        false => ("change-rollout-uncheck", "button-rollout-check", ("open", "")),
    };
    Ok(Change {
        title: text_pair(title, flag, item).into_owned(),
        undo: Some(FormButton {
            label: text(label).into_owned(),
            fields: fields("rollout-check", &[("flag", flag), ("item", item), undo]),
        }),
        ..of_plan(flag, title, call)
    })
}

fn start(form: &Form) -> Result<Change, InvalidField> {
    plain(form, "start", "change-rollout-start")
}

fn pause(form: &Form) -> Result<Change, InvalidField> {
    let undo = FormButton {
        label: text("button-rollout-resume").into_owned(),
        fields: fields("rollout-resume", &[("flag", required(form, "flag")?)]),
    };
    Ok(Change {
        undo: Some(undo),
        ..plain(form, "pause", "change-rollout-pause")?
    })
}

fn resume(form: &Form) -> Result<Change, InvalidField> {
    let undo = FormButton {
        label: text("button-rollout-pause").into_owned(),
        fields: fields("rollout-pause", &[("flag", required(form, "flag")?)]),
    };
    Ok(Change {
        undo: Some(undo),
        ..plain(form, "resume", "change-rollout-resume")?
    })
}

/// Reads an advance, which can skip the conditions of the stage.
fn advance(form: &Form) -> Result<Change, InvalidField> {
    let change = plain(form, "advance", "change-rollout-advance")?;
    Ok(match form.is_checked("skip_conditions") {
        true => Change {
            title: text_named("change-rollout-skip", required(form, "flag")?).into_owned(),
            call: change.call.forced(),
            ..change
        },
        false => change,
    })
}

/// Reads a rollback; without an effect it has that of the plan.
fn roll_back(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let mut body = Map::new();
    if let Some(effect) = form.text("to") {
        body.insert("to".to_owned(), Value::from(effect));
    }
    let call = Call::post(&path(flag, "rollback")).json(Value::Object(body));
    Ok(of_plan(flag, "change-rollout-rollback", call))
}

fn cancel(form: &Form) -> Result<Change, InvalidField> {
    plain(form, "cancel", "change-rollout-cancel")
}

/// Reads a tick: it does no more than the controller does by itself, so there is nothing to preview.
fn tick(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let call = Call::post(&path(flag, "tick")).without_preview();
    Ok(of_plan(flag, "change-rollout-tick", call))
}
