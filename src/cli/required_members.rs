//! Required members of a successful answer. An answer without them is not from the admin API, and must not be read as
//! an empty result.

use serde_json::Value;

use super::render::json;

/// The members that a successful answer must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequiredMembers {
    /// None: the command checks the answer itself.
    Anything,
    /// An object with these strings.
    Texts(&'static [&'static str]),
    /// An object with this list.
    List(&'static str),
    /// An object with these objects.
    Objects(&'static [&'static str]),
    /// An object with this boolean.
    Boolean(&'static str),
}

impl RequiredMembers {
    /// The required members of a flag.
    pub(super) const FLAG: Self = Self::Texts(&["key", "lifecycle"]);

    /// The required members of a rollout plan.
    pub(super) const ROLLOUT: Self = Self::Texts(&["flag", "state"]);

    /// Returns true if the body has them.
    pub(super) fn are_in(self, body: &[u8]) -> bool {
        let parsed = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match self {
            Self::Anything => true,
            Self::Texts(names) => {
                let body = parsed();
                names.iter().all(|name| json::text(&body, name).is_some())
            }
            Self::Objects(names) => {
                let body = parsed();
                let is_object = |name: &&str| body.get(*name).is_some_and(Value::is_object);
                names.iter().all(is_object)
            }
            Self::List(name) => parsed().get(name).is_some_and(Value::is_array),
            Self::Boolean(name) => parsed().get(name).is_some_and(Value::is_boolean),
        }
    }
}
