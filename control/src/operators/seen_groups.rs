//! The groups of an issuer's operators at their last sign-in with this process. The issuer does not tell when an operator
//! leaves a group, so the next token of the operator is the first that shows it.

use std::collections::HashMap;

use changes::{Actor, Permission, Standing};
use parking_lot::Mutex;

/// The largest number of operators whose groups are kept.
const MAX_SEEN: usize = 10_000;

/// The groups by the name of the operator; none if the operator may no longer operate flags.
#[derive(Default)]
pub(super) struct SeenGroups {
    groups: Mutex<HashMap<String, Option<Vec<String>>>>,
}

impl SeenGroups {
    /// Notes the groups of an operator who signs in.
    pub(super) fn note(&self, actor: &Actor) {
        let operates = Permission::Operate.roles().contains(&actor.role);
        self.set(&actor.name, operates.then_some(&actor.groups));
    }

    /// Notes that an operator has no role any more.
    pub(super) fn note_without_role(&self, name: &str) {
        self.set(name, None);
    }

    fn set(&self, name: &str, groups: Option<&Vec<String>>) {
        let mut seen = self.groups.lock();
        let has_room = seen.len() < MAX_SEEN;
        match seen.get_mut(name) {
            Some(known) if known.as_ref() == groups => {}
            Some(known) => *known = groups.cloned(),
            None if has_room => drop(seen.insert(name.to_owned(), groups.cloned())),
            None => {}
        }
    }

    /// Returns the standing of an operator of an accepted issuer.
    pub(super) fn standing(&self, name: &str) -> Standing {
        match self.groups.lock().get(name) {
            None => Standing::Present { groups: None },
            Some(Some(groups)) => Standing::Present {
                groups: Some(groups.clone()),
            },
            Some(None) => Standing::Removed,
        }
    }
}

#[cfg(test)]
mod tests {
    use changes::Role;

    use super::*;

    #[test]
    fn the_groups_of_the_last_sign_in_count() {
        let seen = SeenGroups::default();
        let name = "oidc:https://login#7";
        let actor = |role, groups: &[&str]| Actor {
            name: name.into(),
            display_name: None,
            role,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            org: None,
        };
        assert_eq!(seen.standing(name), Standing::Present { groups: None });
        seen.note(&actor(Role::Operator, &["ops-leads"]));
        seen.note(&actor(Role::Operator, &["ops"]));
        let groups = Some(vec!["ops".to_owned()]);
        assert_eq!(seen.standing(name), Standing::Present { groups });
        seen.note(&actor(Role::Viewer, &["ops"]));
        assert_eq!(seen.standing(name), Standing::Removed);
        seen.note(&actor(Role::Operator, &["ops"]));
        seen.note_without_role(name);
        assert_eq!(seen.standing(name), Standing::Removed);
    }
}
