//! The section of a record about the rollback: triggers, effect, steps, and its exercises so far.

use changes::timestamp;
use config::{CheckAction, Rollback};

use super::Facts;
use crate::api::markdown::{MarkdownText, code, plain};

impl Facts<'_> {
    /// Adds the section to the text.
    pub(super) fn rollback(&self, text: &mut MarkdownText) {
        let flag = self.flag;
        text.heading(2, "5. Rollback");
        let checks = self.managed.plan.checks.iter();
        let triggers: Vec<String> = checks
            .filter(|check| check.then == CheckAction::Rollback)
            .map(|check| code(&check.name))
            .collect();
        text.paragraph(&match triggers.is_empty() {
            true => "No check of the plan rolls back by itself: people decide.".to_owned(),
            false => format!("These checks roll back by themselves: {}.", triggers.join(", ")),
        });
        text.paragraph(&format!("Effect: {}.", effect_text(self.managed.plan.rollback)));
        text.paragraph("Steps:");
        text.gap();
        let steps = [
            format!(
                "`sluice rollout rollback {flag} --reason TEXT`; in an emergency `sluice flags kill {flag} --reason TEXT`"
            ),
            format!(
                "`sluice flags show {flag}`: verify that it is off; the command above answers when the change is active"
            ),
            "Watch the error rate until it is as before".to_owned(),
            format!("When the cause is removed: `sluice flags restore {flag}`, and set the plan again"),
        ];
        for (number, step) in (1..).zip(&steps) {
            text.step(number, step);
        }
        text.paragraph("Last exercised:");
        text.gap();
        match self.exercises {
            Some([]) => {
                let mark = text.missing(
                    "an exercise of the rollback: nobody has killed, reverted or rolled back the flag",
                );
                text.item(&format!(
                    "{mark}: the audit log has no kill, revert or rollback of the flag"
                ));
            }
            Some(exercises) => {
                for exercise in exercises {
                    let why = exercise
                        .reason
                        .as_deref()
                        .map_or(String::new(), |why| format!(": {}", plain(why)));
                    let at = timestamp::minute(exercise.at);
                    text.item(&format!("{at} {} by {}{why}", exercise.step, plain(&exercise.by)));
                }
            }
            None => {
                let mark = text.missing("the exercises of the rollback: the audit log cannot be read");
                text.item(&mark);
            }
        }
    }
}

fn effect_text(rollback: Rollback) -> &'static str {
    match rollback {
        Rollback::Kill => "the flag is killed: off for everyone",
        Rollback::Exposure => "the percentages of the stages become 0; overrides and pilots keep the flag",
        Rollback::Previous => "the stage before is in force again",
    }
}
