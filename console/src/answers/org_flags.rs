//! The features of an org, as its own people see them.

use serde::Deserialize;

use crate::admin_api::segment;
use crate::page::Section;

/// A page of features, in the order of their keys.
#[derive(Debug, Deserialize)]
pub(crate) struct OrgFlags {
    pub(crate) flags: Vec<OrgFlag>,
    /// The value of `after` for the next page.
    pub(crate) next: Option<String>,
}

/// A feature.
#[derive(Debug, Deserialize)]
pub(crate) struct OrgFlag {
    pub(crate) key: String,
    pub(crate) description: Option<String>,
    lifecycle: String,
    pub(crate) on: bool,
    pub(crate) lifecycle_since: Option<String>,
    cause: String,
    choice: Option<String>,
    pub(crate) choice_since: Option<String>,
}

impl OrgFlag {
    /// Returns true if the org turned it on itself.
    pub(crate) fn is_chosen(&self) -> bool {
        self.choice.as_deref() == Some("in")
    }

    /// Returns true if the org turned it off itself.
    pub(crate) fn is_declined(&self) -> bool {
        self.choice.as_deref() == Some("out")
    }

    /// Returns its name: the description, or the key if it has none.
    pub(crate) fn name(&self) -> &str {
        self.description.as_deref().unwrap_or(&self.key)
    }

    /// Returns true if it is switched off for every org.
    pub(crate) fn is_killed(&self) -> bool {
        self.cause == super::KILLED
    }

    /// Returns true if it is still tried out, and not for everyone yet.
    pub(crate) fn is_in_testing(&self) -> bool {
        self.lifecycle == "beta"
    }

    /// Returns true if the org can choose: a feature that is switched off can only be turned off.
    pub(crate) fn can_choose(&self) -> bool {
        !self.is_killed() || !self.can_turn_on()
    }

    /// Returns true if the choice of the org would be to turn it on: it is off, or turned off by the org.
    pub(crate) fn can_turn_on(&self) -> bool {
        self.is_declined() || (!self.on && !self.is_chosen())
    }

    /// Returns true if the choice of the org has no effect at the moment.
    pub(crate) fn is_without_effect(&self) -> bool {
        (self.is_chosen() && !self.on) || (self.is_declined() && self.on)
    }

    /// Returns the path of the form that reports a problem.
    pub(crate) fn report_path(&self) -> String {
        format!("{}/{}/report", Section::Org.path(), segment(&self.key))
    }
}
