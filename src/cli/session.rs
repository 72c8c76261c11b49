//! A command's talk with a server: where it is and who asks, and what becomes of a refusal.

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::client::{Again, Answer, Ask, Client, ClientError, Protocol, Server, SignInToken};
use super::rejection::{Intent, ServerRejection};
use super::render::{json, printable};
use super::required_members::RequiredMembers;
use super::{duration, output, route};

/// Where the server is, who asks, and how answers are printed.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Connection {
    /// The admin listener: http://HOST:PORT, https://HOST:PORT or unix:PATH.
    #[arg(long, global = true, value_name = "URL", env = "SLUICE_SERVER", default_value = "http://127.0.0.1:9090", value_parser = Server::parse)]
    server: Server,
    #[command(flatten)]
    access: Access,
    /// Prints the server's answer as it is, JSON, refusals included.
    #[arg(long, global = true)]
    json: bool,
}

/// Who asks a server, whom he trusts, and how long he waits.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct Access {
    /// A file that holds the token to sign in with; or the token itself in SLUICE_TOKEN.
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Trusts the authorities in this file (PEM) instead of the system's.
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_CA")]
    ca: Option<PathBuf>,
    /// How long to wait for each step of the answer: `10s`, `2m`.
    #[arg(long, global = true, value_name = "DURATION", default_value = "35s", value_parser = duration::parse)]
    timeout: Duration,
}

/// What answers are printed as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// For people.
    Text,
    /// The server's body as it is.
    Json,
}

/// A talk with a server.
pub(super) struct Session {
    client: Client,
    form: Form,
}

impl Session {
    pub(super) fn open(connection: &Connection) -> Result<Self> {
        let session = Self::at(connection.server.clone(), &connection.access)?;
        Ok(session.printing(connection))
    }

    /// A talk with this server.
    pub(super) fn at(server: Server, access: &Access) -> Result<Self> {
        let credentials = SignInToken::find(access.token_file.as_deref())?;
        for warning in credentials.warnings() {
            output::print_stderr(format_args!("warning: {warning}"));
        }
        let server = (server, Protocol::AdminApi);
        let client = Client::new(server, access.ca.as_deref(), credentials, access.timeout)?;
        Ok(Self {
            client,
            form: Form::Text,
        })
    }

    /// A talk with the socket of break-glass.
    pub(super) fn on_socket(path: PathBuf, connection: &Connection) -> Result<Self> {
        let timeout = connection.access.timeout;
        let server = (Server::Unix(path), Protocol::BreakGlass);
        let client = Client::new(server, None, SignInToken::default(), timeout)?;
        let session = Self {
            client,
            form: Form::Text,
        };
        Ok(session.printing(connection))
    }

    fn printing(mut self, connection: &Connection) -> Self {
        if connection.json {
            self.form = Form::Json;
        }
        self
    }

    pub(super) fn form(&self) -> Form {
        self.form
    }

    pub(super) fn server(&self) -> &Server {
        self.client.server()
    }

    /// Asks for something that changes nothing, and whose answer has these members.
    pub(super) fn look(&self, path: impl Into<String>, expected: RequiredMembers) -> Result<Answer> {
        self.ask(&Ask::get(path), Intent::Look(expected))
    }

    /// Asks. An answer that is no good one is a [`ServerRejection`].
    pub(super) fn ask(&self, ask: &Ask, intent: Intent) -> Result<Answer> {
        let answer = match self.client.ask(ask) {
            Err(error) if ask.again == Again::Once && is_unanswered(&error) => {
                output::print_stderr(format_args!("{error}; asked once more"));
                self.client.ask(ask)?
            }
            other => other?,
        };
        let answer = self.good(answer, intent)?;
        if intent.is_answered_by(&answer.body) {
            return Ok(answer);
        }
        let (server, status) = (self.server().to_string(), answer.status);
        Err(match intent {
            Intent::Look(_) | Intent::Try => ClientError::Incomprehensible { server, status },
            Intent::Change | Intent::LocalChange => ClientError::NotUnderstood { server, status },
        }
        .into())
    }

    /// Asks, and hands a good answer on piece by piece.
    pub(super) fn stream(
        &self,
        ask: &Ask,
        sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<Answer> {
        let answer = self.client.stream(ask, sink)?;
        self.good(answer, Intent::Look(RequiredMembers::Anything))
    }

    fn good(&self, answer: Answer, intent: Intent) -> Result<Answer> {
        if answer.status < 400 {
            return Ok(answer);
        }
        let refused = ServerRejection::new(&answer, intent, self.form)?;
        Err(match self.near_flag(&refused) {
            Some(near) => refused.hint(format!(
                "what helps: did you mean `{near}`? `sluice flags list` lists the flags"
            )),
            None => refused,
        }
        .into())
    }

    /// The key of a flag that is nearly the one which was not found.
    fn near_flag(&self, refused: &ServerRejection) -> Option<String> {
        let mistyped = refused.missing_flag()?;
        if self.form == Form::Json {
            return None;
        }
        let answer = self
            .client
            .ask(&Ask::get(format!("{}?limit=1000", route::FLAGS)))
            .ok()?;
        let body = answer.json().ok()?;
        let keys = json::list(&body, "flags")
            .iter()
            .filter_map(|flag| json::text(flag, "key"));
        config::closest(&mistyped, keys).map(printable)
    }

    /// Prints an answer: as it is, or as `text` tells it to people.
    pub(super) fn show(&self, answer: &Answer, text: impl FnOnce(&Value) -> String) -> Result<()> {
        match self.form {
            Form::Json => print(&answer.body)?,
            Form::Text => {
                let told = text(&answer.json()?);
                if !told.is_empty() {
                    output::print(told.trim_end())?;
                }
            }
        }
        Ok(())
    }
}

fn is_unanswered(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ClientError::Unanswered { .. } | ClientError::Speechless { .. })
    )
}

/// Prints a body as it is, with one newline at its end.
pub(super) fn print(body: &[u8]) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(body.trim_ascii_end())?;
    out.write_all(b"\n")
}
