//! The most frequent names of a stream in constant memory, by the algorithm Space-Saving (Metwally, Agrawal, El Abbadi,
//! "Efficient Computation of Frequent and Top-k Elements in Data Streams", ICDT 2005, figure 1).

/// Counters of the most frequent names. With `K` counters, each count is too large by at most the `K`th part of all
/// names that were counted, and never too small; every name that is more frequent than that has a counter.
#[derive(Debug, Default)]
pub(crate) struct FrequentNames<const K: usize> {
    counters: Vec<NameCount>,
}

/// The count of a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NameCount {
    /// The name; empty for none.
    pub name: Box<str>,
    /// The number of times it was counted; at most `error` too large.
    pub count: u64,
    /// The most that the count is too large by.
    pub error: u64,
}

impl<const K: usize> FrequentNames<K> {
    /// Counts a name.
    pub(crate) fn count(&mut self, name: &str) {
        if let Some(counter) = self.counters.iter_mut().find(|counter| *counter.name == *name) {
            counter.count = counter.count.saturating_add(1);
            return;
        }
        if self.counters.len() < K {
            self.counters.push(NameCount {
                name: name.into(),
                count: 1,
                error: 0,
            });
            return;
        }
        // The new name takes over the smallest counter: it may have been counted as often before.
        if let Some(least) = self.counters.iter_mut().min_by_key(|counter| counter.count) {
            *least = NameCount {
                name: name.into(),
                count: least.count.saturating_add(1),
                error: least.count,
            };
        }
    }

    /// Returns the counters, in no particular order.
    pub(crate) fn counters(&self) -> &[NameCount] {
        &self.counters
    }
}

#[cfg(test)]
mod tests {
    use super::FrequentNames;

    #[test]
    fn a_frequent_name_is_counted_within_the_stated_error() {
        let mut names = FrequentNames::<8>::default();
        let mut rare = 0_u64;
        for place in 0..9_000_u64 {
            match place % 3 {
                0 => names.count("acme"),
                _ => {
                    rare += 1;
                    names.count(&format!("tenant-{rare}"));
                }
            }
        }
        assert_eq!(names.counters().len(), 8);
        let acme = names
            .counters()
            .iter()
            .find(|counter| &*counter.name == "acme")
            .unwrap();
        assert!((3_000..=3_000 + 9_000 / 8).contains(&acme.count), "{acme:?}");
        assert!(names.counters().iter().all(|counter| counter.error <= 9_000 / 8));
    }
}
