//! The exemplars of all histograms, for one page of metrics.

use std::collections::HashMap;

use prometheus::proto::{LabelPair, Metric};

use crate::exemplars::Exemplar;

/// The exemplars of histograms, each with one for each bucket, and for the values above the last bound.
#[derive(Debug, Default)]
pub(crate) struct SeriesExemplars(HashMap<String, Vec<Option<Exemplar>>>);

impl SeriesExemplars {
    /// Adds those of a histogram with these values of its labels, in their order.
    pub(crate) fn add<'l>(
        &mut self,
        name: &str,
        labels: impl IntoIterator<Item = &'l str>,
        exemplars: impl Iterator<Item = Option<Exemplar>>,
    ) {
        let exemplars: Vec<_> = exemplars.collect();
        if exemplars.iter().any(Option::is_some) {
            self.0.insert(key(name, labels), exemplars);
        }
    }

    /// Returns those of a histogram: one for each bucket, and one for the values above. None has been added: empty.
    pub(crate) fn of(&self, name: &str, metric: &Metric) -> &[Option<Exemplar>] {
        let key = key(name, metric.get_label().iter().map(LabelPair::value));
        self.0.get(&key).map_or(&[], |exemplars| exemplars)
    }
}

fn key<'l>(name: &str, labels: impl IntoIterator<Item = &'l str>) -> String {
    let mut key = name.to_owned();
    for label in labels {
        // No label has this character.
        key.push('\0');
        key.push_str(label);
    }
    key
}
