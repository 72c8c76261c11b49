//! Nodes, and the health of the one that answers.

use serde::Deserialize;

/// The nodes.
#[derive(Debug, Deserialize)]
pub(crate) struct Nodes {
    pub(crate) answered_by: String,
    pub(crate) nodes: Vec<Node>,
}

/// A node.
#[derive(Debug, Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
    pub(crate) host: String,
    pub(crate) listeners: Vec<Listener>,
    pub(crate) admin: Option<String>,
    pub(crate) version: String,
    pub(crate) commit: Option<String>,
    pub(crate) started: String,
    /// The revision in force.
    pub(crate) revision: Option<String>,
    /// The time since when it is in force.
    pub(crate) since: Option<String>,
    /// `starting`, `ready`, `degraded` or `draining`.
    pub(crate) state: String,
    pub(crate) reasons: Vec<NodeReason>,
}

impl Node {
    /// Returns true if it serves this revision of the store or a later one. The name of a snapshot begins with the revision.
    pub(crate) fn serves(&self, revision: u64) -> bool {
        let served = self
            .revision
            .as_deref()
            .and_then(|name| name.split('-').next()?.parse().ok());
        served.is_some_and(|served: u64| served >= revision)
    }
}

/// A listener.
#[derive(Debug, Deserialize)]
pub(crate) struct Listener {
    pub(crate) name: String,
    pub(crate) address: String,
}

/// A reason of the state of a node.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeReason {
    pub(crate) name: String,
    pub(crate) detail: String,
}

/// The health of a node.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeHealth {
    pub(crate) node: Node,
    pub(crate) checks: Vec<NodeCheck>,
    pub(crate) reload: Reload,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) upstreams: Vec<Upstream>,
    /// The time of the last verification of the flags.
    pub(crate) verified: Option<String>,
    pub(crate) flags: FlagsSource,
}

/// A check of readiness.
#[derive(Debug, Deserialize)]
pub(crate) struct NodeCheck {
    pub(crate) name: String,
    pub(crate) passed: bool,
    pub(crate) detail: String,
}

/// The last reload of the documents.
#[derive(Debug, Deserialize)]
pub(crate) struct Reload {
    pub(crate) at: String,
    /// `accepted`, `unchanged` or `rejected`.
    pub(crate) result: String,
    /// The time of the last one that was accepted.
    pub(crate) accepted: String,
    pub(crate) errors: usize,
    pub(crate) warnings: usize,
    pub(crate) reason: Option<String>,
    pub(crate) needs_restart: Vec<String>,
    pub(crate) documents: Vec<Document>,
}

/// A document with problems.
#[derive(Debug, Deserialize)]
pub(crate) struct Document {
    pub(crate) file: String,
    pub(crate) problems: Vec<DocumentProblem>,
}

/// A problem of a document.
#[derive(Debug, Deserialize)]
pub(crate) struct DocumentProblem {
    pub(crate) severity: String,
    /// The problem as `sluice check` prints it, with its source lines.
    pub(crate) text: String,
}

/// An issuer of tokens, and its keys.
#[derive(Debug, Deserialize)]
pub(crate) struct Issuer {
    pub(crate) issuer: String,
    pub(crate) keys: Option<usize>,
    /// The time of the last fetch that succeeded.
    pub(crate) fetched: Option<String>,
    pub(crate) failing_since: Option<String>,
    pub(crate) failure: Option<String>,
}

/// An upstream, and its endpoints.
#[derive(Debug, Deserialize)]
pub(crate) struct Upstream {
    pub(crate) upstream: String,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// An endpoint.
#[derive(Debug, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) address: String,
    /// `fit`, `ejected` or `unhealthy`.
    pub(crate) health: String,
    pub(crate) in_flight: usize,
}

/// The source of the flags.
#[derive(Debug, Deserialize)]
pub(crate) struct FlagsSource {
    /// `files`, `store` or `last_good`.
    pub(crate) source: String,
    pub(crate) damage: Option<Damage>,
}

/// The damage of a store.
#[derive(Debug, Deserialize)]
pub(crate) struct Damage {
    pub(crate) code: String,
    pub(crate) detail: String,
    pub(crate) help: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::Node;

    #[test]
    fn a_node_serves_the_revisions_up_to_its_own() {
        let node = |revision: Option<&str>| -> Node {
            let text = serde_json::json!({
                "id": "a", "host": "a", "listeners": [], "version": "1", "started": "", "state": "ready",
                "reasons": [], "revision": revision,
            });
            serde_json::from_value(text).unwrap()
        };
        let serving = node(Some("51-7f80855e89a4"));
        assert!(serving.serves(50) && serving.serves(51) && !serving.serves(52));
        assert!(!node(None).serves(1) && !node(Some("7f80855e89a4")).serves(1));
    }
}
