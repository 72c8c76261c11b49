//! The decisions of flags for one org, as the proxy on this machine makes them: with the kills of break-glass.

use std::sync::Arc;

use changes::{Code, Refusal, Revision, Role};
use config::OwnedTenant;
use rules::{Decision, Flag, FlagId, Flags, OwnedName, Subject, Tenants, Timestamp, VariantId, decide};

use super::Api;
use super::local_kills::LocalKills;
use super::orgs;
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// An org with a record, and the flags to decide for it.
pub(crate) struct OrgDecisions<'a> {
    org: &'a str,
    at: Timestamp,
    revision: Revision,
    record: Arc<OwnedTenant>,
    kills: LocalKills,
    flags: Arc<Flags>,
    tenants: Arc<Tenants>,
}

/// The choice of an org about a flag, as its record has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OrgChoice {
    In,
    Out,
}

impl<'a> OrgDecisions<'a> {
    /// Reads the org that the path of a request names.
    ///
    /// # Errors
    /// It has no record.
    pub(crate) fn read(api: &Api, request: &'a ApiRequest) -> Result<Self, ApiProblem> {
        let org = request.org();
        // Only clones shared tables under the lock: deciding all flags there would delay changes.
        let (revision, record, flags, tenants) = api.control().read(|state, compiled| {
            let record = state.tenant(org).cloned();
            (
                state.revision,
                record,
                Arc::clone(&compiled.flags),
                Arc::clone(&compiled.tenants),
            )
        });
        let kills = LocalKills::at(api.control(), request.at);
        Ok(Self {
            org,
            at: request.at,
            revision,
            record: record.ok_or_else(|| tenant_not_found(request))?,
            // The proxy decides with these kills too; without them the list would show killed flags as on.
            flags: kills.apply_to(&flags),
            kills,
            tenants,
        })
    }

    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Returns the record of the org.
    pub(crate) fn record(&self) -> &OwnedTenant {
        &self.record
    }

    /// Returns the kills of this machine.
    pub(crate) fn kills(&self) -> &LocalKills {
        &self.kills
    }

    /// Returns the flags whose keys come after `after`, in the order of their keys.
    pub(crate) fn flags_after(&self, after: &str) -> Vec<(FlagId, &Flag)> {
        let all = self.flags.iter();
        let mut later: Vec<_> = all.filter(|(_, flag)| flag.key().as_str() > after).collect();
        // The table is in the order of ids, and pages are in the order of keys.
        later.sort_by(|a, b| a.1.key().cmp(b.1.key()));
        later
    }

    /// Returns the decision of a flag for a request of the org without a user and without attributes of a request.
    pub(crate) fn decide(&self, flag: FlagId) -> Decision {
        let subject = Subject {
            tenant: Some(self.org),
            record: self.tenants.find(self.org),
            ..Subject::default()
        };
        decide(&self.flags, flag, &subject, self.at)
    }

    /// Returns the choice of the org about a flag, if it made one.
    pub(crate) fn choice(&self, flag: &str) -> Option<OrgChoice> {
        match (
            names(self.record.opt_in.as_ref(), flag),
            names(self.record.opt_out.as_ref(), flag),
        ) {
            (true, _) => Some(OrgChoice::In),
            (_, true) => Some(OrgChoice::Out),
            _ => None,
        }
    }

    /// Returns true if the flag is on the beta allowlist of the org.
    pub(crate) fn is_allowlisted(&self, flag: &str) -> bool {
        names(self.record.beta.as_ref(), flag)
    }
}

/// Returns the name of a variant of a flag.
pub(crate) fn variant_name(flag: &Flag, variant: VariantId) -> String {
    let variant = flag.variant(variant);
    variant.map_or_else(String::new, |variant| variant.name.to_string())
}

fn names(list: Option<&Vec<OwnedName>>, flag: &str) -> bool {
    list.into_iter().flatten().any(|named| named.value == flag)
}

/// Returns the problem of an org without a record. The org's own admin can't create one.
fn tenant_not_found(request: &ApiRequest) -> ApiProblem {
    if request.actor.role != Role::OrgAdmin {
        return orgs::tenant_not_found(request.org());
    }
    let detail = format!("no tenant has the id `{}`", request.org());
    ApiProblem::rejected(vec![
        Refusal::new(Code::TenantNotFound, detail).help("an operator of the platform can create its record"),
    ])
}
