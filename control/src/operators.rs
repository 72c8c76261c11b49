//! Sign-in of operators: static tokens, tokens of an issuer, or, if neither is configured, any local caller. Returns
//! an actor; the permissions of roles are in `changes/src/permission.rs`.

mod attempts;
mod credential;
mod identity_provider;
mod same_origin;
mod searches;
mod seen_groups;
mod static_token;
mod token_index;
mod verify;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::http::{HeaderMap, header};
use changes::{Actor, Permission, Role, Standing};
use parking_lot::RwLock;
use rules::Timestamp;
use tokens::OPERATOR_TOKEN_PREFIX;

pub(crate) use attempts::counted_as;
pub use attempts::{FAILURES_PER_MINUTE, MAX_PEERS};
pub use credential::{Credential, IssuedClaims};
pub use identity_provider::{
    BegunSignIn, IdentityProvider, ProviderAnswer, ProviderDefinition, ProviderError, VerifyIdToken,
};
pub use same_origin::{Foreign, same_origin};
pub use static_token::{StaticToken, TokenHash, TokenHashError};
pub use verify::{NotVerified, VerifiedToken, VerifyToken};

use attempts::Attempts;
use seen_groups::SeenGroups;
use token_index::TokenIndex;

/// The largest number of static tokens.
pub const MAX_STATIC_TOKENS: usize = 1_000;
/// The largest credential that is examined, in bytes.
pub const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// The longest name to display, in characters.
const MAX_DISPLAY_NAME: usize = 256;

/// The prefix of the names of actors with an issuer's token; static tokens may not have it.
const ISSUER_PREFIX: &str = "oidc:";

/// The accepted credentials. They can be replaced while requests are served.
pub struct Operators {
    /// None if no credentials are configured.
    accepted: RwLock<Option<Arc<Accepted>>>,
    attempts: Attempts,
    groups: SeenGroups,
}

/// The accepted credentials, indexed.
struct Accepted {
    tokens: TokenIndex,
    issuer: Option<IssuerRoles>,
    provider: Option<Arc<IdentityProvider>>,
}

/// The accepted credentials.
#[derive(Default)]
pub struct Known {
    /// Static tokens; those after the first [`MAX_STATIC_TOKENS`] are ignored.
    pub tokens: Vec<StaticToken>,
    /// The issuer whose tokens are accepted, with its roles.
    pub issuer: Option<IssuerRoles>,
    /// The identity provider by which people sign in at the console.
    pub provider: Option<Arc<IdentityProvider>>,
}

/// An issuer whose tokens are accepted, and the roles of its claims.
#[derive(Clone)]
pub struct IssuerRoles {
    /// The issuer. It is part of the actor's name (`oidc:ISSUER#SUBJECT`), so that the name cannot equal that of a
    /// static token or of another issuer's subject.
    pub issuer: String,
    /// The verifier of its tokens.
    pub verify: Arc<dyn VerifyToken>,
    /// Values of the claim of roles and their roles here. Other values have no role.
    pub roles: Vec<(String, Role)>,
}

/// A caller that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedIn {
    /// The actor.
    pub actor: Actor,
    /// The time from which the credentials are rejected; none if they do not expire.
    pub expires: Option<Timestamp>,
}

/// The reason why a caller is not signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotSignedIn {
    /// No credentials were sent, but credentials are configured.
    Missing,
    /// The credentials are invalid.
    Invalid {
        /// A fixed text for the log and the client.
        reason: &'static str,
    },
    /// The credentials are valid, but their subject has no role.
    NoRole {
        /// The name of the subject.
        name: String,
    },
    /// The credentials cannot be verified now.
    Unavailable,
    /// Too many sign-ins from this address failed, this one included.
    TooMany {
        /// The time to wait before the next attempt.
        wait: Duration,
    },
    /// The token has to be searched for, and too many callers wait for a search.
    TooManyWaiting,
    /// No credentials are configured, and the caller is not on this machine.
    NotLocal,
}

impl Operators {
    /// Creates operators without credentials: any caller on this machine is a platform admin.
    #[must_use]
    pub fn local() -> Self {
        Self::over(None)
    }

    /// Creates operators with these credentials; with none in the list, no caller can sign in.
    #[must_use]
    pub fn of(known: Known) -> Self {
        Self::over(Some(known))
    }

    fn over(known: Option<Known>) -> Self {
        Self {
            accepted: RwLock::new(known.map(|known| Accepted::of(known, None))),
            attempts: Attempts::new(),
            groups: SeenGroups::default(),
        }
    }

    /// Replaces the accepted credentials; with none, any caller on this machine is a platform admin.
    pub fn replace(&self, known: Option<Known>) {
        let mut accepted = self.accepted.write();
        let former = accepted.take();
        *accepted = known.map(|known| Accepted::of(known, former.as_deref()));
    }

    /// Rejects the accepted static tokens and issuer that these credentials do not have any more, and accepts no others.
    pub fn revoke_missing(&self, known: &Known) {
        let mut accepted = self.accepted.write();
        if let Some(former) = &*accepted {
            let is_kept = |issuer: &&IssuerRoles| {
                let known = known.issuer.as_ref();
                known.is_some_and(|known| known.issuer == issuer.issuer)
            };
            let is_known = |provider: &&Arc<IdentityProvider>| {
                let known = known.provider.as_ref();
                known.is_some_and(|known| known.issuer() == provider.issuer())
            };
            let kept = Known {
                tokens: former.tokens.present_in(&known.tokens),
                issuer: former.issuer.as_ref().filter(is_kept).cloned(),
                provider: former.provider.as_ref().filter(is_known).cloned(),
            };
            *accepted = Some(Accepted::of(kept, Some(former)));
        }
    }

    /// Returns true if credentials are configured.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.accepted.read().is_some()
    }

    /// Returns the actor of a request, and the end of its credentials, from its headers and the address of its peer.
    ///
    /// # Errors
    /// The caller is not signed in. Failures are counted by address. A valid token is accepted whatever the address did
    /// before, so that the failures of one caller do not lock out another. One that has to be searched for waits for its
    /// turn, and is refused if too many callers wait.
    pub async fn sign_in(
        &self,
        headers: &HeaderMap,
        peer: SocketAddr,
        now: Timestamp,
    ) -> Result<SignedIn, NotSignedIn> {
        if !self.asks() {
            return local(peer);
        }
        match bearer(headers) {
            Ok(None) => Err(NotSignedIn::Missing),
            Ok(Some(token)) => {
                let found = self.sign_in_with(token, peer, now).await;
                found.map(|(signed_in, _)| signed_in)
            }
            Err(reason) => Err(self.failed(reason, peer)),
        }
    }

    /// Returns the actor of a token, the end of the token, and the token without its secret, for a session.
    ///
    /// # Errors
    /// As of [`Operators::sign_in`]; and if no credentials are configured, or the token is too long.
    pub async fn sign_in_with(
        &self,
        token: &str,
        peer: SocketAddr,
        now: Timestamp,
    ) -> Result<(SignedIn, Credential), NotSignedIn> {
        if token.is_empty() {
            return Err(NotSignedIn::Missing);
        }
        if token.len() > MAX_CREDENTIAL_BYTES {
            return Err(self.failed("the token is too long", peer));
        }
        let mut accepted = self.accepted().ok_or(NotSignedIn::Missing)?;
        let mut turn = None;
        if let Some(tokens) = accepted.tokens.searched_tokens(token) {
            let searches = self.attempts.searches(peer.ip());
            let waited = searches.turn(counted_as(peer.ip()), tokens).await;
            turn = Some(waited.ok_or(NotSignedIn::TooManyWaiting)?);
            // The credentials may have been replaced while the caller waited.
            accepted = self.accepted().ok_or(NotSignedIn::Missing)?;
        }
        let found = accepted.sign_in(token, now).await;
        drop(turn);
        match &found {
            Ok((SignedIn { actor, .. }, _)) if actor.name.starts_with(ISSUER_PREFIX) => {
                self.groups.note(actor);
            }
            Err(NotSignedIn::NoRole { name }) => self.groups.note_without_role(name),
            _ => {}
        }
        match found {
            Err(NotSignedIn::Invalid { reason }) => Err(self.failed(reason, peer)),
            found => found,
        }
    }

    /// Returns the present actor of a credential that has signed in; none if it has expired or is not accepted any more.
    #[must_use]
    pub fn present(&self, credential: &Credential, now: Timestamp) -> Option<SignedIn> {
        self.accepted()?.present(credential, now)
    }

    /// Returns the identity provider by which people sign in at the console.
    #[must_use]
    pub fn provider(&self) -> Option<Arc<IdentityProvider>> {
        self.accepted()?.provider.clone()
    }

    /// Returns the actor of a person whom the identity provider has signed in. Their session may be longer than the ID token,
    /// which is for the sign-in alone.
    ///
    /// # Errors
    /// The person has no role, or there is no provider any more.
    pub fn sign_in_person(
        &self,
        provider: &IdentityProvider,
        verified: &VerifiedToken,
    ) -> Result<(SignedIn, Credential), NotSignedIn> {
        let accepted = self.accepted().ok_or(NotSignedIn::Missing)?;
        let credential = Credential::Person(IssuedClaims::new(provider.issuer(), verified));
        let known = accepted.provider.as_ref();
        let known = known.filter(|known| known.issuer() == provider.issuer());
        let signed_in = known.ok_or(NotSignedIn::Missing)?.signed_in(verified.clone());
        match &signed_in {
            Ok(signed_in) => self.groups.note(&signed_in.actor),
            Err(NotSignedIn::NoRole { name }) => self.groups.note_without_role(name),
            Err(_) => {}
        }
        Ok((signed_in?, credential))
    }

    /// Counts a failed sign-in, and returns the reason to report.
    pub fn failed(&self, reason: &'static str, peer: SocketAddr) -> NotSignedIn {
        match self.attempts.failed(peer.ip()) {
            Some(wait) => NotSignedIn::TooMany { wait },
            None => NotSignedIn::Invalid { reason },
        }
    }

    /// Returns the present knowledge about an operator by its name in the audit log. Of an operator of an issuer only the
    /// issuer is known, and the groups of the last sign-in with this process if there was one.
    #[must_use]
    pub fn standing(&self, name: &str, now: Timestamp) -> Standing {
        let Some(accepted) = self.accepted() else {
            return Standing::Present { groups: None };
        };
        accepted.standing(name, now, &self.groups)
    }

    fn accepted(&self) -> Option<Arc<Accepted>> {
        self.accepted.read().clone()
    }
}

impl Accepted {
    /// Creates the credentials. Tokens that have signed in with the former ones are found as fast as before.
    fn of(known: Known, former: Option<&Self>) -> Arc<Self> {
        let tokens = TokenIndex::new(known.tokens, MAX_STATIC_TOKENS);
        if let Some(former) = former {
            tokens.remember(&former.tokens);
        }
        Arc::new(Self {
            tokens,
            issuer: known.issuer,
            provider: known.provider,
        })
    }

    /// Returns the actor of a token, and its end. One that is searched for needs a turn.
    async fn sign_in(&self, token: &str, now: Timestamp) -> Result<(SignedIn, Credential), NotSignedIn> {
        if token.starts_with(OPERATOR_TOKEN_PREFIX) {
            return self.holder(token, now);
        }
        match &self.issuer {
            // Whatever the address did before: an operator behind it must be able to kill a flag.
            Some(issuer) => issuer.sign_in(token, now).await,
            None => Err(NotSignedIn::Invalid {
                reason: "the token is unknown",
            }),
        }
    }

    /// Returns the standing of an operator.
    fn standing(&self, name: &str, now: Timestamp, seen: &SeenGroups) -> Standing {
        if let Some(rest) = name.strip_prefix(ISSUER_PREFIX) {
            let is_of = |issuer: &str| {
                let subject = rest.strip_prefix(issuer);
                subject.is_some_and(|subject| subject.starts_with('#'))
            };
            let of_issuer = self.issuer.as_ref().is_some_and(|issuer| is_of(&issuer.issuer));
            let of_provider = self
                .provider
                .as_ref()
                .is_some_and(|provider| is_of(provider.issuer()));
            return match of_issuer || of_provider {
                true => seen.standing(name),
                false => Standing::Removed,
            };
        }
        let operates = |token: &StaticToken| {
            let is_valid = token.expires.is_none_or(|expires| now < expires);
            token.name == name && is_valid && Permission::Operate.roles().contains(&token.role)
        };
        match self.tokens.all().iter().any(operates) {
            true => Standing::Present {
                groups: Some(Vec::new()),
            },
            false => Standing::Removed,
        }
    }

    fn holder(&self, token: &str, now: Timestamp) -> Result<(SignedIn, Credential), NotSignedIn> {
        let mut holder = self.tokens.find(token);
        if holder.is_none() && self.tokens.searched_tokens(token).is_some() {
            holder = self.tokens.search(token);
        }
        match holder {
            Some(known) if known.expires.is_some_and(|expires| now >= expires) => Err(NotSignedIn::Invalid {
                reason: "the token has expired",
            }),
            Some(known) => Ok((known.signed_in(), Credential::of_hash(&known.hash))),
            None => Err(NotSignedIn::Invalid {
                reason: "the token is unknown",
            }),
        }
    }
}

impl IssuerRoles {
    async fn sign_in(&self, token: &str, now: Timestamp) -> Result<(SignedIn, Credential), NotSignedIn> {
        let verified = self.verify.verify(token, now).await;
        let verified = verified.map_err(|error| match error {
            NotVerified::Invalid { reason } => NotSignedIn::Invalid { reason },
            NotVerified::Unavailable => NotSignedIn::Unavailable,
        })?;
        let claims = IssuedClaims::new(&self.issuer, &verified);
        Ok((self.signed_in(verified)?, Credential::IssuerToken(claims)))
    }

    /// Returns the actor of a verified token.
    fn signed_in(&self, verified: VerifiedToken) -> Result<SignedIn, NotSignedIn> {
        let expires = Some(verified.expires);
        let actor = actor(&self.issuer, &self.roles, verified)?;
        Ok(SignedIn { actor, expires })
    }
}

impl IdentityProvider {
    /// Returns the actor of a verified ID token. It expires with its session.
    fn signed_in(&self, verified: VerifiedToken) -> Result<SignedIn, NotSignedIn> {
        let actor = actor(self.issuer(), self.roles(), verified)?;
        Ok(SignedIn { actor, expires: None })
    }
}

/// Returns the actor of a verified token of an issuer.
fn actor(issuer: &str, roles: &[(String, Role)], verified: VerifiedToken) -> Result<Actor, NotSignedIn> {
    let given = verified.roles.iter();
    let role = given
        .filter_map(|given| roles.iter().find(|(name, _)| name == given))
        .map(|(_, role)| *role)
        .max();
    let name = format!("{ISSUER_PREFIX}{issuer}#{}", verified.subject);
    match (role, verified.org) {
        (Some(Role::OrgAdmin), None) | (None, _) => Err(NotSignedIn::NoRole { name }),
        (Some(role), org) => Ok(Actor {
            name,
            display_name: verified.display_name.filter(|name| is_displayable(name)),
            role,
            groups: verified.roles,
            org: org.filter(|_| role == Role::OrgAdmin),
        }),
    }
}

/// Returns true for a name of 1 to [`MAX_DISPLAY_NAME`] characters without control characters. Another one is not
/// displayed.
fn is_displayable(name: &str) -> bool {
    (1..=MAX_DISPLAY_NAME).contains(&name.chars().count()) && !name.chars().any(char::is_control)
}

/// Returns the actor of a caller on this machine.
fn local(peer: SocketAddr) -> Result<SignedIn, NotSignedIn> {
    if !is_loopback(peer.ip()) {
        return Err(NotSignedIn::NotLocal);
    }
    Ok(SignedIn {
        actor: Actor::local(),
        expires: None,
    })
}

fn is_loopback(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// Returns the token of the single `Authorization: Bearer TOKEN` header (RFC 6750 section 2.1); the scheme is
/// case-insensitive.
fn bearer(headers: &HeaderMap) -> Result<Option<&str>, &'static str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return match headers.contains_key(header::AUTHORIZATION) {
            true => Err("authorization is given twice"),
            false => Ok(None),
        };
    };
    let value = value.to_str().map_err(|_| "authorization is not visible ASCII")?;
    let (scheme, token) = value.split_once(' ').ok_or("authorization has no token")?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err("authorization is not `Bearer TOKEN`");
    }
    let token = token.trim_matches(' ');
    match token.len() {
        0 => Err("authorization has no token"),
        1..=MAX_CREDENTIAL_BYTES => Ok(Some(token)),
        _ => Err("the token is too long"),
    }
}

#[cfg(test)]
mod tests;
