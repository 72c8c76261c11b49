//! From claims to an identity: where the issuer puts tenant, user, groups and attributes, and what of it counts.

use rules::{AttributeValue, Decimal, TenantId, UserId};
use serde_json::Value;

use crate::claim_path::ClaimPath;
use crate::identity::TenantProblem;
use crate::rejection::{Claim, Rejection};

/// Most groups of one token; more refuse it.
pub const MAX_GROUPS: usize = 512;
/// Longest name of a group, in bytes; a longer one refuses the token.
pub const MAX_GROUP_BYTES: usize = 256;
/// Longest string in an attribute, in bytes; a longer one refuses the token.
pub const MAX_STRING_BYTES: usize = 1024;
/// Most items in an attribute that is a list; more refuse the token.
pub const MAX_LIST_ITEMS: usize = 512;

/// The paths to the claims of one issuer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mapping {
    pub(crate) tenant: ClaimPath,
    pub(crate) user: ClaimPath,
    pub(crate) groups: Option<ClaimPath>,
    pub(crate) attributes: Box<[(u32, ClaimPath)]>,
}

impl Mapping {
    pub(crate) fn tenant(&self, claims: &Value) -> Result<TenantId, TenantProblem> {
        match self.tenant.resolve(claims) {
            None | Some(Value::Null) => Err(TenantProblem::Missing),
            Some(Value::String(tenant)) => TenantId::parse(tenant).map_err(TenantProblem::from),
            Some(_) => Err(TenantProblem::NotAString),
        }
    }

    /// Returns the user. Any value that is not a user id counts as absent, because a header could not carry it
    /// unchanged.
    pub(crate) fn user(&self, claims: &Value) -> Option<UserId> {
        UserId::parse(self.user.resolve(claims)?.as_str()?).ok()
    }

    /// Returns the groups: a list of strings, or one string. Any other value is an empty list.
    pub(crate) fn groups(&self, claims: &Value) -> Result<Box<[Box<str>]>, Rejection> {
        let groups: Box<[Box<str>]> = match self.groups.as_ref().and_then(|path| path.resolve(claims)) {
            Some(Value::String(group)) => [group.as_str().into()].into(),
            Some(Value::Array(items)) => strings(items).unwrap_or_default(),
            _ => Box::default(),
        };
        let too_long = groups.iter().any(|group| group.len() > MAX_GROUP_BYTES);
        if too_long || groups.len() > MAX_GROUPS {
            return Err(Rejection::InvalidClaim { claim: Claim::Groups });
        }
        Ok(groups)
    }

    /// Returns the attributes that the claims have, in the order of the mapping.
    pub(crate) fn attributes(&self, claims: &Value) -> Result<Box<[(u32, AttributeValue)]>, Rejection> {
        let mut attributes = Vec::with_capacity(self.attributes.len());
        for (index, path) in &self.attributes {
            if let Some(value) = path.resolve(claims).and_then(attribute) {
                check_size(&value)?;
                attributes.push((*index, value));
            }
        }
        Ok(attributes.into())
    }
}

/// Returns strings, numbers, booleans and lists of strings. Objects, other lists, null and numbers that no [`Decimal`]
/// holds count as absent.
fn attribute(value: &Value) -> Option<AttributeValue> {
    match value {
        Value::String(text) => Some(AttributeValue::String(text.as_str().into())),
        Value::Number(number) => Decimal::parse(number.as_str()).ok().map(AttributeValue::Number),
        Value::Bool(boolean) => Some(AttributeValue::Boolean(*boolean)),
        Value::Array(items) => strings(items).map(AttributeValue::List),
        Value::Null | Value::Object(_) => None,
    }
}

fn check_size(value: &AttributeValue) -> Result<(), Rejection> {
    let fits = match value {
        AttributeValue::String(text) => text.len() <= MAX_STRING_BYTES,
        AttributeValue::List(items) => {
            items.len() <= MAX_LIST_ITEMS && items.iter().all(|item| item.len() <= MAX_STRING_BYTES)
        }
        AttributeValue::Number(_) | AttributeValue::Boolean(_) => true,
    };
    if fits {
        Ok(())
    } else {
        Err(Rejection::InvalidClaim {
            claim: Claim::Attribute,
        })
    }
}

/// Returns the items if each is a string.
fn strings(items: &[Value]) -> Option<Box<[Box<str>]>> {
    items.iter().map(|item| item.as_str().map(Into::into)).collect()
}
