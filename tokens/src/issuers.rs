//! The issuers whose tokens are accepted, by name.

use std::collections::HashMap;

use crate::issuer::Issuer;
use crate::rejection::Rejection;
use crate::unverified::Unverified;

/// Most issuers.
pub const MAX_ISSUERS: usize = 256;

/// The issuers whose tokens are accepted. An empty list is valid and accepts no token.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Issuers {
    issuers: Box<[Issuer]>,
    by_name: HashMap<Box<str>, u32>,
}

/// Reasons for refusing a list of issuers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuers {
    /// Two have one name.
    #[error("two issuers are named `{name}`")]
    RepeatedName {
        /// The name.
        name: Box<str>,
    },
    /// More than [`MAX_ISSUERS`].
    #[error("there are {count} issuers, where at most {MAX_ISSUERS} are allowed")]
    TooMany {
        /// The number of issuers.
        count: usize,
    },
}

impl Issuers {
    /// Takes issuers in their order, which becomes [`Identity::issuer`](crate::Identity::issuer).
    pub fn new(issuers: Vec<Issuer>) -> Result<Self, InvalidIssuers> {
        if issuers.len() > MAX_ISSUERS {
            return Err(InvalidIssuers::TooMany { count: issuers.len() });
        }
        let mut issuers = issuers.into_boxed_slice();
        let mut by_name = HashMap::with_capacity(issuers.len());
        for (index, issuer) in (0..).zip(issuers.iter_mut()) {
            issuer.index = index;
            if by_name.insert(issuer.name.clone(), index).is_some() {
                return Err(InvalidIssuers::RepeatedName {
                    name: issuer.name.clone(),
                });
            }
        }
        Ok(Self { issuers, by_name })
    }

    /// Returns the issuer whose name equals the token's `iss`.
    pub fn pick(&self, token: &Unverified<'_>) -> Result<&Issuer, Rejection> {
        let index = self.by_name.get(token.issuer()).copied();
        index
            .and_then(|index| self.at(index))
            .ok_or(Rejection::UnknownIssuer)
    }

    /// Returns the issuer at a position, as in [`Identity::issuer`](crate::Identity::issuer).
    #[must_use]
    pub fn at(&self, index: u32) -> Option<&Issuer> {
        self.issuers.get(index as usize)
    }

    /// Returns all issuers, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.issuers.iter()
    }
}
