//! An issuer: whose tokens are accepted, under which conditions, and where in them the tenant is.

use crate::algorithm::Algorithm;
use crate::claim_path::ClaimPath;
use crate::mapping::Mapping;
use crate::unverified::MAX_TOKEN_BYTES;

/// How far two clocks may be apart, in seconds, unless the definition says otherwise.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 30;
/// Largest leeway, in seconds: above it an expired token is plainly accepted.
pub const MAX_LEEWAY_SECONDS: u64 = 300;
/// Most audiences of an issuer.
pub const MAX_AUDIENCES: usize = 64;
/// Most attributes that an issuer maps.
pub const MAX_ATTRIBUTES: usize = 64;

/// What an issuer is said to be, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerDefinition {
    /// Its name, exactly as `iss` has it.
    pub issuer: String,
    /// A token must be meant for at least one of these.
    pub audiences: Vec<String>,
    /// What its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// How far the clocks may be apart, in seconds.
    pub leeway_seconds: u64,
    /// How old a token may be by its `iat`, in seconds; `iat` is then required.
    pub max_age_seconds: Option<u64>,
    /// What the header's `typ` must be, in any case and with or without `application/`.
    pub typ: Option<String>,
    /// Where the tenant is.
    pub tenant: ClaimPath,
    /// Where the user is.
    pub user: ClaimPath,
    /// Where the groups are.
    pub groups: Option<ClaimPath>,
    /// Where attributes are, each with the number by which the caller knows it.
    pub attributes: Vec<(u32, ClaimPath)>,
}

/// A checked issuer. Its keys come from elsewhere and change without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its position among the [`Issuers`](crate::Issuers) it belongs to.
    pub(crate) index: u32,
    pub(crate) name: Box<str>,
    pub(crate) audiences: Box<[Box<str>]>,
    pub(crate) algorithms: Box<[Algorithm]>,
    pub(crate) leeway_seconds: u64,
    pub(crate) max_age_seconds: Option<u64>,
    /// In lower case, without `application/`.
    pub(crate) media_type: Option<Box<str>>,
    pub(crate) mapping: Mapping,
}

/// Why an issuer can't be as it is defined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// The name is empty.
    #[error("an issuer needs a name")]
    NoName,
    /// A text that no token could hold.
    #[error("a name of {length} bytes fits into no token, which has at most {MAX_TOKEN_BYTES}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// No audience, which would accept tokens meant for anyone.
    #[error("an issuer needs at least one audience, or tokens meant for others would be accepted")]
    NoAudience,
    /// An audience without a character.
    #[error("an audience can't be empty")]
    EmptyAudience,
    /// More audiences than [`MAX_AUDIENCES`].
    #[error("an issuer has at most {MAX_AUDIENCES} audiences, this one has {count}")]
    TooManyAudiences {
        /// How many it has.
        count: usize,
    },
    /// No algorithm.
    #[error("an issuer needs at least one algorithm")]
    NoAlgorithm,
    /// Secrets and public keys together, from which the two can be confused.
    #[error("{symmetric} needs a secret and {asymmetric} a public key; an issuer has one or the other")]
    MixedAlgorithms {
        /// The first that uses a secret.
        symmetric: Algorithm,
        /// The first that uses a key pair.
        asymmetric: Algorithm,
    },
    /// More leeway than [`MAX_LEEWAY_SECONDS`].
    #[error("the leeway is at most {MAX_LEEWAY_SECONDS} seconds, not {seconds}")]
    LeewayTooLarge {
        /// The seconds asked for.
        seconds: u64,
    },
    /// An age of zero, which no token has.
    #[error("a maximum age of 0 seconds accepts no token")]
    ZeroAge,
    /// A type without a character.
    #[error("a token type can't be empty")]
    EmptyType,
    /// More attributes than [`MAX_ATTRIBUTES`].
    #[error("an issuer maps at most {MAX_ATTRIBUTES} attributes, this one maps {count}")]
    TooManyAttributes {
        /// How many it maps.
        count: usize,
    },
    /// One attribute from two places.
    #[error("an attribute is mapped twice, from `{first}` and from `{second}`")]
    RepeatedAttribute {
        /// The earlier path.
        first: ClaimPath,
        /// The later path.
        second: ClaimPath,
    },
}

impl IssuerDefinition {
    /// A definition with the defaults: 30 s of leeway, no maximum age, any `typ`, the user in `sub`, no groups
    /// and no attributes.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, algorithms: &[Algorithm], tenant: ClaimPath) -> Self {
        Self {
            issuer: issuer.to_owned(),
            audiences: vec![audience.to_owned()],
            algorithms: algorithms.to_vec(),
            leeway_seconds: DEFAULT_LEEWAY_SECONDS,
            max_age_seconds: None,
            typ: None,
            tenant,
            user: ClaimPath::subject(),
            groups: None,
            attributes: Vec::new(),
        }
    }

    fn check(&self) -> Result<(), InvalidIssuer> {
        if self.issuer.is_empty() {
            return Err(InvalidIssuer::NoName);
        }
        let names = self.audiences.iter().chain([&self.issuer]).chain(&self.typ);
        if let Some(length) = names.map(String::len).find(|length| *length > MAX_TOKEN_BYTES) {
            return Err(InvalidIssuer::TooLong { length });
        }
        match self.audiences.len() {
            0 => return Err(InvalidIssuer::NoAudience),
            count if count > MAX_AUDIENCES => return Err(InvalidIssuer::TooManyAudiences { count }),
            _ => {}
        }
        if self.audiences.iter().any(String::is_empty) {
            return Err(InvalidIssuer::EmptyAudience);
        }
        self.check_algorithms()?;
        if self.leeway_seconds > MAX_LEEWAY_SECONDS {
            return Err(InvalidIssuer::LeewayTooLarge {
                seconds: self.leeway_seconds,
            });
        }
        if self.max_age_seconds == Some(0) {
            return Err(InvalidIssuer::ZeroAge);
        }
        if self.typ.as_deref().is_some_and(|typ| media_type(typ).is_empty()) {
            return Err(InvalidIssuer::EmptyType);
        }
        self.check_attributes()
    }

    fn check_algorithms(&self) -> Result<(), InvalidIssuer> {
        let symmetric = self
            .algorithms
            .iter()
            .copied()
            .find(|algorithm| algorithm.is_symmetric());
        let asymmetric = self
            .algorithms
            .iter()
            .copied()
            .find(|algorithm| !algorithm.is_symmetric());
        match (symmetric, asymmetric) {
            (None, None) => Err(InvalidIssuer::NoAlgorithm),
            (Some(symmetric), Some(asymmetric)) => Err(InvalidIssuer::MixedAlgorithms {
                symmetric,
                asymmetric,
            }),
            (Some(_), None) | (None, Some(_)) => Ok(()),
        }
    }

    fn check_attributes(&self) -> Result<(), InvalidIssuer> {
        if self.attributes.len() > MAX_ATTRIBUTES {
            return Err(InvalidIssuer::TooManyAttributes {
                count: self.attributes.len(),
            });
        }
        for (position, (index, second)) in self.attributes.iter().enumerate() {
            let earlier = self
                .attributes
                .iter()
                .take(position)
                .find(|(other, _)| other == index);
            if let Some((_, first)) = earlier {
                return Err(InvalidIssuer::RepeatedAttribute {
                    first: first.clone(),
                    second: second.clone(),
                });
            }
        }
        Ok(())
    }
}

impl Issuer {
    /// Checks a definition.
    pub fn new(definition: IssuerDefinition) -> Result<Self, InvalidIssuer> {
        definition.check()?;
        Ok(Self {
            index: 0,
            name: definition.issuer.into(),
            audiences: definition.audiences.into_iter().map(Into::into).collect(),
            algorithms: definition.algorithms.into(),
            leeway_seconds: definition.leeway_seconds,
            max_age_seconds: definition.max_age_seconds,
            media_type: definition
                .typ
                .map(|typ| media_type(&typ).to_ascii_lowercase().into()),
            mapping: Mapping {
                tenant: definition.tenant,
                user: definition.user,
                groups: definition.groups,
                attributes: definition.attributes.into(),
            },
        })
    }

    /// Its name, as `iss` has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where in its tokens the tenant is.
    #[must_use]
    pub fn tenant_claim(&self) -> &ClaimPath {
        &self.mapping.tenant
    }

    /// What its tokens may be signed with: what its key sets are to be read with.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// How far the clocks may be apart, in seconds.
    #[must_use]
    pub fn leeway_seconds(&self) -> u64 {
        self.leeway_seconds
    }

    /// Whether a token's `typ` is what this issuer's tokens must have.
    pub(crate) fn accepts_type(&self, typ: Option<&str>) -> bool {
        match &self.media_type {
            None => true,
            Some(expected) => typ.is_some_and(|typ| media_type(typ).eq_ignore_ascii_case(expected)),
        }
    }
}

/// A `typ` without the `application/` that may be left out (RFC 7515 section 4.1.9).
fn media_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests;
