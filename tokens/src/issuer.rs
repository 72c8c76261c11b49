//! An issuer: the conditions under which its tokens are accepted, and the paths to the claims.

use crate::algorithm::Algorithm;
use crate::claim_path::ClaimPath;
use crate::mapping::Mapping;
use crate::unverified::MAX_TOKEN_BYTES;

/// The tolerated difference between two clocks, in seconds, if the definition sets none.
pub const DEFAULT_LEEWAY_SECONDS: u64 = 30;
/// Largest leeway, in seconds: above it an expired token is plainly accepted.
pub const MAX_LEEWAY_SECONDS: u64 = 300;
/// Most audiences of an issuer.
pub const MAX_AUDIENCES: usize = 64;
/// Most attributes that an issuer maps.
pub const MAX_ATTRIBUTES: usize = 64;

/// The definition of an issuer, before it is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuerDefinition {
    /// Its name, exactly as `iss` has it.
    pub issuer: String,
    /// The accepted audiences; a token must have at least one of them.
    pub audiences: Vec<String>,
    /// The algorithms that its tokens may be signed with.
    pub algorithms: Vec<Algorithm>,
    /// The tolerated difference between two clocks, in seconds.
    pub leeway_seconds: u64,
    /// The maximum age of a token by its `iat`, in seconds. With it, `iat` is required.
    pub max_age_seconds: Option<u64>,
    /// The required `typ` of the header, compared in any case and with or without `application/`.
    pub typ: Option<String>,
    /// The path to the tenant.
    pub tenant: ClaimPath,
    /// The path to the user.
    pub user: ClaimPath,
    /// The path to the groups.
    pub groups: Option<ClaimPath>,
    /// The paths to attributes, each with the caller's number for it.
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
    /// The required type in lower case, without `application/`.
    pub(crate) media_type: Option<Box<str>>,
    pub(crate) mapping: Mapping,
}

/// Reasons for refusing the definition of an issuer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIssuer {
    /// The name is empty.
    #[error("an issuer needs a name")]
    NoName,
    /// A text that no token could hold.
    #[error("a name of {length} bytes does not fit into a token, which has at most {MAX_TOKEN_BYTES}")]
    TooLong {
        /// Its length in bytes.
        length: usize,
    },
    /// No audience: tokens meant for others would be accepted.
    #[error("an issuer needs at least one audience, or tokens meant for others would be accepted")]
    NoAudience,
    /// An audience without a character.
    #[error("an audience can't be empty")]
    EmptyAudience,
    /// More audiences than [`MAX_AUDIENCES`].
    #[error("an issuer has at most {MAX_AUDIENCES} audiences, this one has {count}")]
    TooManyAudiences {
        /// The number of audiences.
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
        /// The leeway of the definition.
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
        /// The number of attributes.
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
    /// Creates a definition with the defaults: 30 s of leeway, no maximum age, any `typ`, the user in `sub`,
    /// no groups and no attributes.
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

    /// Returns its name, as `iss` has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the accepted audiences.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        self.audiences.iter().map(|audience| &**audience)
    }

    /// Returns the required `typ` in lower case, without `application/`; none if any is accepted.
    #[must_use]
    pub fn required_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    /// Returns the path to the tenant in its tokens.
    #[must_use]
    pub fn tenant_claim(&self) -> &ClaimPath {
        &self.mapping.tenant
    }

    /// Returns the algorithms that its tokens may be signed with. Its key sets are read with the same list.
    #[must_use]
    pub fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Returns the tolerated difference between two clocks, in seconds.
    #[must_use]
    pub fn leeway_seconds(&self) -> u64 {
        self.leeway_seconds
    }

    /// Returns true if `typ` is the type that the issuer requires, or if it requires none.
    pub(crate) fn accepts_type(&self, typ: Option<&str>) -> bool {
        match &self.media_type {
            None => true,
            Some(expected) => typ.is_some_and(|typ| media_type(typ).eq_ignore_ascii_case(expected)),
        }
    }
}

/// Returns a `typ` without the prefix `application/`, which is optional (RFC 7515 section 4.1.9).
fn media_type(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, rest)) if prefix.eq_ignore_ascii_case(PREFIX) => rest,
        _ => typ,
    }
}

#[cfg(test)]
mod tests;
