//! Compiles the exposure of a flag: the stages of a rollout plan in force.

use crate::{
    ExposureDefinition, StageDefinition,
    bounds::MAX_STAGES,
    bucket::{Bucketing, Salt},
    exposure::{Exposure, Stage},
    split::Serve,
};

use super::{
    FlagsCompiler,
    flag::{FlagContext, ON},
};

impl FlagsCompiler<'_> {
    /// Compiles an exposure. Its buckets are those of the flag's rollout, so that a plan moves no subject.
    pub(super) fn exposure(
        &mut self,
        context: &FlagContext<'_>,
        definition: &ExposureDefinition,
    ) -> Option<Exposure> {
        let (stages, site) = (&definition.stages.value, definition.stages.site);
        self.problems
            .limit(site, "stages in force", MAX_STAGES, stages.len());
        let by = self.by(definition.by.as_ref());
        let serve = match &definition.serve {
            Some(serve) => self.serve(context, serve),
            None => self
                .named_or(None, context.named, site, "exposure.serve", ON)
                .map(Serve::Variant),
        };
        // Every stage is compiled before a missing one returns, so that all problems are reported.
        let stages: Vec<Option<Stage>> = stages.iter().map(|stage| self.stage(stage)).collect();
        Some(Exposure {
            bucketing: Bucketing {
                salt: Salt::new(context.salt),
                by: by?,
            },
            serve: serve?,
            stages: stages.into_iter().collect::<Option<_>>()?,
            errors: definition.errors.as_slice().into(),
            breaker: definition.breaker,
        })
    }

    fn stage(&mut self, definition: &StageDefinition) -> Option<Stage> {
        let share = self.share(&definition.percentage);
        let audience = match &definition.audience {
            Some(audience) => self.condition(audience).map(Some),
            None => Some(None),
        };
        Some(Stage {
            name: definition.name.clone(),
            share: share?,
            audience: audience?,
        })
    }
}
