//! Compiles what is served: one variant, or a split by weights that add up to 100 percent.

use crate::{
    Decimal, Name, Noun, ProblemKind, ServeDefinition, Site, Sited, Spelled, VariantId,
    bucket::{BUCKETS, Bucketing, SPLIT_SUFFIX, Salt},
    split::{Serve, Split},
    subject::AttributeRef,
};

use super::{FlagsCompiler, flag::FlagContext};

impl FlagsCompiler<'_> {
    pub(super) fn serve(
        &mut self,
        context: &FlagContext<'_>,
        serve: &Sited<ServeDefinition>,
    ) -> Option<Serve> {
        match &serve.value {
            ServeDefinition::Variant(name) => self.problems.variant(context.named, name).map(Serve::Variant),
            ServeDefinition::Split { weights, by } => {
                let bounds = self.bounds(context, serve.site, weights)?;
                let salt = Salt::new(&format!("{}{SPLIT_SUFFIX}", context.salt));
                let bucketing = Bucketing {
                    salt,
                    by: self.by(by.as_ref())?,
                };
                Some(Serve::Split(Box::new(Split { bucketing, bounds })))
            }
        }
    }

    fn bounds(
        &mut self,
        context: &FlagContext<'_>,
        site: Site,
        weights: &[(Name<'_>, Sited<Spelled<Decimal>>)],
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
            // The shape of the document already reports an empty split.
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

    /// Returns a percentage in thousandths of a percent.
    pub(super) fn share(&mut self, percentage: &Sited<Spelled<Decimal>>) -> Option<u32> {
        let found = percentage.value.value;
        if found < Decimal::ZERO || found > Decimal::from(100_u64) {
            self.problems
                .report(percentage.site, ProblemKind::PercentageRange { found });
            return None;
        }
        let thousandths = found.thousandths();
        if thousandths.is_none() {
            self.problems
                .report(percentage.site, ProblemKind::PercentageTooFine { found });
        }
        thousandths
    }

    pub(super) fn by(&mut self, by: Option<&Name<'_>>) -> Option<AttributeRef> {
        by.map_or(Some(AttributeRef::Tenant), |name| self.attribute(&name.value))
    }
}
