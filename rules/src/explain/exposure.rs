//! The stages of a rollout plan in force, as an explanation states them.

use super::{Explainer, clauses, figures, split, split::SplitTrace};
use crate::Cause;

impl Explainer<'_> {
    /// Adds line 12 while stages are in force: a step for each stage, and one for a subject that they hold back.
    pub(super) fn exposure(&mut self) {
        let evaluation = self.evaluation;
        let (flag, flags, subject) = (evaluation.flag, evaluation.flags, evaluation.subject);
        let Some(exposure) = flag.exposure.as_deref() else {
            return;
        };
        let found = evaluation.exposure();
        let by = clauses::attribute_name(flags, exposure.bucketing.by);
        let bucket = exposure.bucketing.bucket(flags, subject).map(figures::bucket);
        let place_in_split = SplitTrace::of(&exposure.serve, flags, subject);
        for (place, stage) in exposure.stages.iter().enumerate() {
            let asked = format!(
                "stage {} {} % by {by}",
                stage.name,
                f64::from(stage.share) / 1_000.0
            );
            let found =
                found.filter(|found| found.cause == Cause::Rollout && usize::from(found.place) == place);
            let answer = match (&bucket, found) {
                (None, _) => format!("no usable id in {by}"),
                (Some(bucket), Some(decision)) => {
                    let (split, variant) = (place_in_split.bucket(), self.variant(decision.variant));
                    format!("bucket {bucket}, in, {split}serves {variant}")
                }
                (Some(bucket), None) => format!("bucket {bucket}, not in"),
            };
            let note = match stage.is_in_audience(flags, subject) {
                true => split::note(&exposure.serve, flags),
                false => "not in its audience".to_owned(),
            };
            let mut clauses = Vec::new();
            if let Some(audience) = &stage.audience {
                clauses::trace(audience, flags, subject, &mut clauses);
            }
            let step = self.step(Cause::Rollout, asked, found, answer);
            step.clauses = clauses;
            step.note = note;
        }
        if let Some(found) = found.filter(|found| found.cause == Cause::HeldBack) {
            let answer = match flag.stage_name(found.place) {
                Some(stage) => format!("in the audience of stage {stage} and not admitted"),
                None => "in the audience of a stage, without an id for its bucket".to_owned(),
            };
            self.step(Cause::HeldBack, "held back", Some(found), answer);
        }
    }
}
