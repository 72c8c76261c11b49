//! Who may operate, and what changes must meet.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rules::{TenantId, Timestamp};

use super::gateway::Gateway;
use super::issuers::ClaimPaths;
use crate::form::Placed;
use crate::node::Span;
use crate::operators::{ChangePolicy, OperatorIssuer, OperatorRole, OperatorToken, Operators};
use crate::problem::{Label, Problem};
use crate::shape::admin::{
    ChangePolicyFields, Demand, OperatorClaimsFields, OperatorIssuerFields, OperatorsFields, PromotionFields,
    PromotionToGaFields, StaleFields, StaticTokenFields, TokensAt, TokensDocument,
};
use crate::source::Source;
use crate::{parse, validate};

impl<'s> Gateway<'_, 's> {
    /// Returns who may operate.
    pub(crate) fn operators(&mut self, operators: &OperatorsFields<'s>) -> Option<Operators> {
        let tokens = operators
            .tokens
            .lower(Vec::new(), |tokens| Some(self.operator_tokens(&tokens.value)));
        let tokens_file = match operators.tokens.value() {
            Some(TokensAt::File(file)) => Some(self.path(&file.value)),
            Some(TokensAt::Variable(_)) | None => None,
        };
        let issuer = operators
            .issuer
            .lower_optional(|issuer| self.operator_issuer(&issuer.value));
        Some(Operators {
            tokens: tokens?,
            tokens_file,
            issuer: issuer?,
        })
    }

    fn operator_tokens(&mut self, tokens: &TokensAt<'s>) -> Vec<OperatorToken> {
        let source = match tokens {
            TokensAt::File(file) => {
                let named_at = self.label(file.span, "named here");
                self.loading.source(&self.path(&file.value), Some(named_at))
            }
            TokensAt::Variable(variable) => self.secret(variable).and_then(|text| {
                let name = Path::new(&*variable.value);
                self.loading.sources.add(name, text)
            }),
        };
        source
            .map(|source| token_entries(&source, &mut self.loading.problems))
            .unwrap_or_default()
    }

    fn operator_issuer(&mut self, fields: &OperatorIssuerFields<'s>) -> Option<OperatorIssuer> {
        let claims = fields.claims.value();
        let paths = claims.and_then(|claims| self.operator_claims(claims));
        let issuer = self.issuer(&fields.keys, &fields.checks, paths);
        let roles = fields.roles.value()?.iter();
        Some(OperatorIssuer {
            issuer: issuer?,
            roles: roles
                .map(|(given, role)| ((*given.value).into(), *role))
                .collect(),
        })
    }

    fn operator_claims(&mut self, claims: &OperatorClaimsFields<'s>) -> Option<ClaimPaths> {
        let roles = claims.roles.written().and_then(|path| self.claim(path));
        let org = self.claim_or(&claims.org, "org");
        let name = self.claim_or(&claims.name, "sub");
        Some(ClaimPaths {
            tenant: org?,
            user: name?,
            groups: Some(roles?),
            attributes: Vec::new(),
        })
    }
}

/// Returns what changes must meet.
pub(crate) fn change_policy(policy: &ChangePolicyFields<'_>) -> Option<ChangePolicy> {
    let no_promotion = PromotionFields::default();
    let promotion = policy
        .promotion
        .lower(&no_promotion, |promotion| Some(&promotion.value))?;
    let no_ga = PromotionToGaFields::default();
    let ga = promotion.ga.lower(&no_ga, |ga| Some(&ga.value))?;
    let no_stale = StaleFields::default();
    let stale = policy.stale.lower(&no_stale, |stale| Some(&stale.value))?;
    let sign_offs = |roles: &[Cow<'_, str>]| roles.iter().map(|role| Box::from(&**role)).collect();
    Some(ChangePolicy {
        soak_ms: promotion.soak.optional()?,
        ga_tenants: ga.tenants.optional()?,
        ga_stable_ms: ga.stable.optional()?,
        ga_revertible: ga
            .revertible
            .optional()?
            .map(|revertible| revertible == Demand::Required),
        ga_sign_offs: ga
            .sign_offs
            .lower(None, |roles| Some(Some(sign_offs(&roles.value))))?,
        ga_errors: ga.errors.optional()?,
        ga_errors_window_ms: ga.errors_window.optional()?,
        max_blast_radius: policy.max_blast_radius.optional()?,
        stale_ga_ms: stale.ga.optional()?,
        stale_unused_ms: stale.unused.optional()?,
        stale_undecided_ms: stale.undecided.optional()?,
    })
}

/// Reads the entries of a document of tokens.
pub(crate) fn token_entries(source: &Arc<Source>, problems: &mut Vec<Problem>) -> Vec<OperatorToken> {
    // A secret may have been put in the place of the whole document.
    source.mark_confidential();
    let Some(root) = parse::parse(source, problems) else {
        return Vec::new();
    };
    let document = validate::read_document::<TokensDocument>(source, &root, problems);
    let entries = document.and_then(|document| document.tokens.into_value());
    let entries = entries.unwrap_or_default();
    let mut names = HashSet::new();
    let mut tokens = Vec::with_capacity(entries.len());
    for fields in &entries {
        let mut entry = Entry { source, problems };
        if let Some(name) = fields.value.name.value()
            && !names.insert(name)
        {
            let title = format!("two tokens are named `{name}`");
            entry.report("duplicate", title, fields.span, "give one of them another name");
        }
        tokens.extend(entry.token(fields));
    }
    tokens
}

/// An entry of a document of tokens.
struct Entry<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl Entry<'_> {
    fn token(&mut self, fields: &Placed<StaticTokenFields<'_>>) -> Option<OperatorToken> {
        let token = &fields.value;
        let (role, org) = (*token.role.value()?, token.org.written());
        match (role, org) {
            (OperatorRole::OrgAdmin, None) => {
                let help = "add `org`, the tenant whose opt-ins he may change";
                self.report("org-needed", "an org's admin has an org", fields.span, help);
            }
            (OperatorRole::OrgAdmin, Some(org)) => {
                if let Err(reason) = TenantId::parse(&org.value) {
                    let help = "write a tenant's id";
                    self.report("invalid-tenant-id", reason.to_string(), org.span, help);
                }
            }
            (_, Some(org)) => {
                let title = format!("the role `{role}` is not of one org");
                let help = "remove `org`, or make it an `org-admin`";
                self.report("org-needed", title, org.span, help);
            }
            (_, None) => {}
        }
        let name = token.name.written()?;
        if is_reserved(&name.value) {
            let title = format!("`{}` is the name of somebody who has no token", name.value);
            let help = "give it another name: `local`, `sluice`, `unknown` and what begins with `oidc:` or `uid:` stand \
                        for others in the audit log";
            self.report("reserved-name", title, name.span, help);
        }
        let hash = token.hash.written()?;
        if !is_hash(&hash.value) {
            let help = "make a token and its entry with `sluice operators token`";
            self.report("invalid-hash", "this is not the hash of a token", hash.span, help);
        }
        let expires = token.expires.lower(None, |at| match Timestamp::parse(&at.value) {
            Ok(time) => Some(Some(time)),
            Err(reason) => {
                let help = "write it like 2027-01-01T00:00:00Z";
                self.report("invalid-time", reason.to_string(), at.span, help);
                None
            }
        });
        Some(OperatorToken {
            name: (*name.value).into(),
            role,
            org: org.map(|org| (*org.value).into()),
            hash: (*hash.value).into(),
            expires: expires?,
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
