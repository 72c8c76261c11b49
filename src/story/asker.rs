//! Who is asking: by a token that is verified as the proxy would, or by what is said of the request.

use anyhow::Result;
use config::RequestValue;
use control::{RequestQuestion, Sender};
use proxy::Unproven;
use rules::{AttributeId, AttributeValue, Auth, UnknownTenant};
use tokens::{Identity, Issuer, Issuers, OperatorTokens, Rejection, Unverified};

use super::{Telling, issuer_keys};
use crate::cli::clock;

/// What becomes of a token that belongs to the admin API.
const REMOVED: &str = "no token: a static token of an operator is removed, as it belongs to the admin API";

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

impl Refused {
    fn new(status: u16, code: impl Into<String>, reason: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            reason: reason.into(),
        }
    }
}

type Asking = std::result::Result<Asker, Refused>;

/// Who asks a route with this `auth`. Outer errors are ours, inner ones the proxy's answer.
pub(super) fn identify(telling: &Telling<'_>, auth: Auth) -> Result<Asking> {
    let mut asker = match &telling.question.sender {
        _ if auth == Auth::None => nobody("the route asks for no token"),
        Sender::Token(token) if OperatorTokens::new().are_in(token.as_bytes()) => match auth {
            Auth::Required => return Ok(Err(Refused::new(401, "TOKEN_MISSING", REMOVED))),
            Auth::Optional | Auth::None => nobody(REMOVED),
        },
        Sender::Token(token) => match by_token(telling, token)? {
            Ok(asker) => asker,
            Err(refused) => return Ok(Err(refused)),
        },
        Sender::Tenant { tenant, user, groups } => Asker {
            tenant: Some(tenant.as_str().to_owned()),
            user: user.clone(),
            groups: groups.clone(),
            source: "as given".to_owned(),
            ..Asker::default()
        },
        Sender::Unnamed if auth == Auth::Required => {
            let certificate = telling.gateway.identity.certificate_tenant.is_some();
            let reason = match certificate {
                true => "no token, and no tenant in its place, as a client's certificate would name one",
                false => "no token, and no tenant in its place",
            };
            return Ok(Err(Refused::new(401, "TOKEN_MISSING", reason)));
        }
        Sender::Unnamed => nobody("no token, and the route needs none"),
    };
    let flags = &telling.gateway.snapshot.flags;
    for (name, value) in &telling.question.attributes {
        if let Some(id) = flags.attribute_id(name) {
            asker.attributes.push((id, value.clone()));
        }
    }
    // Behind those of the token and the question: of two of the same name the first counts.
    for (id, place) in &telling.gateway.identity.attributes {
        if let Some(value) = sent(telling.question, place) {
            asker.attributes.push((*id, value.into()));
        }
    }
    let known = asker
        .tenant
        .as_deref()
        .is_none_or(|tenant| telling.gateway.snapshot.tenants.find(tenant).is_some());
    if !known && flags.unknown_tenant() == UnknownTenant::Reject {
        let reason = "the tenant has no record, and unknown tenants are rejected";
        return Ok(Err(Refused::new(403, "TENANT_UNKNOWN", reason)));
    }
    Ok(Ok(asker))
}

fn nobody(source: &str) -> Asker {
    Asker {
        source: source.to_owned(),
        ..Asker::default()
    }
}

/// What the request's headers have at `place`.
fn sent<'q>(question: &'q RequestQuestion, place: &'q RequestValue) -> Option<&'q str> {
    match place {
        RequestValue::Header(name) => question.header_values(name).next(),
        RequestValue::ClientAddress => None,
        RequestValue::Cookie(name) => question
            .header_values("cookie")
            .next()?
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find_map(|(given, value)| (given == &**name).then_some(value)),
    }
}

fn by_token(telling: &Telling<'_>, token: &str) -> Result<Asking> {
    let invalid = |rejection: Rejection| {
        let code = format!("TOKEN_{}", rejection.code().to_ascii_uppercase());
        Refused::new(401, code, rejection.description())
    };
    let configured = &telling.gateway.identity.issuers;
    let issuers = Issuers::new(configured.iter().map(|config| config.issuer.clone()).collect())?;
    let picked = Unverified::parse(token).and_then(|token| Ok((issuers.pick(&token)?, token)));
    let (issuer, unverified) = match picked {
        Ok(picked) => picked,
        Err(rejection) => return Ok(Err(invalid(rejection))),
    };
    let config = configured
        .iter()
        .find(|config| config.issuer.name() == issuer.name());
    // A token is judged by the present time, whatever time is asked about.
    let now = clock::seconds(clock::now());
    let verified = match config {
        None => Err(Unproven::NoKeys),
        Some(config) => {
            let keys = issuer_keys(config, telling.keys)?;
            telling.keys.wait(keys.verify(issuer, &unverified, now))
        }
    };
    Ok(match verified {
        Ok(identity) => by_identity(identity, issuer, now),
        Err(Unproven::Rejected(rejection)) => Err(invalid(rejection)),
        Err(Unproven::NoKeys) => {
            let reason = format!("the keys of issuer {} can't be had", issuer.name());
            Err(Refused::new(503, "KEYS_UNAVAILABLE", reason))
        }
    })
}

fn by_identity(identity: Identity, issuer: &Issuer, now: u64) -> Asking {
    let tenant = match &identity.tenant {
        Ok(tenant) => tenant.as_str().to_owned(),
        Err(problem) => {
            let reason = format!("the token names no tenant ({})", problem.code());
            return Err(Refused::new(403, "TENANT_MISSING", reason));
        }
    };
    let key = identity
        .kid
        .as_deref()
        .map_or(String::new(), |kid| format!(", key {kid}"));
    let minutes = identity.expires_at.saturating_sub(now).div_euclid(60);
    let attributes = identity.attributes.iter();
    let numbered = attributes.filter_map(|(number, value)| {
        let id = AttributeId::from_index(usize::try_from(*number).ok()?)?;
        Some((id, value.clone()))
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
