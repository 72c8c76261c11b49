//! `sluice operators`: creates tokens for operators.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use control::Role;
use control::operators::TokenHash;
use rules::{TenantId, Timestamp};
use serde_json::json;

use super::atomic_file::{AtomicFile, IfExists};
use super::exit::Exit;
use super::output;

/// Creates tokens for operators.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Token(TokenArguments),
}

/// Creates a token, and its entry for the document of tokens.
///
/// The document is the one that `admin.operators.tokens` names. No server is called. With --output the token is written
/// to a file that only its owner can read, and the entry, which contains only the hash, to standard output. Without it
/// the token is printed to standard output, only once, and the entry to standard error.
#[derive(Debug, Args)]
struct TokenArguments {
    /// The name of the operator, for the audit log and for sign-offs.
    #[arg(long, value_parser = name)]
    name: String,
    /// The role of the operator.
    #[arg(long, value_enum)]
    role: RoleArgument,
    /// The org of an org-admin.
    #[arg(long, value_name = "ORG", value_parser = org)]
    org: Option<String>,
    /// Expiry of the token (RFC 3339).
    #[arg(long, value_name = "RFC3339", value_parser = Timestamp::parse)]
    expires: Option<Timestamp>,
    /// Writes the token to this file, which only its owner can read; it must not exist yet.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArgument {
    OrgAdmin,
    Viewer,
    Operator,
    PlatformAdmin,
}

fn name(text: &str) -> Result<String, config::InvalidOperatorName> {
    config::check_operator_name(text)?;
    Ok(text.to_owned())
}

fn org(text: &str) -> Result<String, String> {
    TenantId::parse(text).map_err(|invalid| invalid.to_string())?;
    Ok(text.to_owned())
}

impl RoleArgument {
    fn role(self) -> Role {
        match self {
            Self::OrgAdmin => Role::OrgAdmin,
            Self::Viewer => Role::Viewer,
            Self::Operator => Role::Operator,
            Self::PlatformAdmin => Role::PlatformAdmin,
        }
    }
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let Command::Token(token) = &arguments.command;
    if (token.role == RoleArgument::OrgAdmin) != token.org.is_some() {
        bail!("--org is required for the role org-admin, and not allowed for other roles");
    }
    let (secret, hash) = TokenHash::issue().context("can't create a token")?;
    if let Some(path) = &token.output {
        let mut file = AtomicFile::create(path, IfExists::Fail)?;
        file.write(format!("{secret}\n").as_bytes())?;
        file.commit()?;
        output::print(token_entry(token, &hash))?;
        return Ok(Exit::Success);
    }
    output::print_stderr("add this entry to `tokens` in the document that `admin.operators.tokens` names:");
    output::print_stderr(token_entry(token, &hash));
    output::print_stderr("give this token to its owner; it is not shown again:");
    output::print(secret)?;
    Ok(Exit::Success)
}

/// Formats an entry of the document of tokens, in YAML's flow style. Its values are JSON, which is valid YAML.
fn token_entry(token: &TokenArguments, hash: &TokenHash) -> String {
    let mut fields = vec![
        ("name", json!(token.name)),
        ("role", json!(token.role.role().as_str())),
    ];
    fields.extend(token.org.as_ref().map(|org| ("org", json!(org))));
    fields.push(("hash", json!(hash.to_string())));
    let expires = token.expires.and_then(super::render::moment::rfc3339);
    fields.extend(expires.map(|expires| ("expires", json!(expires))));
    let fields: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    format!("- {{ {} }}", fields.join(", "))
}
