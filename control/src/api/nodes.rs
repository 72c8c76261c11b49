//! Endpoints of nodes: all of them, and the health of the one that answers.

use changes::Code;
use serde::Serialize;
use utoipa::ToSchema;

use super::Api;
use super::codes;
use super::handler::{NoBody, Reply};
use super::problem::ApiProblem;
use super::request::ApiRequest;
use crate::node::{NodeHealth, NodeReport};

/// The nodes.
#[derive(Serialize, ToSchema)]
#[schema(as = Nodes)]
pub(crate) struct NodesBody {
    /// The id of the node that answers.
    answered_by: String,
    /// The nodes that serve the flags, in the order of their ids: today the one that answers.
    nodes: Vec<NodeReport>,
}

/// The health of the node that answers.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(crate) struct HealthBody {
    #[serde(flatten)]
    health: NodeHealth,
    /// The source of the flags.
    flags: FlagsSourceBody,
}

/// The source of the flags of a node.
#[derive(Serialize, ToSchema)]
#[schema(as = FlagsSource)]
pub(crate) struct FlagsSourceBody {
    /// `files`; `store`; or `last_good`: the last good document, because the store can't be used.
    source: &'static str,
    /// The revision of the store; absent for files.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    revision: Option<u64>,
    /// The damage of the store; absent if none is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    damage: Option<StoreDamageBody>,
}

/// The damage of a store.
#[derive(Serialize, ToSchema)]
#[schema(as = StoreDamage)]
pub(crate) struct StoreDamageBody {
    /// `STORE_DAMAGED`, or `STORE_UNAVAILABLE` for an error of the disk.
    code: &'static str,
    detail: String,
    help: String,
}

pub(crate) fn list(api: &Api, _: &ApiRequest, _: NoBody) -> Result<Reply<NodesBody>, ApiProblem> {
    let node = api.node().and_then(|node| node.node()).ok_or_else(not_running)?;
    Ok(Reply::new(NodesBody {
        answered_by: node.id.clone(),
        nodes: vec![node],
    }))
}

pub(crate) fn health(api: &Api, _: &ApiRequest, _: NoBody) -> Result<Reply<HealthBody>, ApiProblem> {
    let health = api
        .node()
        .and_then(|node| node.health())
        .ok_or_else(not_running)?;
    let flags = FlagsSourceBody::of(api);
    Ok(Reply::new(HealthBody { health, flags }))
}

fn not_running() -> ApiProblem {
    ApiProblem::new(codes::DEFECT, "the proxy is not running yet").help("send the request again")
}

impl FlagsSourceBody {
    fn of(api: &Api) -> Self {
        let control = api.control();
        let revision = || Some(control.read(|state, _| state.revision.0));
        let found = || {
            Some(StoreDamageBody {
                code: Code::StoreDamaged.as_str(),
                detail: redact::masked(&control.store().found_damage()?).into_owned(),
                help: "make a backup, and restore the newest good one".to_owned(),
            })
        };
        match control.damage() {
            Some(damage) => Self {
                source: "last_good",
                revision: None,
                damage: Some(StoreDamageBody {
                    code: damage.code.as_str(),
                    detail: redact::masked(&damage.detail).into_owned(),
                    help: damage.help.clone(),
                }),
            },
            None if control.is_read_only() => Self {
                source: "files",
                revision: None,
                damage: None,
            },
            None => Self {
                source: "store",
                revision: revision(),
                damage: found(),
            },
        }
    }
}
