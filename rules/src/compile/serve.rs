//! Compiles what is served: one variant, or a split by weights that add up to 100 percent.

use crate::{
    Name, Noun, ProblemKind, ServeDefinition, Site, Sited, VariantId,
    bucket::{BUCKETS, Bucketing, SPLIT_SUFFIX, Salt},
    split::{Serve, Split},
    subject::AttributeRef,
};

use super::{Compiler, flag::Context};

impl Compiler<'_> {
    pub(super) fn serve(
        &mut self,
        context: &Context<'_>,
        serve: &Sited<ServeDefinition<'_>>,
    ) -> Option<Serve> {
        match &serve.value {
            ServeDefinition::Variant(name) => self.problems.variant(context.named, name).map(Serve::Variant),
            ServeDefinition::Split { weights, by } => {
                let bounds = self.bounds(context, serve.site, weights)?;
                let salt = Salt::new(&format!("{}{SPLIT_SUFFIX}", context.salt));
                Some(Serve::Split(Split {
                    bucketing: Bucketing {
                        salt,
                        by: self.by(by.as_ref())?,
                    },
                    bounds,
                }))
            }
        }
    }

    fn bounds(
        &mut self,
        context: &Context<'_>,
        site: Site,
        weights: &[(Name<'_>, Sited<f64>)],
    ) -> Option<Box<[(u32, VariantId)]>> {
        self.problems
            .duplicates(Noun::Variant, weights.iter().map(|(name, _)| name));
        let parts: Vec<_> = weights
            .iter()
            .map(|(name, weight)| Some((self.share(weight), self.problems.variant(context.named, name))))
            .collect();
        let mut upper = 0_u32;
        let mut bounds = Vec::with_capacity(parts.len());
        for (share, variant) in parts.into_iter().flatten() {
            upper = upper.saturating_add(share?);
            bounds.push((upper, variant?));
        }
        if weights.is_empty() {
            // Its shape is told of already.
            return None;
        }
        if upper != BUCKETS {
            self.problems.report(
                site,
                ProblemKind::WeightSum {
                    sum: f64::from(upper) / 1_000.0,
                },
            );
            return None;
        }
        Some(bounds.into())
    }

    /// A percentage in thousandths of a percent.
    pub(super) fn share(&mut self, percentage: &Sited<f64>) -> Option<u32> {
        let found = percentage.value;
        if !(0.0..=100.0).contains(&found) {
            self.problems
                .report(percentage.site, ProblemKind::PercentageRange { found });
            return None;
        }
        let thousandths = (found * 1_000.0).round();
        // A literal of up to three decimals is the double nearest to its thousandths.
        if (thousandths / 1_000.0).to_bits() != found.abs().to_bits() {
            self.problems
                .report(percentage.site, ProblemKind::PercentageTooFine { found });
            return None;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a whole number from 0 to 100,000"
        )]
        Some(thousandths as u32)
    }

    pub(super) fn by(&mut self, by: Option<&Name<'_>>) -> Option<AttributeRef> {
        by.map_or(Some(AttributeRef::Tenant), |name| self.attribute(&name.value))
    }
}
