//! `sluice token`: creates a token for testing.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Map, Value, json};
use tokens::{Algorithm, ClaimPath, Signer};

use super::exit::Exit;
use super::{duration, output};
use crate::clock;

/// The beginning of a PEM block (RFC 7468).
const PEM: &[u8] = b"-----BEGIN ";

/// Creates a token for testing, signed with your own private key.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The private key (PEM); for HS algorithms the secret.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The algorithm: RS256, ES256, EdDSA, HS256 and so on.
    #[arg(long, value_name = "ALGORITHM", default_value = "RS256", value_parser = Algorithm::parse)]
    alg: Algorithm,
    /// The id of the key, if the issuer has several.
    #[arg(long, value_name = "ID")]
    kid: Option<String>,
    /// The issuer (`iss`).
    #[arg(long)]
    issuer: String,
    /// The audience (`aud`).
    #[arg(long)]
    audience: String,
    /// The tenant.
    #[arg(long)]
    tenant: String,
    /// The place of the tenant in the claims: `tenant`, `org.id`, `organization.0` (the first item of a list), or a JSON
    /// pointer.
    #[arg(long, value_name = "CLAIM", default_value = "tenant", value_parser = claim)]
    tenant_claim: TenantClaim,
    /// The user (`sub`).
    #[arg(long)]
    user: Option<String>,
    /// A group of the user (`groups`); may be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// The validity: `90s`, `15m`, `1h`, `7d`.
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = duration::parse)]
    ttl: Duration,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let key = fs::read(&arguments.key)
        .with_context(|| format!("can't read the key {}", arguments.key.display()))?;
    let signer = signer(&key, arguments.alg, arguments.kid.as_deref())
        .with_context(|| format!("can't sign with {}", arguments.key.display()))?;
    let request = TokenRequest {
        issuer: &arguments.issuer,
        audience: &arguments.audience,
        tenant: &arguments.tenant,
        tenant_claim: &arguments.tenant_claim.0,
        user: arguments.user.as_deref(),
        groups: &arguments.groups,
        ttl: arguments.ttl,
    };
    output::print(signer.sign(&request.claims(clock::now().seconds()))?)?;
    Ok(Exit::Success)
}

/// The content of a token.
#[derive(Debug)]
pub(super) struct TokenRequest<'r> {
    pub(super) issuer: &'r str,
    pub(super) audience: &'r str,
    pub(super) tenant: &'r str,
    /// The names of the path to the tenant in the claims, outermost first.
    pub(super) tenant_claim: &'r [String],
    pub(super) user: Option<&'r str>,
    pub(super) groups: &'r [String],
    pub(super) ttl: Duration,
}

impl TokenRequest<'_> {
    /// Returns the claims of a token issued at `now`, in seconds since 1970.
    pub(super) fn claims(&self, now: u64) -> Value {
        let mut claims = Map::new();
        claims.insert("iss".to_owned(), json!(self.issuer));
        claims.insert("aud".to_owned(), json!(self.audience));
        claims.insert("iat".to_owned(), json!(now));
        claims.insert("exp".to_owned(), json!(now.saturating_add(self.ttl.as_secs())));
        if let Some(user) = self.user {
            claims.insert("sub".to_owned(), json!(user));
        }
        if !self.groups.is_empty() {
            claims.insert("groups".to_owned(), json!(self.groups));
        }
        let mut tenant = json!(self.tenant);
        for (depth, name) in self.tenant_claim.iter().enumerate().rev() {
            if depth == 0 {
                claims.insert(name.clone(), tenant.take());
            } else if name == FIRST_ITEM {
                tenant = json!([tenant]);
            } else {
                tenant = json!({ name.as_str(): tenant });
            }
        }
        Value::Object(claims)
    }
}

/// Creates a signer with a private key as PEM, or with a secret for a symmetric algorithm.
fn signer(key: &[u8], algorithm: Algorithm, kid: Option<&str>) -> Result<Signer> {
    Ok(if algorithm.is_symmetric() {
        Signer::from_secret(key.trim_ascii_end(), algorithm, kid)?
    } else if find_pem(key).is_none() {
        bail!("{algorithm} needs a private key as PEM; if the file has a secret, add `--alg HS256`")
    } else {
        Signer::from_pem(key, algorithm, kid)?
    })
}

/// Returns the place of the first PEM block.
fn find_pem(key: &[u8]) -> Option<usize> {
    key.windows(PEM.len()).position(|part| part == PEM)
}

/// The name of the first item of a list in a claim path.
const FIRST_ITEM: &str = "0";

/// The names of a claim path, checked as in the configuration.
#[derive(Debug, Clone)]
struct TenantClaim(Vec<String>);

fn claim(text: &str) -> Result<TenantClaim, String> {
    ClaimPath::parse(text).map_err(|invalid| invalid.to_string())?;
    let names: Vec<String> = match text.strip_prefix('/') {
        Some(pointer) => pointer
            .split('/')
            .map(|name| name.replace("~1", "/").replace("~0", "~"))
            .collect(),
        None => text.split('.').map(str::to_owned).collect(),
    };
    // The claims themselves are an object, so the first name is never a position.
    match names.iter().skip(1).find(|name| is_later_item(name)) {
        Some(name) => Err(format!(
            "`{name}` is a position in a list, and this command writes lists with one item: write `0`"
        )),
        None => Ok(TenantClaim(names)),
    }
}

/// Returns true for a position after the first: digits without a leading zero, as claim paths are read.
fn is_later_item(name: &str) -> bool {
    !name.starts_with('0') && name.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_has_the_tenant_where_its_path_is_read() {
        for (path, expected) in [
            ("tenant", json!({ "tenant": "acme" })),
            ("org.id", json!({ "org": { "id": "acme" } })),
            ("organization.0", json!({ "organization": ["acme"] })),
            ("orgs.0.id", json!({ "orgs": [{ "id": "acme" }] })),
            (
                "/https:~1~1example.com~1orgs/0",
                json!({ "https://example.com/orgs": ["acme"] }),
            ),
            ("0.00", json!({ "0": { "00": "acme" } })),
        ] {
            let names = claim(path).unwrap().0;
            let request = TokenRequest {
                issuer: "i",
                audience: "a",
                tenant: "acme",
                tenant_claim: &names,
                user: None,
                groups: &[],
                ttl: Duration::from_secs(60),
            };
            let claims = request.claims(0);
            for (name, value) in expected.as_object().unwrap() {
                assert_eq!(claims.get(name), Some(value), "{path}");
            }
            let found = ClaimPath::parse(path).unwrap();
            assert_eq!(found.resolve(&claims), Some(&json!("acme")), "{path}");
        }
        for path in ["organization.1", "orgs.0.12"] {
            assert!(claim(path).unwrap_err().contains("write `0`"), "{path}");
        }
    }
}
