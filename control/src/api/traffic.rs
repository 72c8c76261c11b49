//! Endpoints for reports about the traffic: gates in shadow mode, and the coverage of gates and flags.

use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::codes;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use crate::traffic::{CoverageReport, ShadowGateReport};

/// The requests that gates in shadow mode would have refused.
#[derive(Serialize, ToSchema)]
#[schema(as = ShadowReport)]
pub(crate) struct ShadowReport {
    /// The gates in shadow mode, in the order of the routes.
    gates: Vec<ShadowGateReport>,
}

pub(crate) fn shadow(api: &Api, _: &ApiRequest, _: NoBody) -> Result<Reply<ShadowReport>, ApiProblem> {
    let gates = api.traffic().map(|traffic| traffic.shadow_gates());
    Ok(Reply::new(ShadowReport {
        gates: gates.unwrap_or_default(),
    }))
}

pub(crate) fn coverage(api: &Api, _: &ApiRequest, _: NoBody) -> Result<Reply<CoverageReport>, ApiProblem> {
    let coverage = api.traffic().and_then(|traffic| traffic.coverage());
    coverage.map(Reply::new).ok_or_else(|| {
        ApiProblem::new(codes::DEFECT, "the proxy is not running yet").help("send the request again")
    })
}
