//! A flags document of the largest size that lists and pages are measured with.

use control::Change;
use serde_json::{Map, Value, json};

use crate::control_plane::adopt_document;

/// The number of flags and of tenants of a document. The rules of a flag are met by all tenants; every tenant is on the
/// allowlist of one flag, has an override of the next one, opted into a third one and out of a fourth one.
#[derive(Debug, Clone, Copy)]
pub struct LargeDocument {
    /// The number of flags.
    pub flags: usize,
    /// The number of tenants.
    pub tenants: usize,
}

impl LargeDocument {
    /// Returns the key of a flag, by its number from 0.
    #[must_use]
    pub fn flag(at: usize) -> String {
        format!("domain.flag{at:05}")
    }

    /// Returns the id of a tenant, by its number from 0.
    #[must_use]
    pub fn tenant(at: usize) -> String {
        format!("tenant-{at:06}")
    }

    /// Returns the document as text (JSON), with a description for each flag.
    #[must_use]
    pub fn text(self, description: &dyn Fn(usize) -> String) -> String {
        let rule = json!({ "when": { "attribute": "country", "in": ["DE", "AT", "CH"] }, "serve": "on" });
        let lifecycle = |at: usize| ["alpha", "beta", "beta", "ga"][at % 4];
        let definition = |at: usize| {
            json!({
                "description": description(at), "owner": "team", "lifecycle": lifecycle(at), "rules": [rule],
                "rollout": { "percentage": at % 100 },
            })
        };
        let flags: Map<String, Value> = (0..self.flags)
            .map(|at| (Self::flag(at), definition(at)))
            .collect();
        let of_tenant = |at: usize| Self::flag(at % self.flags);
        let record = |at: usize| {
            json!({
                "tier": "large", "channel": "latest", "beta": [of_tenant(at)],
                "overrides": { of_tenant(at + 1): at.is_multiple_of(2) },
                "opt_in": [of_tenant(at + 2)], "opt_out": [of_tenant(at + 3)],
                "attributes": { "country": "DE", "seats": at % 90 },
            })
        };
        let tenants: Map<String, Value> = (0..self.tenants)
            .map(|at| (Self::tenant(at), record(at)))
            .collect();
        json!({ "version": 1, "tiers": ["large"], "flags": flags, "tenants": tenants }).to_string()
    }

    /// Returns the change that applies the document, with a description for each flag.
    #[must_use]
    pub fn change(self, description: &dyn Fn(usize) -> String) -> Change {
        adopt_document(&self.text(description))
    }
}
