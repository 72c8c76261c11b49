//! What a good answer must have. Without that it is none of the admin API, and must not be taken for one that says
//! that there is nothing.

use serde_json::Value;

use super::render::json;

/// The members that an answer must have to be understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RequiredMembers {
    /// None: the command judges the answer itself.
    Anything,
    /// An object with these texts.
    Texts(&'static [&'static str]),
    /// An object with this list.
    List(&'static str),
    /// An object with this boolean.
    Boolean(&'static str),
}

/// The members of a flag.
pub(super) const FLAG: RequiredMembers = RequiredMembers::Texts(&["key", "lifecycle"]);

impl RequiredMembers {
    /// Whether the body has them.
    pub(super) fn are_in(self, body: &[u8]) -> bool {
        let parsed = || serde_json::from_slice::<Value>(body).unwrap_or_default();
        match self {
            Self::Anything => true,
            Self::Texts(names) => {
                let body = parsed();
                names.iter().all(|name| json::text(&body, name).is_some())
            }
            Self::List(name) => parsed().get(name).is_some_and(Value::is_array),
            Self::Boolean(name) => parsed().get(name).is_some_and(Value::is_boolean),
        }
    }
}
