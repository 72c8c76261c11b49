//! Who is asking: by a token that is verified as the proxy would, or by what the command line says.

use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use config::{KeySource, Loaded, RequestValue};
use rules::{
    AttributeId, AttributeValue, Auth, InvalidTenantId, RESERVED_ATTRIBUTES, TenantId, UnknownTenant,
};
use serde_json::Value as Json;
use tokens::{Identity, Issuers, KeySet, Unverified};

use super::{super::clock, Arguments, request::Header};

/// How often the keys would be fetched again, if this took so long.
const REFRESH: Duration = Duration::from_secs(300);

/// An attribute of the command line.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    name: String,
    value: AttributeValue,
}

/// Reads `NAME=VALUE`, the value as JSON where it is some.
pub(super) fn attribute(text: &str) -> Result<Attribute, String> {
    let (name, value) = text.split_once('=').ok_or("an attribute is NAME=VALUE")?;
    if RESERVED_ATTRIBUTES.contains(&name) {
        return Err(format!("`{name}` is a reserved name and can't be an attribute"));
    }
    let value = match serde_json::from_str(value) {
        Ok(Json::Number(number)) => number.as_f64().ok_or("a number out of range")?.into(),
        Ok(Json::Bool(boolean)) => boolean.into(),
        Ok(Json::String(text)) => text.as_str().into(),
        Ok(Json::Array(items)) => {
            let texts: Option<Vec<&str>> = items.iter().map(Json::as_str).collect();
            texts
                .ok_or("a list attribute is a list of strings")?
                .into_iter()
                .collect()
        }
        Ok(Json::Null | Json::Object(_)) => return Err("an attribute is no object and not null".to_owned()),
        Err(_) => value.into(),
    };
    Ok(Attribute {
        name: name.to_owned(),
        value,
    })
}

/// Reads the id of a tenant.
pub(super) fn tenant(text: &str) -> Result<String, InvalidTenantId> {
    TenantId::check(text).map(|()| text.to_owned())
}

/// Who is asking.
#[derive(Debug, Default)]
pub(super) struct Asker {
    pub(super) tenant: Option<String>,
    pub(super) user: Option<String>,
    pub(super) groups: Vec<Box<str>>,
    pub(super) attributes: Vec<(AttributeId, AttributeValue)>,
    /// Where that is from.
    pub(super) source: String,
}

/// Why nobody can be asking: what the proxy would answer.
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    pub(super) code: String,
    pub(super) reason: String,
}

/// Who asks a route with this `auth`. Outer errors are ours, inner ones the proxy's answer.
pub(super) fn identify(
    loaded: &Loaded,
    arguments: &Arguments,
    auth: Auth,
) -> Result<std::result::Result<Asker, Refused>> {
    let mut asker = match (&arguments.token, &arguments.tenant) {
        _ if auth == Auth::None => Asker {
            source: "the route asks for no token".to_owned(),
            ..Asker::default()
        },
        (Some(token), _) => match by_token(loaded, token)? {
            Ok(asker) => asker,
            Err(refused) => return Ok(Err(refused)),
        },
        (None, Some(tenant)) => Asker {
            tenant: Some(tenant.clone()),
            user: arguments.user.clone(),
            groups: arguments
                .groups
                .iter()
                .map(|group| group.as_str().into())
                .collect(),
            source: "as given on the command line".to_owned(),
            ..Asker::default()
        },
        (None, None) if auth == Auth::Required => {
            let reason = "no token: give --token, or --tenant".to_owned();
            return Ok(Err(Refused {
                status: 401,
                code: "TOKEN_MISSING".to_owned(),
                reason,
            }));
        }
        (None, None) => Asker {
            source: "no token, and the route needs none".to_owned(),
            ..Asker::default()
        },
    };
    let flags = &loaded.snapshot.flags;
    for attribute in &arguments.attributes {
        if let Some(id) = flags.attribute_id(&attribute.name) {
            asker.attributes.push((id, attribute.value.clone()));
        }
    }
    // Behind those of the token and the command line: of two of the same name the first counts.
    for (id, place) in &loaded.identity.attributes {
        if let Some(value) = sent(&arguments.headers, place) {
            asker.attributes.push((*id, value.into()));
        }
    }
    let known = asker
        .tenant
        .as_deref()
        .is_none_or(|tenant| loaded.snapshot.tenants.find(tenant).is_some());
    if !known && flags.unknown_tenant() == UnknownTenant::Reject {
        let reason = "the tenant has no record, and unknown tenants are rejected".to_owned();
        return Ok(Err(Refused {
            status: 403,
            code: "TENANT_UNKNOWN".to_owned(),
            reason,
        }));
    }
    Ok(Ok(asker))
}

/// What the request's headers have at `place`.
fn sent<'a>(headers: &'a [Header], place: &RequestValue) -> Option<&'a str> {
    let named = |name: &str| {
        headers
            .iter()
            .find(|header| header.name == name)
            .map(|header| header.value.as_str())
    };
    match place {
        RequestValue::Header(name) => named(name),
        RequestValue::ClientAddress => None,
        RequestValue::Cookie(name) => named("cookie")?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(given, value)| (given == &**name).then_some(value)),
    }
}

fn by_token(loaded: &Loaded, token: &str) -> Result<std::result::Result<Asker, Refused>> {
    let invalid = |rejection: tokens::Rejection| Refused {
        status: 401,
        code: format!("TOKEN_{}", rejection.code().to_ascii_uppercase()),
        reason: rejection.description().to_owned(),
    };
    let unverified = match Unverified::parse(token) {
        Ok(unverified) => unverified,
        Err(rejection) => return Ok(Err(invalid(rejection))),
    };
    let issuers = Issuers::new(
        loaded
            .identity
            .issuers
            .iter()
            .map(|config| config.issuer.clone())
            .collect(),
    )?;
    let issuer = match issuers.pick(&unverified) {
        Ok(issuer) => issuer,
        Err(rejection) => return Ok(Err(invalid(rejection))),
    };
    let config = loaded
        .identity
        .issuers
        .iter()
        .find(|config| config.issuer.name() == issuer.name());
    let keys = &config.ok_or_else(|| anyhow!("the issuer has no keys"))?.keys;
    let now = clock::seconds(clock::now());
    let identity = match keys {
        KeySource::Fixed(set) => issuer.verify(&unverified, set, now),
        KeySource::Url { url, .. } => issuer.verify(&unverified, &*fetched(issuer, url)?, now),
    };
    Ok(identity
        .map_err(invalid)
        .and_then(|identity| by_identity(identity, issuer, now)))
}

/// The keys at `url`, as the proxy would fetch them.
fn fetched(issuer: &tokens::Issuer, url: &str) -> Result<std::sync::Arc<KeySet>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let store = proxy::KeyStore::new(
        runtime.handle().clone(),
        proxy::Pace::default(),
        &proxy::Metrics::new(),
    );
    let keys = store.remote(issuer, url, REFRESH)?;
    let set = runtime.block_on(keys.first());
    runtime.shutdown_background();
    set.with_context(|| format!("the keys of issuer {} can't be had from {url}", issuer.name()))
}

fn by_identity(identity: Identity, issuer: &tokens::Issuer, now: u64) -> std::result::Result<Asker, Refused> {
    let tenant = match &identity.tenant {
        Ok(tenant) => tenant.as_str().to_owned(),
        Err(problem) => {
            let reason = format!("the token names no tenant ({})", problem.code());
            return Err(Refused {
                status: 403,
                code: "TENANT_MISSING".to_owned(),
                reason,
            });
        }
    };
    let key = identity
        .kid
        .as_deref()
        .map_or(String::new(), |kid| format!(", key {kid}"));
    let minutes = identity.expires_at.saturating_sub(now).div_euclid(60);
    let attributes = identity.attributes.iter();
    let numbered = attributes.filter_map(|(number, value)| {
        Some((
            AttributeId::from_index(usize::try_from(*number).ok()?)?,
            value.clone(),
        ))
    });
    let (claim, name) = (issuer.tenant_claim(), issuer.name());
    Ok(Asker {
        tenant: Some(tenant),
        user: identity.user.as_deref().map(str::to_owned),
        groups: identity.groups.to_vec(),
        attributes: numbered.collect(),
        source: format!("claim {claim}; issuer {name}{key}, {minutes} min left"),
    })
}
