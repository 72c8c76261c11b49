//! Names of features for the people of an org: the description, as on their page; the key of a feature without one.

use std::collections::BTreeMap;

use crate::admin_api::Call;
use crate::answers::{OrgFlag, OrgFlags};
use crate::console::Console;
use crate::visitor::Visitor;

/// The largest number of features whose names are read; others are named by their keys.
const MAX_NAMES: usize = 50;

/// Features of an org, by key.
pub(crate) struct OrgNames(BTreeMap<String, OrgFlag>);

impl OrgNames {
    /// Reads the names of these features. Those that the org does not see have no name.
    pub(crate) async fn read<'k>(
        console: &Console,
        visitor: &Visitor,
        org: &str,
        keys: impl IntoIterator<Item = &'k str>,
    ) -> Self {
        let keys: Vec<&str> = keys.into_iter().take(MAX_NAMES).collect();
        let call = Call::get(&["orgs", org, "feature-flags"]).with("flags", keys.join(","));
        // A page with keys is better than no page.
        let flags = console.api.request::<OrgFlags>(visitor, call).await;
        let flags = flags.map_or_else(|_| Vec::new(), |answer| answer.body.flags);
        let by_key = flags.into_iter().map(|flag| (flag.key.clone(), flag));
        Self(by_key.collect())
    }

    /// Returns the name of a feature.
    pub(crate) fn name(&self, key: &str) -> String {
        let flag = self.0.get(key);
        flag.map_or_else(|| key.to_owned(), |flag| flag.name().to_owned())
    }

    /// Returns true if the org has the feature.
    pub(crate) fn is_on(&self, key: &str) -> bool {
        self.0.get(key).is_some_and(|flag| flag.on)
    }
}
