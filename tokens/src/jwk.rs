//! One JSON Web Key (RFC 7517): used only if it is a public key for verifying signatures, skipped otherwise.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::invalid_key::InvalidKey;
use crate::key::{Material, VerificationKey};
use crate::key_kind::KeyKind;
use crate::skipped_key::SkipReason;
use crate::unverified::MAX_KID_BYTES;

/// Members that only a private key has (RFC 7518 sections 6.2.2, 6.3.2).
const PRIVATE_MEMBERS: [&str; 7] = ["d", "p", "q", "dp", "dq", "qi", "oth"];

/// Returns the `kid` of a key, for the report of skipped keys, shortened to the maximum length of a `kid`.
pub(crate) fn kid(jwk: &Value) -> Option<Box<str>> {
    let kid = jwk.get("kid")?.as_str()?;
    Some(kid.chars().take(MAX_KID_BYTES / 4).collect::<String>().into())
}

/// Reads the key in `jwk`.
pub(crate) fn read(jwk: &Value, allowed: &[Algorithm]) -> Result<VerificationKey, SkipReason> {
    let Value::Object(members) = jwk else {
        return Err(SkipReason::Malformed);
    };
    let kid = match members.get("kid") {
        None => None,
        Some(Value::String(kid)) if kid.len() <= MAX_KID_BYTES => Some(kid.as_str().into()),
        Some(_) => return Err(SkipReason::Malformed),
    };
    // Before all else: a set with such a key is a leak that its issuer must learn of, whatever its use is.
    if text(members, "kty")? == "oct" {
        return Err(SkipReason::Secret);
    }
    if PRIVATE_MEMBERS.iter().any(|name| members.contains_key(*name)) {
        return Err(SkipReason::Private);
    }
    check_use(members)?;
    let material = material(members)?;
    let algorithms = algorithms(members, material.kind, allowed)?;
    Ok(VerificationKey::new(material, kid, algorithms))
}

/// Checks that the key is for verifying (RFC 7517 sections 4.2 and 4.3). Both members are optional.
fn check_use(members: &Map<String, Value>) -> Result<(), SkipReason> {
    match members.get("use") {
        None => {}
        Some(Value::String(usage)) if usage == "sig" => {}
        Some(Value::String(_)) => return Err(SkipReason::OtherUse),
        Some(_) => return Err(SkipReason::Malformed),
    }
    match members.get("key_ops") {
        None => Ok(()),
        Some(Value::Array(operations)) if operations.iter().any(|operation| operation == "verify") => Ok(()),
        Some(Value::Array(_)) => Err(SkipReason::OtherUse),
        Some(_) => Err(SkipReason::Malformed),
    }
}

/// Returns the issuer's algorithms that fit the key's type and its own `alg`.
fn algorithms(
    members: &Map<String, Value>,
    kind: KeyKind,
    allowed: &[Algorithm],
) -> Result<Box<[Algorithm]>, SkipReason> {
    let fitting = match members.get("alg") {
        None => kind.fitting(allowed),
        Some(Value::String(name)) => {
            let named = Algorithm::named(name).ok_or(SkipReason::OtherUse)?;
            if !kind.algorithms().contains(&named) {
                return Err(SkipReason::Malformed);
            }
            allowed
                .iter()
                .copied()
                .filter(|algorithm| *algorithm == named)
                .take(1)
                .collect()
        }
        Some(_) => return Err(SkipReason::Malformed),
    };
    if fitting.is_empty() {
        Err(SkipReason::AlgorithmNotAllowed)
    } else {
        Ok(fitting)
    }
}

fn material(members: &Map<String, Value>) -> Result<Material, SkipReason> {
    let material = match text(members, "kty")? {
        "RSA" => Material::rsa_components(&bytes(members, "n")?, &bytes(members, "e")?),
        "EC" => {
            let kind = match text(members, "crv")? {
                "P-256" => KeyKind::P256,
                "P-384" => KeyKind::P384,
                _ => return Err(SkipReason::UnsupportedType),
            };
            Material::point(kind, &bytes(members, "x")?, &bytes(members, "y")?)
        }
        "OKP" => match text(members, "crv")? {
            "Ed25519" => Material::ed25519(&bytes(members, "x")?),
            _ => return Err(SkipReason::UnsupportedType),
        },
        _ => return Err(SkipReason::UnsupportedType),
    };
    material.map_err(|error| match error {
        InvalidKey::RsaSize { bits } => SkipReason::RsaSize { bits },
        InvalidKey::Factorable => SkipReason::Factorable,
        _ => SkipReason::Malformed,
    })
}

fn text<'m>(members: &'m Map<String, Value>, name: &str) -> Result<&'m str, SkipReason> {
    members
        .get(name)
        .and_then(Value::as_str)
        .ok_or(SkipReason::Malformed)
}

fn bytes(members: &Map<String, Value>, name: &str) -> Result<Vec<u8>, SkipReason> {
    URL_SAFE_NO_PAD
        .decode(text(members, name)?)
        .map_err(|_| SkipReason::Malformed)
}
