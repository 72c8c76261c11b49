//! The permissions of roles, and the permission that each change needs. The admin API checks it before it reads a
//! body; the plan checks it again.

use crate::actor::{Actor, Role};
use crate::change::Change;
use crate::refusal::{Code, Refusal};

/// A permission of a role. An org's admin holds one only for its own org, or if no org is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Read the caller's own data: its identity, its permissions, its org's flags and log.
    ReadOwnOrg,
    /// Read flags, tenants and the audit log.
    Read,
    /// Opt a tenant in or out.
    ChooseOptIns,
    /// Report a problem with a flag.
    Report,
    /// Change flags and tenants.
    Operate,
    /// Apply documents, promote urgently, take backups.
    Administer,
}

impl Permission {
    /// All permissions.
    pub const ALL: [Self; 6] = [
        Self::ReadOwnOrg,
        Self::Read,
        Self::ChooseOptIns,
        Self::Report,
        Self::Operate,
        Self::Administer,
    ];

    /// Returns the roles that hold it.
    #[must_use]
    pub fn roles(self) -> &'static [Role] {
        match self {
            Self::ReadOwnOrg => &Role::ALL,
            Self::Read => &[Role::Viewer, Role::Operator, Role::PlatformAdmin],
            Self::ChooseOptIns | Self::Report => &[Role::OrgAdmin, Role::Operator, Role::PlatformAdmin],
            Self::Operate => &[Role::Operator, Role::PlatformAdmin],
            Self::Administer => &[Role::PlatformAdmin],
        }
    }

    /// Returns true if the actor holds it, for an org where one is named.
    #[must_use]
    pub fn is_held_by(self, actor: &Actor, org: Option<&str>) -> bool {
        let is_foreign = actor.role == Role::OrgAdmin && org.is_some() && org != actor.org.as_deref();
        self.roles().contains(&actor.role) && !is_foreign
    }

    /// Returns the refusal of an actor who does not hold it.
    #[must_use]
    pub fn refusal(self, actor: &Actor) -> Refusal {
        let role = actor.role.as_str();
        // An org's admin has the named role, but for another org.
        let held = match (self, actor.role) {
            (Self::ReadOwnOrg | Self::ChooseOptIns | Self::Report, Role::OrgAdmin) => {
                "org-admin of another org"
            }
            _ => role,
        };
        let needed = match self {
            Self::ReadOwnOrg => "viewer, or org-admin of this org",
            Self::Read => "viewer",
            Self::ChooseOptIns | Self::Report => "operator, or org-admin of this org",
            Self::Operate => "operator",
            Self::Administer => "platform-admin",
        };
        Refusal::new(
            Code::RoleMissing,
            format!("this needs the role {needed}; the caller is {held}"),
        )
        .fact("role", role)
        .fact("needed", needed)
    }
}

impl Change {
    /// Returns the permission that the change needs. An urgent promotion needs [`Permission::Administer`] too.
    #[must_use]
    pub fn permission(&self) -> Permission {
        match self {
            Self::SetState { .. }
            | Self::Kill { .. }
            | Self::Restore { .. }
            | Self::SetTiers { .. }
            | Self::SetRollout { .. }
            | Self::SetOverride { .. }
            | Self::PutTenant { .. }
            | Self::PatchTenant { .. }
            | Self::DeleteTenant { .. }
            | Self::ImportTenants { .. }
            | Self::Allow { .. }
            | Self::Disallow { .. }
            | Self::SetPlan { .. }
            | Self::RemovePlan { .. }
            | Self::ApprovePlan { .. }
            | Self::CheckPlanItem { .. }
            | Self::StartRollout { .. }
            | Self::PauseRollout { .. }
            | Self::ResumeRollout { .. }
            | Self::AdvanceRollout { .. }
            | Self::RollBackRollout { .. }
            | Self::CancelRollout { .. }
            | Self::TakeStep { .. }
            | Self::CloseReport { .. }
            | Self::OpenIncident { .. }
            | Self::CloseIncident { .. }
            | Self::EndWatch { .. }
            | Self::CorrectStageTime { .. }
            | Self::SignOff { .. } => Permission::Operate,
            Self::OptIn { .. } | Self::OptOut { .. } => Permission::ChooseOptIns,
            Self::Report { .. } => Permission::Report,
            Self::ApplyDocument { .. } => Permission::Administer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn actor(role: Role, org: Option<&str>) -> Actor {
        Actor {
            name: "ada".to_owned(),
            display_name: None,
            role,
            groups: Vec::new(),
            org: org.map(str::to_owned),
        }
    }

    #[test]
    fn roles_hold_their_permissions() {
        use Permission::{Administer, ChooseOptIns, Operate, Read, ReadOwnOrg, Report};
        for (role, held) in [
            (Role::OrgAdmin, &[ReadOwnOrg, ChooseOptIns, Report][..]),
            (Role::Viewer, &[ReadOwnOrg, Read]),
            (Role::Operator, &[ReadOwnOrg, Read, ChooseOptIns, Report, Operate]),
            (
                Role::PlatformAdmin,
                &[ReadOwnOrg, Read, ChooseOptIns, Report, Operate, Administer],
            ),
        ] {
            let actor = actor(role, Some("acme"));
            let found = Permission::ALL.into_iter();
            let found: Vec<_> = found
                .filter(|permission| permission.is_held_by(&actor, None))
                .collect();
            assert_eq!(found, held, "{role:?}");
        }
    }

    #[test]
    fn an_org_admin_has_no_permission_for_another_org() {
        let of_acme = actor(Role::OrgAdmin, Some("acme"));
        let of_none = actor(Role::OrgAdmin, None);
        for permission in [
            Permission::ReadOwnOrg,
            Permission::ChooseOptIns,
            Permission::Report,
        ] {
            assert!(permission.is_held_by(&of_acme, Some("acme")));
            assert!(!permission.is_held_by(&of_acme, Some("globex")));
            assert!(!permission.is_held_by(&of_none, Some("acme")));
            assert!(permission.is_held_by(&actor(Role::Operator, None), Some("acme")));
        }
    }
}
