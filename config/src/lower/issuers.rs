//! Issuers, their keys, and where in a request identity is.

use std::sync::Arc;

use rules::{AttributeId, Flags, RESERVED_ATTRIBUTES};
use tokens::{Algorithm, ClaimPath, DEFAULT_LEEWAY_SECONDS, InvalidKey, Issuer, IssuerDefinition, KeySet};

use super::action::{is_http_url, names_user};
use super::gateway::Gateway;
use crate::identity::{CertificateName, Identity, IssuerConfig, KeySource, RequestValue, TokenSource};
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::quantity;

/// The most bytes of a key file.
const MAX_KEY_BYTES: usize = 1024 * 1024;
/// How often a JWKS is fetched again, unless the document says.
const REFRESH_MS: u64 = 5 * 60 * 1000;

/// Where in the claims things are.
pub(super) struct ClaimPaths {
    pub(super) tenant: ClaimPath,
    pub(super) user: ClaimPath,
    pub(super) groups: Option<ClaimPath>,
    pub(super) attributes: Vec<(u32, ClaimPath)>,
}

impl<'s> Gateway<'_, 's> {
    /// Who is believed. Attributes that no condition reads are checked and left out; `flags` is none where
    /// they could not be compiled.
    pub(crate) fn identity(&mut self, root: &Node<'s>, flags: Option<&Flags>) -> Identity {
        let nodes = root.field("issuers").and_then(Node::items).unwrap_or_default();
        let named: Vec<(&str, Span)> = nodes
            .iter()
            .filter_map(|node| node.field("issuer"))
            .filter_map(|name| Some((&**name.text()?, name.span)))
            .collect();
        self.check_unique("issuer", &named);
        let issuers = nodes.iter().filter_map(|node| self.issuer(node, flags)).collect();
        let identity = root.field("identity");
        let token = identity.and_then(|identity| identity.field("token"));
        let token = match token.and_then(|token| self.request_value(token)) {
            None => TokenSource::Authorization,
            Some(RequestValue::Header(name)) if &*name == "authorization" => TokenSource::Authorization,
            Some(RequestValue::Header(name)) => TokenSource::Header(name),
            Some(RequestValue::Cookie(name)) => TokenSource::Cookie(name),
            Some(RequestValue::ClientAddress) => TokenSource::Authorization,
        };
        let entries = identity
            .and_then(|identity| identity.field("attributes"))
            .and_then(Node::entries);
        let mut attributes = Vec::new();
        for entry in entries.unwrap_or_default() {
            let value = self.request_value(&entry.value);
            let id = self.attribute(&entry.key, entry.key_span, flags);
            attributes.extend(id.zip(value));
        }
        Identity {
            issuers,
            token,
            attributes,
            certificate_tenant: self.certificate_tenant(root, identity),
            realm: self.realm(identity),
        }
    }

    /// Where in a client's certificate the tenant is. Some listener has to ask for certificates then.
    fn certificate_tenant(
        &mut self,
        root: &Node<'s>,
        identity: Option<&Node<'s>>,
    ) -> Option<CertificateName> {
        let node = identity?.field("tenant")?.field("client_cert")?;
        let listeners = root.field("listeners").and_then(Node::items).unwrap_or_default();
        let asked = |listener: &Node<'s>| listener.field("tls")?.field("client_certificates").map(|_| ());
        if !listeners.iter().any(|listener| asked(listener).is_some()) {
            let title = "no listener asks clients for certificates";
            let help = "give a listener `tls.client_certificates`, or remove `identity.tenant`";
            self.error("no-client-certificates", title, node.span, help);
        }
        match &**node.text()? {
            "san_dns" => Some(CertificateName::SanDns),
            "san_uri" => Some(CertificateName::SanUri),
            "cn" => Some(CertificateName::CommonName),
            _ => None,
        }
    }

    fn realm(&mut self, identity: Option<&Node<'s>>) -> Box<str> {
        let Some(node) = identity.and_then(|identity| identity.field("realm")) else {
            return "sluice".into();
        };
        let text = node.text().map_or("sluice", |text| text);
        let quotable = |b: u8| b == b' ' || (b.is_ascii_graphic() && !matches!(b, b'"' | b'\\'));
        if !text.bytes().all(quotable) || text.is_empty() || text.len() > 128 {
            let title = "a realm has 1 to 128 visible ASCII characters, without quotes and backslashes";
            self.error("invalid-realm", title, node.span, "write a name such as `sluice`");
        }
        text.into()
    }

    fn request_value(&mut self, node: &Node<'s>) -> Option<RequestValue> {
        if let Some(header) = node.field("header") {
            let name = header.text()?.to_ascii_lowercase();
            self.check_token("header", &name, header.span)?;
            self.check_passes(header.text()?, header.span)?;
            return Some(RequestValue::Header(name.into()));
        }
        if node.field("client").is_some() {
            return Some(RequestValue::ClientAddress);
        }
        let cookie = node.field("cookie")?;
        let name = cookie.text()?;
        self.check_token("cookie", name, cookie.span)?;
        Some(RequestValue::Cookie((**name).into()))
    }

    /// Reports a name that no header or cookie can have (RFC 9110 section 5.6.2, RFC 6265 section 4.1.1).
    pub(super) fn check_token(&mut self, what: &str, name: &str, span: Span) -> Option<()> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
        if !name.is_empty() && name.len() <= rules::MAX_HEADER_NAME && name.bytes().all(allowed) {
            return Some(());
        }
        let title = format!("`{name}` can't be the name of a {what}");
        let help = "names are made of letters, digits and `!#$%&'*+-.^_|~`";
        self.error("invalid-header", title, span, help);
        None
    }

    /// The id of an attribute that a request supplies, where a condition reads it.
    fn attribute(&mut self, name: &str, span: Span, flags: Option<&Flags>) -> Option<AttributeId> {
        if RESERVED_ATTRIBUTES.contains(&name) {
            let title = format!("`{name}` is a reserved name and can't be an attribute");
            self.error(
                "reserved-attribute",
                title,
                span,
                "give the attribute another name",
            );
            return None;
        }
        flags?.attribute_id(name)
    }

    fn issuer(&mut self, node: &Node<'s>, flags: Option<&Flags>) -> Option<IssuerConfig> {
        let paths = self.claim_paths(node, flags);
        self.issuer_with(node, paths)
    }

    fn claim_paths(&mut self, node: &Node<'s>, flags: Option<&Flags>) -> Option<ClaimPaths> {
        let claims = node.field("claims")?;
        let tenant = claims.field("tenant").and_then(|path| self.claim(path));
        let user = match claims.field("user") {
            Some(path) => self.claim(path)?,
            None => ClaimPath::parse("sub").ok()?,
        };
        let groups = match claims.field("groups") {
            Some(path) => Some(self.claim(path)?),
            None => None,
        };
        let mut attributes = Vec::new();
        for entry in claims
            .field("attributes")
            .and_then(Node::entries)
            .unwrap_or_default()
        {
            let path = self.claim(&entry.value);
            let id = self.attribute(&entry.key, entry.key_span, flags);
            attributes.extend(id.and_then(|id| u32::try_from(id.index()).ok()).zip(path));
        }
        Some(ClaimPaths {
            tenant: tenant?,
            user,
            groups,
            attributes,
        })
    }

    /// The issuer that a node describes, with claims at these paths; none where they have a problem.
    pub(super) fn issuer_with(&mut self, node: &Node<'s>, paths: Option<ClaimPaths>) -> Option<IssuerConfig> {
        let name = node.field("issuer")?;
        let algorithms: Vec<Algorithm> = texts(node.field("algorithms"))
            .filter_map(|name| Algorithm::parse(name).ok())
            .collect();
        let keys = node.field("keys").and_then(|keys| self.keys(keys, &algorithms));
        let seconds = |field| Some(quantity::duration_ms(node.field(field)?.text()?)?.div_ceil(1000));
        let paths = paths?;
        let definition = IssuerDefinition {
            issuer: name.text()?.to_string(),
            audiences: texts(node.field("audiences")).map(str::to_owned).collect(),
            algorithms,
            leeway_seconds: seconds("leeway").unwrap_or(DEFAULT_LEEWAY_SECONDS),
            max_age_seconds: seconds("max_age"),
            typ: node.field("typ").and_then(Node::text).map(ToString::to_string),
            tenant: paths.tenant,
            user: paths.user,
            groups: paths.groups,
            attributes: paths.attributes,
        };
        // What is empty was reported as such.
        if definition.audiences.is_empty() || definition.algorithms.is_empty() {
            return None;
        }
        let help = "see `audiences`, `algorithms`, `leeway`, `max_age` and `typ` of this issuer";
        let issuer = self.parsed(Issuer::new(definition), "invalid-issuer", name.span, help)?;
        Some(IssuerConfig {
            issuer,
            keys: keys?,
            site: self.lower.source.site(name.span.start),
        })
    }

    pub(super) fn claim(&mut self, node: &Node<'s>) -> Option<ClaimPath> {
        let help = "write names joined by dots (`org.id`), or a JSON pointer (`/org/id`)";
        self.parsed(
            ClaimPath::parse(node.text()?),
            "invalid-claim-path",
            node.span,
            help,
        )
    }

    fn keys(&mut self, node: &Node<'s>, algorithms: &[Algorithm]) -> Option<KeySource> {
        let is_source = |key: &str| !matches!(key, "refresh" | "keep_keys");
        let mut sources = node.entries()?.iter().filter(|entry| is_source(&entry.key));
        // Of several sources none is read: which one is meant was asked already.
        let (Some(source), None) = (sources.next(), sources.next()) else {
            return None;
        };
        let value = &source.value;
        let keys = match &*source.key {
            "jwks_url" => return self.jwks_url(node, value),
            "secret" => {
                let secret = self.secret(value)?;
                KeySet::from_secret(secret.as_bytes(), algorithms)
            }
            "secret_file" => {
                let bytes = self.file(value, MAX_KEY_BYTES)?;
                let bytes = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
                KeySet::from_secret(bytes.strip_suffix(b"\r").unwrap_or(bytes), algorithms)
            }
            "pem_file" => KeySet::from_pem(&self.file(value, MAX_KEY_BYTES)?, algorithms),
            "jwks_file" => {
                let bytes = self.file(value, MAX_KEY_BYTES)?;
                String::from_utf8(bytes)
                    .map_err(|_| InvalidKey::NotJwks)
                    .and_then(|text| KeySet::from_jwks(&text, algorithms))
            }
            _ => return None,
        };
        // Without an algorithm no key fits, and that was reported.
        if algorithms.is_empty() {
            return None;
        }
        let what = value.text()?;
        let keys = keys.map_err(|reason| format!("`{what}` can't be used as a key: {reason}"));
        let help = "put a key of the issuer there that fits its `algorithms`";
        let keys = self.parsed(keys, "invalid-key", value.span, help)?;
        if keys.is_empty() {
            self.warn_of_no_key(&keys, what, value.span);
        }
        Some(KeySource::Fixed(Arc::new(keys)))
    }

    /// Warns of a JWKS file without a usable key. It is no error: refusing the document would keep the keys that were
    /// taken out of the file in use.
    fn warn_of_no_key(&mut self, keys: &KeySet, file: &str, span: Span) {
        let skipped: String = keys.skipped().iter().map(|key| format!("; {key}")).collect();
        let title =
            format!("no key in `{file}` can be used, so every token of this issuer is refused{skipped}");
        let help = "that is right where the issuer's last key was withdrawn; else put a key of the issuer there that \
                    fits its `algorithms`";
        let warning = Problem::warning("no-usable-key", title, self.label(span, "")).help(help);
        self.loading.warnings.push(warning);
    }

    fn jwks_url(&mut self, node: &Node<'s>, value: &Node<'s>) -> Option<KeySource> {
        let url = value.text()?;
        if names_user(url) {
            let title = "a URL of keys names no user: keys are public";
            let help = "remove what stands between `//` and the last `@`";
            self.error("invalid-url", title, value.span, help);
            return None;
        }
        if !is_http_url(url) {
            let title = format!("`{url}` is not an http or https URL");
            self.error(
                "invalid-url",
                title,
                value.span,
                "write it like `https://login.example/jwks`",
            );
            return None;
        }
        Some(KeySource::Url {
            url: (**url).into(),
            refresh_ms: self.duration(node, "refresh", REFRESH_MS),
            keep_keys_ms: node
                .field("keep_keys")
                .and_then(Node::text)
                .and_then(|text| quantity::duration_ms(text)),
        })
    }

    pub(super) fn secret(&mut self, node: &Node<'s>) -> Option<String> {
        let name = quantity::reference(node.text()?)?;
        let secret = (self.environment)(name);
        if secret.is_none() {
            let title = format!("the environment variable `{name}` is not set");
            self.error(
                "unset-variable",
                title,
                node.span,
                format!("set `{name}` where sluice is started"),
            );
        }
        secret
    }
}

fn texts<'n, 's: 'n>(node: Option<&'n Node<'s>>) -> impl Iterator<Item = &'n str> {
    node.and_then(Node::items)
        .unwrap_or_default()
        .iter()
        .filter_map(|item| item.text().map(|text| &**text))
}
