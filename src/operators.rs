//! The operators, from the documents: static tokens, and tokens of an issuer, which are verified by the keys that the
//! proxy fetches.

use std::sync::Arc;

use anyhow::{Context, Result};
use async_trait::async_trait;
use config::{
    ChangePolicy, Files, LoadedConfig, OperatorRole, OperatorSettings, OperatorToken, PersonSignIn,
    PromotionCondition,
};
use control::operators::{
    IdentityProvider, IssuerRoles, Known, NotVerified, ProviderDefinition, StaticToken, TokenHash,
    VerifiedToken, VerifyIdToken, VerifyToken,
};
use control::{
    BetaPolicy, Code, ErrorLimit, GaPolicy, LifecyclePolicy, MetricSource, RequiredSignOff, Revertible, Role,
    Signer, StaleLimits, StateOrder, UrgentPolicy,
};
use parking_lot::Mutex;
use proxy::{IssuerKeys, KeyStore, RefreshSettings, Unproven};
use rules::{AttributeValue, Timestamp};
use tokens::{Identity, Issuer, Unverified};
use tracing::warn;

use crate::issuer_keys::issuer_keys;

/// Tokens of one issuer.
struct IssuerTokens {
    issuer: Issuer,
    keys: Arc<IssuerKeys>,
}

#[async_trait]
impl VerifyToken for IssuerTokens {
    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, NotVerified> {
        let identity = verified(&self.issuer, &self.keys, token, now).await?;
        let display_name = match identity.attributes.first() {
            Some((_, AttributeValue::String(name))) => Some(name.to_string()),
            _ => None,
        };
        claims(&self.issuer, identity, display_name)
    }
}

/// ID tokens of the provider by which people sign in.
struct IdTokens {
    issuer: Issuer,
    client_id: Box<str>,
    store: Arc<KeyStore>,
    /// The keys of the last sign-in, by their URL, so that they are not fetched for each.
    keys: Mutex<Option<(String, Arc<IssuerKeys>)>>,
}

impl IdTokens {
    fn keys(&self, url: &str) -> Result<Arc<IssuerKeys>, NotVerified> {
        let mut kept = self.keys.lock();
        if let Some((known, keys)) = &*kept
            && known == url
        {
            return Ok(Arc::clone(keys));
        }
        let refresh = RefreshSettings::from_ms(ID_TOKEN_KEYS_REFRESH_MS, None);
        let keys = self.store.remote(&self.issuer, url, refresh);
        let keys = keys.map_err(|error| {
            warn!("the keys of the identity provider can't be fetched: {error}");
            NotVerified::Unavailable
        })?;
        *kept = Some((url.to_owned(), Arc::clone(&keys)));
        Ok(keys)
    }
}

#[async_trait]
impl VerifyIdToken for IdTokens {
    async fn verify(
        &self,
        keys_url: &str,
        token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<VerifiedToken, NotVerified> {
        let keys = self.keys(keys_url)?;
        let identity = verified(&self.issuer, &keys, token, now).await?;
        let attribute = |number| {
            let mut attributes = identity.attributes.iter();
            attributes.find_map(|(found, value)| match value {
                AttributeValue::String(text) if *found == number => Some(&**text),
                _ => None,
            })
        };
        let invalid = |reason| Err(NotVerified::Invalid { reason });
        if attribute(PersonSignIn::NONCE) != Some(nonce) {
            return invalid("the ID token is of another sign-in (nonce)");
        }
        // OpenID Connect Core 1.0 section 3.1.3.7: a token for several clients names the one that asked for it.
        if attribute(PersonSignIn::AUTHORIZED_PARTY).is_some_and(|party| party != &*self.client_id) {
            return invalid("the ID token was issued to another client (azp)");
        }
        let display_name = attribute(PersonSignIn::NAME).map(str::to_owned);
        claims(&self.issuer, identity, display_name)
    }
}

/// The interval between fetches of the keys of ID tokens, in milliseconds.
const ID_TOKEN_KEYS_REFRESH_MS: u64 = 5 * 60 * 1_000;

/// Verifies a token, and returns its identity.
async fn verified(
    issuer: &Issuer,
    keys: &Arc<IssuerKeys>,
    token: &str,
    now: Timestamp,
) -> Result<Identity, NotVerified> {
    let invalid = |rejection: tokens::Rejection| NotVerified::Invalid {
        reason: rejection.description(),
    };
    let unverified = Unverified::parse(token).map_err(invalid)?;
    let seconds = u64::try_from(now.0.div_euclid(1_000)).unwrap_or(0);
    let verified = keys.verify(issuer, &unverified, seconds).await;
    verified.map_err(|unproven| match unproven {
        Unproven::Rejected(rejection) => invalid(rejection),
        Unproven::NoKeys => NotVerified::Unavailable,
    })
}

/// Returns the claims of an operator.
fn claims(
    issuer: &Issuer,
    identity: Identity,
    display_name: Option<String>,
) -> Result<VerifiedToken, NotVerified> {
    let Some(subject) = identity.user else {
        return Err(NotVerified::Invalid {
            reason: "the token has no subject (`sub`)",
        });
    };
    Ok(VerifiedToken {
        subject: subject.to_string(),
        display_name,
        roles: identity.groups.iter().map(ToString::to_string).collect(),
        org: identity.tenant.ok().map(|org| org.as_str().to_owned()),
        expires: rejected_from(identity.expires_at, issuer),
    })
}

/// Returns the time from which a token that expires at this second is rejected.
fn rejected_from(expires_at: u64, issuer: &Issuer) -> Timestamp {
    let seconds = expires_at.saturating_add(issuer.leeway_seconds());
    Timestamp(i64::try_from(seconds.saturating_mul(1_000)).unwrap_or(i64::MAX))
}

/// Builds the operators of the loaded document; `None` if it has no `admin.operators`.
///
/// # Errors
/// A token has an invalid hash or role, or two issuers have the same name.
pub(crate) fn load(loaded: &LoadedConfig, keys: &Arc<KeyStore>) -> Result<Option<Known>> {
    let Some(operators) = &loaded.operators else {
        return Ok(None);
    };
    build(&operators.tokens, operators, keys).map(Some)
}

/// Builds the operators from the current file of tokens and the loaded issuer; without a file, those of the loaded
/// document. `None` if the file is invalid, or there are no operators.
pub(crate) fn reload_tokens(loaded: &LoadedConfig, keys: &Arc<KeyStore>) -> Option<Known> {
    let operators = loaded.operators.as_ref()?;
    let tokens = match operators.tokens_file.as_deref() {
        Some(file) => config::operator_tokens(Files::Disk, file).ok()?,
        None => operators.tokens.clone(),
    };
    build(&tokens, operators, keys).ok()
}

fn build(tokens: &[OperatorToken], operators: &OperatorSettings, keys: &Arc<KeyStore>) -> Result<Known> {
    let tokens = tokens.iter().map(|token| {
        Ok(StaticToken {
            name: token.name.to_string(),
            role: role(token.role),
            org: token.org.as_deref().map(str::to_owned),
            hash: TokenHash::parse(&token.hash).with_context(|| format!("the token of {}", token.name))?,
            expires: token.expires,
        })
    });
    // The keys are shared with the proxy's routes if name, URL and algorithms of the issuer are equal.
    let issuer = match &operators.issuer {
        None => None,
        Some(operator) => {
            let issuer = operator.issuer.issuer.clone();
            let keys = issuer_keys(&operator.issuer, keys)?;
            Some(IssuerRoles {
                issuer: issuer.name().to_owned(),
                verify: Arc::new(IssuerTokens { issuer, keys }),
                roles: roles(&operator.roles),
            })
        }
    };
    let provider = operators.sign_in.as_ref().map(|sign_in| provider(sign_in, keys));
    Ok(Known {
        tokens: tokens.collect::<Result<_>>()?,
        issuer,
        provider: provider.transpose()?,
    })
}

/// Builds the identity provider by which people sign in.
fn provider(sign_in: &PersonSignIn, keys: &Arc<KeyStore>) -> Result<Arc<IdentityProvider>> {
    let definition = ProviderDefinition {
        issuer: sign_in.issuer.name().to_owned(),
        client_id: sign_in.client_id.to_string(),
        client_secret_file: sign_in.client_secret_file.clone(),
        scopes: sign_in.scopes.iter().map(ToString::to_string).collect(),
        roles: roles(&sign_in.roles),
    };
    let verify = IdTokens {
        issuer: sign_in.issuer.clone(),
        client_id: sign_in.client_id.clone(),
        store: Arc::clone(keys),
        keys: Mutex::new(None),
    };
    let provider = IdentityProvider::new(definition, Arc::new(verify)).map_err(anyhow::Error::msg);
    Ok(Arc::new(provider.context("the identity provider of operators")?))
}

/// Returns the roles by value of a claim.
fn roles(written: &[(Box<str>, OperatorRole)]) -> Vec<(String, Role)> {
    let roles = written.iter();
    roles
        .map(|(value, name)| (value.to_string(), role(*name)))
        .collect()
}

/// Returns the policy of the document, with defaults for what it leaves out.
pub(crate) fn policy(changes: &ChangePolicy) -> LifecyclePolicy {
    let default = LifecyclePolicy::default();
    let ms = |written: Option<u64>, default: i64| {
        written.map_or(default, |ms| i64::try_from(ms).unwrap_or(i64::MAX))
    };
    let own_ms = |written: Option<u64>| written.map(|ms| i64::try_from(ms).unwrap_or(i64::MAX));
    LifecyclePolicy {
        soak_ms: ms(changes.soak_ms, default.soak_ms),
        beta: BetaPolicy {
            soak_ms: own_ms(changes.beta_soak_ms),
            sign_offs: sign_offs(changes.beta_sign_offs.as_deref()),
            errors: ErrorLimit {
                allowed: changes.beta_errors.or(default.beta.errors.allowed),
                window_ms: ms(changes.beta_errors_window_ms, default.beta.errors.window_ms),
            },
        },
        ga: GaPolicy {
            soak_ms: own_ms(changes.ga_soak_ms),
            tenants: changes.ga_tenants.unwrap_or(default.ga.tenants),
            tenant_age_ms: ms(changes.ga_tenant_age_ms, default.ga.tenant_age_ms),
            stable_ms: ms(changes.ga_stable_ms, default.ga.stable_ms),
            revertible: match changes.ga_revertible {
                Some(false) => Revertible::Optional,
                Some(true) => Revertible::Required,
                None => default.ga.revertible,
            },
            sign_offs: sign_offs(changes.ga_sign_offs.as_deref()),
            errors: ErrorLimit {
                allowed: changes.ga_errors.or(default.ga.errors.allowed),
                window_ms: ms(changes.ga_errors_window_ms, default.ga.errors.window_ms),
            },
        },
        retired_soak_ms: own_ms(changes.retired_soak_ms),
        watch_ms: ms(changes.watch_ms, default.watch_ms),
        urgent: UrgentPolicy {
            never_skipped: match &changes.urgent_never_skips {
                Some(conditions) => conditions
                    .iter()
                    .filter_map(|condition| code(*condition))
                    .collect(),
                None => default.urgent.never_skipped,
            },
            states: match changes.urgent_skips_states {
                Some(true) => StateOrder::MaySkip,
                Some(false) => StateOrder::Kept,
                None => default.urgent.states,
            },
        },
        max_blast_radius: match changes.max_blast_radius {
            Some(0) => None,
            Some(limit) => Some(limit),
            None => default.max_blast_radius,
        },
        stale: StaleLimits {
            ga_ms: ms(changes.stale_ga_ms, default.stale.ga_ms),
            unused_ms: ms(changes.stale_unused_ms, default.stale.unused_ms),
            undecided_ms: ms(changes.stale_undecided_ms, default.stale.undecided_ms),
        },
        metrics: match changes.prometheus {
            Some(_) => MetricSource::Prometheus,
            None => MetricSource::Missing,
        },
    }
}

/// Returns the required sign-offs; none by default.
fn sign_offs(written: Option<&[config::RequiredSignOff]>) -> Vec<RequiredSignOff> {
    let signer = |signer: &config::Signer| match signer {
        config::Signer::Name(name) => Signer::Name(name.to_string()),
        config::Signer::Group(group) => Signer::Group(group.to_string()),
        config::Signer::Owner => Signer::Owner,
    };
    let required = written.into_iter().flatten().map(|required| RequiredSignOff {
        role: required.role.to_string(),
        signers: required
            .signers
            .as_ref()
            .map(|signers| signers.iter().map(signer).collect()),
    });
    required.collect()
}

/// Returns the code of a condition.
fn code(condition: PromotionCondition) -> Option<Code> {
    Code::ALL
        .into_iter()
        .find(|code| code.as_str() == condition.as_str())
}

fn role(role: OperatorRole) -> Role {
    match role {
        OperatorRole::Viewer => Role::Viewer,
        OperatorRole::Operator => Role::Operator,
        OperatorRole::PlatformAdmin => Role::PlatformAdmin,
        OperatorRole::OrgAdmin => Role::OrgAdmin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_takes_stale_limits_and_defaults_for_the_rest() {
        let changes = ChangePolicy {
            stale_ga_ms: Some(1),
            stale_unused_ms: Some(2),
            stale_undecided_ms: Some(3),
            ..ChangePolicy::default()
        };
        let expected = StaleLimits {
            ga_ms: 1,
            unused_ms: 2,
            undecided_ms: 3,
        };
        assert_eq!(policy(&changes).stale, expected);
        assert_eq!(policy(&ChangePolicy::default()), LifecyclePolicy::default());
    }

    #[test]
    fn every_condition_of_a_promotion_has_the_code_of_its_refusal() {
        for condition in PromotionCondition::ALL {
            assert!(code(condition).is_some(), "{condition}");
        }
    }
}
