//! Operators: their static tokens, and the issuer of their tokens.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use rules::TenantId;
use tokens::{Algorithm, ClaimPath, Issuer, IssuerDefinition};

use super::gateway::Gateway;
use crate::form::{Field, Placed};
use crate::node::Span;
use crate::operators::{
    InvalidOperatorName, OperatorIssuer, OperatorRole, OperatorSettings, OperatorToken, PersonSignIn,
    check_operator_name,
};
use crate::problem::{Label, Problem};
use crate::shape::admin::{
    OidcProviderFields, OperatorIssuerFields, OperatorsFields, RolesByValue, StaticTokenFields, TokensAt,
    TokensDocument,
};
use crate::source::Source;
use crate::{form, parse};

impl<'s> Gateway<'_, 's> {
    /// Returns the operators; none if a part has a problem.
    pub(crate) fn operators(&mut self, operators: &OperatorsFields<'s>) -> Option<OperatorSettings> {
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
        let of_issuer = operators.issuer.value().map(|issuer| &issuer.roles);
        let sign_in = operators
            .sign_in
            .lower_optional(|sign_in| self.person_sign_in(sign_in, of_issuer));
        Some(OperatorSettings {
            tokens: tokens?,
            tokens_file,
            issuer: issuer?,
            sign_in: sign_in?,
        })
    }

    /// Returns the sign-in of people. `of_issuer` are the roles of the issuer of operators' tokens.
    fn person_sign_in(
        &mut self,
        sign_in: &Placed<OidcProviderFields<'s>>,
        of_issuer: Option<&Field<RolesByValue<'s>>>,
    ) -> Option<PersonSignIn> {
        let fields = &sign_in.value;
        let roles = match (fields.roles.key(), of_issuer) {
            (Some(_), _) => fields.roles.value()?,
            (None, Some(roles)) => roles.value()?,
            (None, None) => {
                let help = "add `roles`, for example `roles: { sluice-operators: operator }`";
                self.error(
                    "missing-field",
                    "a sign-in of people needs `roles`",
                    sign_in.span,
                    help,
                );
                return None;
            }
        };
        let algorithms: Vec<Algorithm> = Algorithm::ALL.to_vec();
        let issuer = fields.issuer.written()?;
        let client_id = fields.client_id.value()?;
        let path = |text: &str| ClaimPath::parse(text).ok();
        let mut definition = IssuerDefinition::new(
            &issuer.value,
            client_id,
            &algorithms
                .into_iter()
                .filter(|known| !known.is_symmetric())
                .collect::<Vec<_>>(),
            fields.org.optional()?.or_else(|| path("org"))?,
        );
        definition.groups = Some(fields.role.optional()?.or_else(|| path("roles"))?);
        definition.attributes = vec![
            (
                PersonSignIn::NAME,
                fields.name.optional()?.or_else(|| path("name"))?,
            ),
            (PersonSignIn::NONCE, path("nonce")?),
            (PersonSignIn::AUTHORIZED_PARTY, path("azp")?),
        ];
        let help = "check `issuer` and `client_id` of this provider";
        let issuer = self.parsed(Issuer::new(definition), "invalid-issuer", issuer.span, help)?;
        let scopes = fields.scopes.or(vec!["profile".into()])?;
        Some(PersonSignIn {
            issuer,
            client_id: (**client_id).into(),
            client_secret_file: fields.client_secret_file.optional()?,
            scopes,
            roles: roles
                .iter()
                .map(|(given, role)| ((*given.value).into(), *role))
                .collect(),
        })
    }

    fn operator_tokens(&mut self, tokens: &TokensAt<'s>) -> Vec<OperatorToken> {
        let source = match tokens {
            TokensAt::File(file) => {
                let named_at = self.label(file.span, "named here");
                self.context.source(&self.path(&file.value), Some(named_at))
            }
            TokensAt::Variable(variable) => self.secret(variable).and_then(|text| {
                let name = Path::new(&*variable.value);
                self.context.sources.add(name, text)
            }),
        };
        source
            .map(|source| token_entries(&source, &mut self.context.problems))
            .unwrap_or_default()
    }

    fn operator_issuer(&mut self, fields: &OperatorIssuerFields<'s>) -> Option<OperatorIssuer> {
        let paths = fields.claims.value().cloned();
        let issuer = self.issuer(&fields.keys, &fields.checks, paths);
        let roles = fields.roles.value()?.iter();
        Some(OperatorIssuer {
            issuer: issuer?,
            roles: roles
                .map(|(given, role)| ((*given.value).into(), *role))
                .collect(),
        })
    }
}

/// Reads the entries of a document of tokens.
pub(crate) fn token_entries(source: &Arc<Source>, problems: &mut Vec<Problem>) -> Vec<OperatorToken> {
    // The text may be a secret that was put in the place of a document.
    source.mark_confidential();
    let Some(root) = parse::parse(source, problems) else {
        return Vec::new();
    };
    let document = form::read_document::<TokensDocument>(source, &root, problems);
    let entries = document.and_then(|document| document.tokens.into_value());
    let entries = entries.unwrap_or_default();
    let mut names = HashSet::new();
    let mut tokens = Vec::with_capacity(entries.len());
    for fields in &entries {
        let mut entry = TokenEntry { source, problems };
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
struct TokenEntry<'a> {
    source: &'a Source,
    problems: &'a mut Vec<Problem>,
}

impl TokenEntry<'_> {
    fn token(&mut self, fields: &Placed<StaticTokenFields<'_>>) -> Option<OperatorToken> {
        let token = &fields.value;
        let (role, org) = (*token.role.value()?, token.org.written());
        match (role, org) {
            (OperatorRole::OrgAdmin, None) => {
                let help = "add `org`: the id of the tenant whose opt-ins this operator may change";
                self.report("org-needed", "an `org-admin` needs an `org`", fields.span, help);
            }
            (OperatorRole::OrgAdmin, Some(org)) => {
                if let Err(reason) = TenantId::parse(&org.value) {
                    let help = "write the id of a tenant";
                    self.report("invalid-tenant-id", reason.to_string(), org.span, help);
                }
            }
            (_, Some(org)) => {
                let title = format!("only an `org-admin` can have an `org`, not the role `{role}`");
                let help = "remove `org`, or write `role: org-admin`";
                self.report("org-needed", title, org.span, help);
            }
            (_, None) => {}
        }
        let name = token.name.written()?;
        match check_operator_name(&name.value) {
            Ok(()) => {}
            Err(invalid @ InvalidOperatorName::Reserved) => {
                let title = format!("the name `{}` is reserved", name.value);
                self.report(
                    "reserved-name",
                    title,
                    name.span,
                    &format!("choose another name: {invalid}"),
                );
            }
            Err(invalid @ InvalidOperatorName::Characters) => {
                let title = format!("`{}` can't be the name of an operator", name.value.escape_debug());
                self.report(
                    "invalid-name",
                    title,
                    name.span,
                    &format!("choose another name: {invalid}"),
                );
            }
        }
        Some(OperatorToken {
            name: (*name.value).into(),
            role,
            org: org.map(|org| (*org.value).into()),
            hash: token.hash.value()?.clone(),
            expires: token.expires.optional()?,
        })
    }

    fn report(&mut self, code: &'static str, title: impl Into<String>, span: Span, help: &str) {
        let at = Label::new(self.source, span, "");
        self.problems.push(Problem::error(code, title, at).help(help));
    }
}
