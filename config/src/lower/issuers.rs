//! Issuers, their keys, and the location of the identity in a request.

use std::collections::BTreeSet;
use std::sync::Arc;

use rules::{AttributeId, Flags, RESERVED_ATTRIBUTES};
use tokens::{Algorithm, DEFAULT_LEEWAY_SECONDS, InvalidKey, Issuer, IssuerDefinition, KeySet};

use super::gateway::Gateway;
use crate::form::{Field, Placed, PlacedText};
use crate::identity::{
    AttributeType, IdentitySettings, IssuerConfig, KeySource, RequestAttribute, RequestValue, TokenSource,
};
use crate::node::Span;
use crate::problem::Problem;
use crate::quantity;
use crate::shape::issuer::{
    AttributeAt, ClaimPaths, ClaimsFields, ClientValue, IdentityFields, IssuerFields, IssuerKeysFields,
    KeysAt, Named, TokenChecksFields, path_or,
};
use crate::shape::listener::ListenerFields;
use crate::shape::secret::SecretSource;
use crate::shape::sluice::GatewayFields;

/// The maximum size of a key file, in bytes.
const MAX_KEY_BYTES: usize = 1024 * 1024;

impl<'s> Gateway<'_, 's> {
    /// Returns the trusted issuers, and the location of the identity in a request. Attributes that no condition reads
    /// are checked and omitted. `flags` is none if they could not be compiled.
    pub(crate) fn identity(
        &mut self,
        root: &GatewayFields<'s>,
        flags: Option<&Flags>,
    ) -> Option<IdentitySettings> {
        let issuers = self.issuers(&root.issuers, flags);
        let listeners = root.listeners.value();
        let asks = |listener: &ListenerFields<'_>| {
            let tls = listener.tls.value();
            tls.is_some_and(|tls| tls.server.client_certificates.key().is_some())
        };
        let asks = listeners.is_some_and(|listeners| listeners.iter().any(asks));
        let left_out = IdentityFields::default();
        let fields = root.identity.lower(&left_out, |identity| Some(&identity.value))?;
        let token = fields.token.lower(TokenSource::Authorization, |token| {
            Some(match &token.value {
                Named::Header(name) => match self.header_name(name)? {
                    name if &*name == "authorization" => TokenSource::Authorization,
                    name => TokenSource::Header(name),
                },
                Named::Cookie(name) => TokenSource::Cookie(self.cookie_name(name)?),
            })
        });
        let mut attributes = Vec::new();
        for (name, at) in fields.attributes.value().into_iter().flatten() {
            let (value, value_type) = match at {
                None => (None, AttributeType::Text),
                Some(AttributeAt::Named(Named::Header(name), value_type)) => {
                    (self.header_name(name).map(RequestValue::Header), *value_type)
                }
                Some(AttributeAt::Named(Named::Cookie(name), value_type)) => {
                    (self.cookie_name(name).map(RequestValue::Cookie), *value_type)
                }
                Some(AttributeAt::Client(ClientValue::Address)) => {
                    (Some(RequestValue::ClientAddress), AttributeType::Text)
                }
            };
            let id = self.attribute(name, flags).zip(value);
            attributes.extend(id.map(|(id, value)| RequestAttribute {
                id,
                value,
                value_type,
            }));
        }
        let certificate_tenant = fields.tenant.lower_optional(|tenant| {
            if !asks {
                let title = "no listener requests client certificates";
                let help = "add `tls.client_certificates` to a listener, or remove `identity.tenant`";
                self.error("no-client-certificates", title, tenant.value.span, help);
            }
            Some(tenant.value.value)
        });
        let of_requests = fields.attributes.value().into_iter().flatten();
        let claims = root.issuers.value().into_iter().flatten();
        let claims = claims.filter_map(|issuer| issuer.claims.value()?.attributes.value());
        let names = of_requests.map(|(name, _)| name);
        let names = names.chain(claims.flatten().map(|(name, _)| name));
        let names: BTreeSet<&str> = names.map(|name| &*name.value).collect();
        Some(IdentitySettings {
            issuers: issuers?,
            token: token?,
            attributes,
            attribute_names: names.into_iter().map(Into::into).collect(),
            certificate_tenant: certificate_tenant?,
            realm: fields.realm.or("sluice".into())?,
        })
    }

    fn issuers(
        &mut self,
        issuers: &Field<Vec<IssuerFields<'s>>>,
        flags: Option<&Flags>,
    ) -> Option<Vec<IssuerConfig>> {
        issuers.lower(Vec::new(), |issuers| {
            let names = issuers.value.iter();
            self.check_unique("issuer", names.filter_map(|issuer| issuer.keys.issuer.written()));
            let mut lowered = Vec::with_capacity(issuers.value.len());
            for issuer in &issuers.value {
                let paths = issuer.claims.value();
                let paths = paths.and_then(|claims| self.claim_paths(claims, flags));
                lowered.push(self.issuer(&issuer.keys, &issuer.checks, paths));
            }
            lowered.into_iter().collect()
        })
    }

    fn claim_paths(&mut self, claims: &ClaimsFields<'s>, flags: Option<&Flags>) -> Option<ClaimPaths> {
        let mut attributes = Vec::new();
        for (name, path) in claims.attributes.value().into_iter().flatten() {
            let id = self.attribute(name, flags).map(AttributeId::index);
            let id = id.and_then(|id| u32::try_from(id).ok());
            attributes.extend(id.zip(path.clone()));
        }
        Some(ClaimPaths {
            tenant: claims.tenant.value()?.clone(),
            user: path_or(claims.user.optional()?, "sub")?,
            groups: claims.groups.optional()?,
            attributes,
        })
    }

    fn header_name(&mut self, header: &PlacedText<'s>) -> Option<Box<str>> {
        let name = header.value.to_ascii_lowercase();
        self.check_token("header", &name, header.span)?;
        self.check_passes(&header.value, header.span)?;
        Some(name.into())
    }

    fn cookie_name(&mut self, cookie: &PlacedText<'s>) -> Option<Box<str>> {
        self.check_token("cookie", &cookie.value, cookie.span)?;
        Some((*cookie.value).into())
    }

    /// Reports a text that cannot be the name of a header or cookie (RFC 9110 section 5.6.2, RFC 6265 section 4.1.1).
    pub(super) fn check_token(&mut self, what: &str, name: &str, span: Span) -> Option<()> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !name.is_empty() && name.len() <= rules::MAX_HEADER_NAME && name.bytes().all(allowed) {
            return Some(());
        }
        let title = format!("`{name}` can't be the name of a {what}");
        let help = "use letters, digits and `!#$%&'*+-.^_|~`";
        self.refuse("invalid-header", title, span, help)
    }

    /// Returns the id of an attribute of requests, if a condition reads it.
    fn attribute(&mut self, name: &PlacedText<'s>, flags: Option<&Flags>) -> Option<AttributeId> {
        let PlacedText { value: name, span } = name;
        if RESERVED_ATTRIBUTES.contains(&&**name) {
            let title = format!("`{name}` is a reserved name and can't be an attribute");
            return self.refuse(
                "reserved-attribute",
                title,
                *span,
                "give the attribute another name",
            );
        }
        flags?.attribute_id(name)
    }

    /// Returns an issuer with claims at these paths; none if it has a problem.
    pub(super) fn issuer(
        &mut self,
        keys: &IssuerKeysFields<'s>,
        checks: &TokenChecksFields<'s>,
        paths: Option<ClaimPaths>,
    ) -> Option<IssuerConfig> {
        let name = keys.issuer.written();
        let algorithms = keys.algorithms.value().cloned().unwrap_or_default();
        let source = keys.keys.value();
        let source = source.and_then(|source| self.keys(source, &algorithms));
        let (name, paths) = (name?, paths?);
        let seconds = |ms: &Placed<u64>| ms.value.div_ceil(1000);
        let definition = IssuerDefinition {
            issuer: name.value.to_string(),
            audiences: keys.audiences.value()?.iter().map(ToString::to_string).collect(),
            algorithms,
            leeway_seconds: checks
                .leeway
                .lower(DEFAULT_LEEWAY_SECONDS, |leeway| Some(seconds(leeway)))?,
            max_age_seconds: checks.max_age.lower_optional(|age| Some(seconds(age)))?,
            typ: checks.typ.lower_optional(|typ| Some(typ.value.to_string()))?,
            tenant: paths.tenant,
            user: paths.user,
            groups: paths.groups,
            attributes: paths.attributes,
        };
        // Empty lists were reported by their forms.
        if definition.audiences.is_empty() || definition.algorithms.is_empty() {
            return None;
        }
        let help = "check `audiences`, `algorithms`, `leeway`, `max_age` and `typ` of this issuer";
        let issuer = self.parsed(Issuer::new(definition), "invalid-issuer", name.span, help)?;
        Some(IssuerConfig {
            issuer,
            keys: source?,
            site: self.site(name.span),
        })
    }

    fn keys(&mut self, source: &KeysAt<'s>, algorithms: &[Algorithm]) -> Option<KeySource> {
        let (keys, what) = match source {
            KeysAt::Url(url) => return Some(url.clone()),
            KeysAt::Secret(source) => {
                let (secret, _) = self.secret_bytes(source, MAX_KEY_BYTES)?;
                let (SecretSource::Variable(what) | SecretSource::File(what)) = source;
                (KeySet::from_secret(&secret, algorithms), what)
            }
            KeysAt::PemFile(file) => {
                let pem = self.file(file, MAX_KEY_BYTES)?;
                (KeySet::from_pem(&pem, algorithms), file)
            }
            KeysAt::JwksFile(file) => {
                let text = String::from_utf8(self.file(file, MAX_KEY_BYTES)?);
                let keys = text.map_err(|_| InvalidKey::NotJwks);
                (keys.and_then(|text| KeySet::from_jwks(&text, algorithms)), file)
            }
        };
        // Without an algorithm no key fits; the missing algorithm was reported.
        if algorithms.is_empty() {
            return None;
        }
        let keys = keys.map_err(|reason| format!("`{}` can't be used as a key: {reason}", what.value));
        let help = "use a key of the issuer that fits its `algorithms`";
        let keys = self.parsed(keys, "invalid-key", what.span, help)?;
        if keys.is_empty() {
            self.warn_of_no_key(&keys, what);
        }
        Some(KeySource::Fixed(Arc::new(keys)))
    }

    /// Warns of a JWKS file without a usable key. This is not an error: if the document were rejected, keys that were
    /// removed from the file would stay in use.
    fn warn_of_no_key(&mut self, keys: &KeySet, file: &PlacedText<'s>) {
        let PlacedText { value: file, span } = file;
        let skipped: String = keys.skipped().iter().map(|key| format!("; {key}")).collect();
        let title =
            format!("no key in `{file}` can be used, so every token of this issuer is rejected{skipped}");
        let help = "no action is needed if the issuer's last key was withdrawn; otherwise use a key of the issuer that \
                    fits its `algorithms`";
        let warning = Problem::warning("no-usable-key", title, self.label(*span, "")).help(help);
        self.context.warnings.push(warning);
    }

    /// Reads the environment variable of a reference.
    pub(super) fn secret(&mut self, reference: &PlacedText<'s>) -> Option<String> {
        let name = quantity::reference(&reference.value)?;
        let secret = (self.environment)(name);
        if secret.is_none() {
            let title = format!("the environment variable `{name}` is not set");
            let help = format!("set `{name}` where sluice is started");
            self.error("unset-variable", title, reference.span, help);
        }
        secret
    }
}
