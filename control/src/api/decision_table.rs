//! Endpoint that shows the decision table of a flag with the tenants that each of its lines decides.

use rules::Flag;
use serde::Serialize;
use utoipa::ToSchema;

use crate::request_explanation::ExplainedLocalKill;
use crate::tenant_counts::LineCount;

use super::Api;
use super::handler::{NoBody, Reply};
use super::local_kills::LocalKills;
use super::problem::ApiProblem;
use super::request::ApiRequest;

/// The tenants of a flag by the line of the decision table that decides them. Each tenant is decided by one line: their
/// sum is `tenants`.
#[derive(Serialize, ToSchema)]
#[schema(as = DecisionTable)]
pub(crate) struct DecisionTable {
    revision: u64,
    flag: String,
    /// The number of all tenants.
    tenants: usize,
    /// The number of tenants that have it on in the stored state, without regard to kills by break-glass.
    tenants_on: usize,
    /// The lines that decide a tenant, in the order of the decision table.
    lines: Vec<TableLine>,
    /// The kill by break-glass on this machine, if there is one; it is not part of the stored state.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    local_kill: Option<ExplainedLocalKill>,
}

/// A line of the decision table, with the tenants that it decides.
#[derive(Serialize, ToSchema)]
#[schema(as = DecisionTableLine)]
pub(crate) struct TableLine {
    /// The number of the line in the guide: `4`, `4a`, `12`. Overrides to the off variant are line 6, others line 9.
    line: &'static str,
    /// The cause of its decisions.
    cause: &'static str,
    /// The number of tenants that it decides.
    tenants: usize,
    /// The number of these tenants that have the flag on.
    on: usize,
    /// The variants that it serves, in the order of the definition.
    variants: Vec<ServedVariant>,
}

/// A variant, with the tenants that it is served to.
#[derive(Serialize, ToSchema)]
#[schema(as = ServedVariant)]
pub(crate) struct ServedVariant {
    variant: String,
    tenants: usize,
}

pub(crate) fn show(api: &Api, request: &ApiRequest, _: NoBody) -> Result<Reply<DecisionTable>, ApiProblem> {
    let key = request.flag();
    let (revision, compiled) = api
        .control()
        .read(|state, compiled| (state.revision, compiled.clone()));
    let id = compiled.flags.id(key);
    let Some((id, flag)) = id.and_then(|id| Some((id, compiled.flags.flag(id)?))) else {
        return Err(ApiProblem::flag_not_found(key));
    };
    let counts = api.tenant_counts().of(&compiled, &[id], request.at, usize::MAX);
    let tally = counts.get(&id).cloned().unwrap_or_default();
    let body = DecisionTable {
        revision: revision.0,
        flag: key.to_owned(),
        tenants: compiled.tenants.len(),
        tenants_on: tally.on(flag.off()),
        lines: tally
            .lines(flag)
            .iter()
            .map(|line| TableLine::of(line, flag))
            .collect(),
        local_kill: LocalKills::at(api.control(), request.at).of(key),
    };
    Ok(Reply::at(revision, body))
}

impl TableLine {
    fn of(counted: &LineCount, flag: &Flag) -> Self {
        let sum = |is_counted: fn(bool) -> bool| {
            let counted = counted
                .variants
                .iter()
                .filter(|served| is_counted(served.variant != flag.off()));
            counted.fold(0_usize, |sum, served| sum.saturating_add(served.tenants))
        };
        let variants = counted.variants.iter().map(|served| ServedVariant {
            variant: flag
                .variant(served.variant)
                .map_or_else(String::new, |variant| variant.name.to_string()),
            tenants: served.tenants,
        });
        Self {
            line: counted.line,
            cause: counted.cause.as_str(),
            tenants: sum(|_| true),
            on: sum(|is_on| is_on),
            variants: variants.collect(),
        }
    }
}
