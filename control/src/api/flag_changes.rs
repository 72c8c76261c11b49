//! Endpoints that change flags.

use changes::Change;
use serde_json::Value;

use super::Api;
use super::body::{IncidentChange, KillSwitchChange, RolloutChange, SignOffChange, StateChange, TiersChange};
use super::change::{ChangeReply, change, change_with_incident};
use super::codes;
use super::problem::ApiProblem;
use super::request::ApiRequest;

pub(crate) fn set_state(api: &Api, request: &ApiRequest, body: StateChange) -> ChangeReply {
    let to_ga = Change::SetState {
        flag: request.flag().to_owned(),
        to: body.state.into(),
        cascade: body.cascade,
        ga_default: body.default.into(),
        urgent: body.r#override.map(Into::into),
    };
    change_with_incident(api, request, to_ga, body.reason, body.incident)
}

pub(crate) fn kill(api: &Api, request: &ApiRequest, body: KillSwitchChange) -> ChangeReply {
    let flag = request.flag().to_owned();
    change_with_incident(api, request, Change::Kill { flag }, body.reason, body.incident)
}

pub(crate) fn restore(api: &Api, request: &ApiRequest, body: KillSwitchChange) -> ChangeReply {
    let flag = request.flag().to_owned();
    change_with_incident(api, request, Change::Restore { flag }, body.reason, body.incident)
}

pub(crate) fn open_incident(api: &Api, request: &ApiRequest, body: IncidentChange) -> ChangeReply {
    let opened = Change::OpenIncident {
        flag: request.flag().to_owned(),
        incident: body.incident.into(),
    };
    change(api, request, opened, body.reason.map(Into::into))
}

pub(crate) fn close_incident(api: &Api, request: &ApiRequest, body: IncidentChange) -> ChangeReply {
    let closed = Change::CloseIncident {
        flag: request.flag().to_owned(),
        incident: body.incident.into(),
    };
    change(api, request, closed, body.reason.map(Into::into))
}

pub(crate) fn set_tiers(api: &Api, request: &ApiRequest, body: TiersChange) -> ChangeReply {
    let is_variant = |variant: &Value| variant.is_string() || variant.is_boolean() || variant.is_null();
    if let Some((tier, _)) = body.tiers.iter().find(|(_, variant)| !is_variant(variant)) {
        let detail = format!("the default of `{tier}` is not a variant");
        let help = "send the name of a variant, `true` or `false`; null removes the default of the tier";
        return Err(ApiProblem::new(codes::MALFORMED_BODY, detail).help(help));
    }
    let tiers = Change::SetTiers {
        flag: request.flag().to_owned(),
        tiers: body.tiers,
    };
    change(api, request, tiers, body.reason.map(Into::into))
}

pub(crate) fn set_rollout(api: &Api, request: &ApiRequest, body: RolloutChange) -> ChangeReply {
    let rollout = Change::SetRollout {
        flag: request.flag().to_owned(),
        rollout: body.rollout.map(Into::into),
    };
    change(api, request, rollout, body.reason.map(Into::into))
}

pub(crate) fn sign_off(api: &Api, request: &ApiRequest, body: SignOffChange) -> ChangeReply {
    let sign_off = Change::SignOff {
        flag: request.flag().to_owned(),
        as_role: body.role,
    };
    change(api, request, sign_off, body.reason.map(Into::into))
}
