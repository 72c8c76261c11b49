//! Operations of rollout plans.

use serde_json::{Map, Value, json};

use crate::admin_api::Call;
use crate::form::Form;
use crate::receipt::FormButton;
use crate::texts::text;

use super::operation::{Change, InvalidField, Operation, Words, fields, required};
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
/// `words` is that of [`Words::named`].
fn of_plan(flag: &str, words: &str, call: Call) -> Change {
    Change {
        words: Words::named(words, flag),
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
fn plain(form: &Form, operation: &str, words: &str) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let call = Call::post(&path(flag, operation)).json(json!({}));
    Ok(of_plan(flag, words, call))
}

fn set_plan(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    // The text as it was written: its lines are named by problems.
    let plan = form.raw("document").filter(|plan| !plan.trim().is_empty());
    let plan = plan.ok_or(InvalidField("document"))?;
    let call = Call::put(&path(flag, "plan")).document(plan);
    Ok(of_plan(flag, "rollout-plan", call))
}

fn remove_plan(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let call = Call::delete(&path(flag, "plan"));
    Ok(of_plan(flag, "rollout-remove-plan", call))
}

fn approve(form: &Form) -> Result<Change, InvalidField> {
    let (flag, role) = (required(form, "flag")?, required(form, "role")?);
    let call = Call::post(&path(flag, "approve")).json(json!({ "role": role }));
    Ok(Change {
        words: Words::pair("rollout-approve", flag, role),
        ..of_plan(flag, "rollout-approve", call)
    })
}

/// Reads an item of the checklist: done, or open again.
fn check(form: &Form) -> Result<Change, InvalidField> {
    let (flag, item) = (required(form, "flag")?, required(form, "item")?);
    let is_done = !form.is_checked("open");
    let call = Call::post(&path(flag, "check")).json(json!({ "item": item, "done": is_done }));
    let (words, label, undo) = match is_done {
        true => ("rollout-check", "button-rollout-uncheck", ("open", "true")),
        false => ("rollout-uncheck", "button-rollout-check", ("open", "")),
    };
    Ok(Change {
        words: Words::pair(words, flag, item),
        undo: Some(FormButton {
            label: text(label).into_owned(),
            fields: fields("rollout-check", &[("flag", flag), ("item", item), undo]),
        }),
        ..of_plan(flag, words, call)
    })
}

fn start(form: &Form) -> Result<Change, InvalidField> {
    plain(form, "start", "rollout-start")
}

fn pause(form: &Form) -> Result<Change, InvalidField> {
    let undo = FormButton {
        label: text("button-rollout-resume").into_owned(),
        fields: fields("rollout-resume", &[("flag", required(form, "flag")?)]),
    };
    Ok(Change {
        undo: Some(undo),
        ..plain(form, "pause", "rollout-pause")?
    })
}

fn resume(form: &Form) -> Result<Change, InvalidField> {
    let undo = FormButton {
        label: text("button-rollout-pause").into_owned(),
        fields: fields("rollout-pause", &[("flag", required(form, "flag")?)]),
    };
    Ok(Change {
        undo: Some(undo),
        ..plain(form, "resume", "rollout-resume")?
    })
}

/// Reads an advance, which can skip the conditions of the stage.
fn advance(form: &Form) -> Result<Change, InvalidField> {
    let change = plain(form, "advance", "rollout-advance")?;
    Ok(match form.is_checked("skip_conditions") {
        true => Change {
            words: Words::named("rollout-skip", required(form, "flag")?),
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
    Ok(of_plan(flag, "rollout-rollback", call))
}

fn cancel(form: &Form) -> Result<Change, InvalidField> {
    plain(form, "cancel", "rollout-cancel")
}

/// Reads a tick: it does no more than the controller does by itself, so there is nothing to preview.
fn tick(form: &Form) -> Result<Change, InvalidField> {
    let flag = required(form, "flag")?;
    let call = Call::post(&path(flag, "tick")).without_preview();
    Ok(of_plan(flag, "rollout-tick", call))
}
