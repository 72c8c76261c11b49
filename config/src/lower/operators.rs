//! Who may operate, and what changes must meet.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rules::{TenantId, Timestamp};
use tokens::ClaimPath;

use super::gateway::Gateway;
use super::issuers::ClaimPaths;
use crate::node::{Node, Span};
use crate::operators::{ChangePolicy, OperatorIssuer, OperatorToken, Operators};
use crate::problem::{Label, Problem};
use crate::shape::Shape;
use crate::shape::admin::TOKENS_DOCUMENT;
use crate::source::Source;
use crate::{parse, quantity, validate};

impl<'s> Gateway<'_, 's> {
    /// Who may operate, if the document says.
    pub(crate) fn operators(&mut self, root: &Node<'s>) -> Option<Operators> {
        let node = root.field("admin")?.field("operators")?;
        let tokens = node.field("tokens").map(|tokens| self.operator_tokens(tokens));
        let file = node.field("tokens").and_then(|tokens| tokens.field("file"));
        let issuer = node.field("issuer").map(|issuer| self.operator_issuer(issuer));
        Some(Operators {
            tokens: tokens.unwrap_or_default(),
            tokens_file: file.and_then(|file| self.path(file)),
            issuer: issuer.flatten(),
        })
    }

    fn operator_tokens(&mut self, node: &Node<'s>) -> Vec<OperatorToken> {
        let source = match (node.field("file"), node.field("env")) {
            (Some(file), None) => self.path(file).and_then(|path| {
                let named_at = self.label(file.span, "named here");
                self.loading.source(&path, Some(named_at))
            }),
            (None, Some(variable)) => self.secret(variable).and_then(|text| {
                let name = variable
                    .text()
                    .map_or_else(PathBuf::new, |name| Path::new(&**name).to_owned());
                self.loading.sources.add(&name, text)
            }),
            _ => None,
        };
        source
            .map(|source| token_entries(&source, &mut self.loading.problems))
            .unwrap_or_default()
    }

    fn operator_issuer(&mut self, node: &Node<'s>) -> Option<OperatorIssuer> {
        let paths = node
            .field("claims")
            .and_then(|claims| self.operator_claims(claims));
        let issuer = self.issuer_with(node, paths);
        let mapping = node.field("roles").and_then(Node::entries).unwrap_or_default();
        let roles = mapping
            .iter()
            .filter_map(|entry| Some(((*entry.key).into(), (**entry.value.text()?).into())));
        Some(OperatorIssuer {
            issuer: issuer?,
            roles: roles.collect(),
        })
    }

    fn operator_claims(&mut self, claims: &Node<'s>) -> Option<ClaimPaths> {
        let roles = claims.field("roles").map(|path| self.claim(path));
        let org = self.claim_or(claims, "org", "org");
        let name = self.claim_or(claims, "name", "sub");
        Some(ClaimPaths {
            tenant: org?,
            user: name?,
            groups: Some(roles??),
            attributes: Vec::new(),
        })
    }

    fn claim_or(&mut self, claims: &Node<'s>, field: &str, left_out: &str) -> Option<ClaimPath> {
        match claims.field(field) {
            Some(path) => self.claim(path),
            None => ClaimPath::parse(left_out).ok(),
        }
    }

    /// What changes must meet.
    pub(crate) fn change_policy(&self, root: &Node<'s>) -> ChangePolicy {
        let Some(node) = root.field("control") else {
            return ChangePolicy::default();
        };
        let (promotion, stale) = (node.field("promotion"), node.field("stale"));
        let ga = promotion.and_then(|promotion| promotion.field("ga"));
        let duration = |owner: Option<&Node<'s>>, field| quantity::duration_ms(owner?.field(field)?.text()?);
        let number = |owner: Option<&Node<'s>>, field| owner?.field(field)?.integer();
        let count = |owner, field| number(owner, field).and_then(|number| usize::try_from(number).ok());
        let sign_offs = ga.and_then(|ga| ga.field("sign_offs")).and_then(Node::items);
        ChangePolicy {
            soak_ms: duration(promotion, "soak"),
            ga_tenants: count(ga, "tenants"),
            ga_stable_ms: duration(ga, "stable"),
            ga_revertible: ga
                .and_then(|ga| ga.field("revertible")?.text())
                .map(|text| **text == *"required"),
            ga_sign_offs: sign_offs.map(|items| {
                let names = items.iter().filter_map(Node::text);
                names.map(|name| (**name).into()).collect()
            }),
            ga_errors: number(ga, "errors").and_then(|number| u64::try_from(number).ok()),
            ga_errors_window_ms: duration(ga, "errors_window"),
            max_blast_radius: count(Some(node), "max_blast_radius"),
            stale_ga_ms: duration(stale, "ga"),
            stale_unused_ms: duration(stale, "unused"),
            stale_undecided_ms: duration(stale, "undecided"),
        }
    }
}

/// The entries of a document of tokens.
pub(crate) fn token_entries(source: &Arc<Source>, problems: &mut Vec<Problem>) -> Vec<OperatorToken> {
    // A secret may have been put in the place of the whole document.
    source.mark_confidential();
    let Some(root) = parse::parse(source, problems) else {
        return Vec::new();
    };
    validate::validate(source, &root, Shape::Object(|| &TOKENS_DOCUMENT), problems);
    let mut tokens: Vec<OperatorToken> = Vec::new();
    for node in root.field("tokens").and_then(Node::items).unwrap_or_default() {
        let mut entry = Entry { source, problems };
        if let Some(token) = entry.token(node) {
            if tokens.iter().any(|before| before.name == token.name) {
                let title = format!("two tokens are named `{}`", token.name);
                entry.report("duplicate", title, node.span, "give one of them another name");
            }
            tokens.push(token);
        }
    }
    tokens
}

/// An entry of a document of tokens.
struct Entry<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Entry<'_> {
    fn token(&mut self, node: &Node<'_>) -> Option<OperatorToken> {
        let role = &**node.field("role")?.text()?;
        let org = node.field("org");
        match (role, org) {
            ("org-admin", None) => {
                let help = "add `org`, the tenant whose opt-ins he may change";
                self.report("org-needed", "an org's admin has an org", node.span, help);
            }
            ("org-admin", Some(org)) => {
                if let Err(reason) = TenantId::parse(org.text()?) {
                    self.report(
                        "invalid-tenant-id",
                        reason.to_string(),
                        org.span,
                        "write a tenant's id",
                    );
                }
            }
            (_, Some(org)) => {
                let title = format!("the role `{role}` is not of one org");
                self.report(
                    "org-needed",
                    title,
                    org.span,
                    "remove `org`, or make it an `org-admin`",
                );
            }
            (_, None) => {}
        }
        let name = node.field("name")?;
        let named = &**name.text()?;
        if is_reserved(named) {
            let title = format!("`{named}` is the name of somebody who has no token");
            let help = "give it another name: `local`, `sluice`, `unknown` and what begins with `oidc:` or `uid:` stand \
                        for others in the audit log";
            self.report("reserved-name", title, name.span, help);
        }
        let hash = node.field("hash")?;
        let text = &**hash.text()?;
        if !is_hash(text) {
            let help = "make a token and its entry with `sluice operators token`";
            self.report("invalid-hash", "this is not the hash of a token", hash.span, help);
        }
        let expires = node.field("expires").and_then(|at| {
            let parsed = Timestamp::parse(at.text()?);
            if let Err(reason) = parsed {
                self.report(
                    "invalid-time",
                    reason.to_string(),
                    at.span,
                    "write it like 2027-01-01T00:00:00Z",
                );
            }
            parsed.ok()
        });
        Some(OperatorToken {
            name: named.into(),
            role: role.into(),
            org: org.and_then(Node::text).map(|org| (**org).into()),
            hash: text.into(),
            expires,
        })
    }

    fn report(&mut self, code: &'static str, title: impl Into<String>, span: Span, help: &str) {
        let at = Label::new(self.source, span, "");
        self.problems.push(Problem::error(code, title, at).help(help));
    }
}

/// Whether the audit log calls others so: whoever is on the machine where nobody is named, the clock, somebody unknown, who
/// signs in by an issuer, and the user of a process.
fn is_reserved(name: &str) -> bool {
    ["local", "sluice", "unknown"].contains(&name)
        || ["oidc:", "uid:"].iter().any(|prefix| name.starts_with(prefix))
}

/// `hmac-sha256:`, 16 bytes, `:`, 32 bytes, both in base64url without padding.
fn is_hash(text: &str) -> bool {
    let base64 = |text: &str, length| {
        text.len() == length
            && text
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.strip_prefix("hmac-sha256:")
        .and_then(|rest| rest.split_once(':'))
        .is_some_and(|(salt, code)| base64(salt, 22) && base64(code, 43))
}
