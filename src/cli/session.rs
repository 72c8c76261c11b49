//! The session of a command with a server: address, sign-in, requests, and rejections.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde_json::Value;

use super::client::{
    AdminClient, ApiKind, ClientError, ClientRequest, ClientResponse, Retry, ServerAddress, SignInToken,
};
use super::output::{self, OutputFormat};
use super::rejection::{Intent, ServerRejection};
use super::render::{json, printable};
use super::required_members::RequiredMembers;
use super::{duration, route};

/// Options for the server, the sign-in, and the output format.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct ConnectionOptions {
    /// The admin listener of the server: http://HOST:PORT, https://HOST:PORT or unix:PATH.
    #[arg(long, global = true, value_name = "URL", env = "SLUICE_SERVER", default_value = "http://127.0.0.1:9090", value_parser = ServerAddress::parse)]
    server: ServerAddress,
    #[command(flatten)]
    access: AccessOptions,
    /// Prints the server's answer as JSON, rejections included.
    #[arg(long, global = true)]
    json: bool,
}

/// Options for the sign-in, the trusted authorities, and the timeout.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Server")]
pub(super) struct AccessOptions {
    /// A file with the token to sign in with; or set the token itself in SLUICE_TOKEN.
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// Certificate authorities to trust (PEM) instead of the system's.
    #[arg(long, global = true, value_name = "FILE", env = "SLUICE_CA")]
    ca: Option<PathBuf>,
    /// Time to wait for each step of an answer: `10s`, `2m`.
    #[arg(long, global = true, value_name = "DURATION", default_value = "35s", value_parser = duration::parse)]
    timeout: Duration,
}

impl ConnectionOptions {
    /// Returns the options with a timeout of at least this time.
    pub(super) fn with_timeout_of_at_least(&self, timeout: Duration) -> Self {
        let mut options = self.clone();
        options.access.timeout = options.access.timeout.max(timeout);
        options
    }

    /// Returns the format of printed answers.
    pub(super) fn format(&self) -> OutputFormat {
        OutputFormat::from_json_option(self.json)
    }
}

/// A session with a server.
pub(super) struct Session {
    client: AdminClient,
    format: OutputFormat,
}

impl Session {
    /// Opens a session with the server of the options.
    ///
    /// # Errors
    /// The token or the certificate authorities can't be read.
    pub(super) fn open(connection: &ConnectionOptions) -> Result<Self> {
        Self::with_server(connection.server.clone(), &connection.access, connection.format())
    }

    /// Opens a session with this server.
    ///
    /// # Errors
    /// The token or the certificate authorities can't be read.
    pub(super) fn with_server(
        server: ServerAddress,
        access: &AccessOptions,
        format: OutputFormat,
    ) -> Result<Self> {
        let credentials = SignInToken::load(access.token_file.as_deref())?;
        for warning in credentials.warnings() {
            output::print_stderr(format_args!("warning: {warning}"));
        }
        let server = (server, ApiKind::AdminApi);
        let client = AdminClient::new(server, access.ca.as_deref(), credentials, access.timeout)?;
        Ok(Self { client, format })
    }

    /// Opens a session over the break-glass socket, without a sign-in.
    pub(super) fn over_socket(path: PathBuf, connection: &ConnectionOptions) -> Result<Self> {
        let timeout = connection.access.timeout;
        let server = (ServerAddress::Unix(path), ApiKind::BreakGlass);
        let client = AdminClient::new(server, None, SignInToken::default(), timeout)?;
        Ok(Self {
            client,
            format: connection.format(),
        })
    }

    pub(super) fn format(&self) -> OutputFormat {
        self.format
    }

    pub(super) fn server(&self) -> &ServerAddress {
        self.client.server()
    }

    /// Sends a GET request, whose answer must have these members.
    pub(super) fn read(&self, path: impl Into<String>, expected: RequiredMembers) -> Result<ClientResponse> {
        self.send(&ClientRequest::get(path), Intent::Read(expected))
    }

    /// Sends a GET request for a flag.
    pub(super) fn read_flag(&self, key: &str) -> Result<ClientResponse> {
        let request = ClientRequest::get(route::flag(key, "")).about_flag(key);
        self.send(&request, Intent::Read(RequiredMembers::FLAG))
    }

    /// Sends a GET request for the rollout plan of a flag.
    pub(super) fn read_rollout(&self, key: &str) -> Result<ClientResponse> {
        let request = ClientRequest::get(route::flag(key, "/rollout")).about_flag(key);
        self.send(&request, Intent::Read(RequiredMembers::ROLLOUT))
    }

    /// Sends a request and returns its successful answer.
    ///
    /// # Errors
    /// A [`ServerRejection`], or a [`ClientError`] if there is no valid answer.
    pub(super) fn send(&self, request: &ClientRequest, intent: Intent) -> Result<ClientResponse> {
        let answer = match self.client.send(request) {
            // Only if no part of an answer arrived: an answer that broke in the middle shows that the request was
            // processed.
            Err(error) if request.retry == Retry::Once && is_retryable(&error) => {
                output::print_stderr(format_args!("{error}; sent again"));
                self.client.send(request)?
            }
            other => other?,
        };
        let answer = self.check_status(answer, intent, request)?;
        // A status of 200 is not enough: a proxy or a login page in between may answer with 200, too.
        if intent.is_answered_by(&answer.body) {
            return Ok(answer);
        }
        Err(match intent {
            Intent::Read(_) | Intent::DryRun => self.invalid_read(&answer),
            Intent::Change | Intent::NextChange | Intent::LocalChange => ClientError::InvalidChangeResponse {
                server: self.server().to_string(),
                status: answer.status,
            },
        }
        .into())
    }

    /// Returns the error for an answer to a read or a dry run that lacks required members.
    pub(super) fn invalid_read(&self, answer: &ClientResponse) -> ClientError {
        ClientError::InvalidReadResponse {
            server: self.server().to_string(),
            status: answer.status,
        }
    }

    /// Returns the error for a body that is not the requested file.
    pub(super) fn invalid_download(&self, expected: &'static str, reason: impl Into<String>) -> ClientError {
        ClientError::InvalidDownload {
            server: self.server().to_string(),
            expected,
            reason: reason.into(),
        }
    }

    /// Sends a request, and passes the body of a successful answer to `sink` piece by piece.
    pub(super) fn stream(
        &self,
        request: &ClientRequest,
        sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<ClientResponse> {
        let answer = self.client.stream(request, sink)?;
        self.check_status(answer, Intent::Read(RequiredMembers::Anything), request)
    }

    fn check_status(
        &self,
        answer: ClientResponse,
        intent: Intent,
        request: &ClientRequest,
    ) -> Result<ClientResponse> {
        if answer.status < 400 {
            return Ok(answer);
        }
        let refused = ServerRejection::new(&answer, intent, self.format)?;
        let missing = request.flag.as_deref().filter(|_| refused.is_missing_flag());
        Err(match missing.and_then(|key| self.closest_flag(key)) {
            Some(near) => refused.hint(format!(
                "help: did you mean `{near}`? `sluice flags list` lists the flags"
            )),
            None => refused,
        }
        .into())
    }

    /// Returns the key of an existing flag that is similar to the one that was not found. Only for text output: JSON is
    /// printed unchanged.
    fn closest_flag(&self, mistyped: &str) -> Option<String> {
        if self.format == OutputFormat::Json {
            return None;
        }
        // Without an answer there is only no suggestion: the rejection is what the command reports.
        let answer = self
            .client
            .send(&ClientRequest::get(format!("{}?limit=1000", route::FLAGS)))
            .ok()?;
        let body = answer.json().ok()?;
        let keys = json::list(&body, "flags")
            .iter()
            .filter_map(|flag| json::text(flag, "key"));
        // A flag that exists may be hidden from a change, for example from an opt-in. It is not similar to itself.
        config::closest(mistyped, keys)
            .filter(|near| *near != mistyped)
            .map(printable)
    }

    /// Prints an answer: as JSON, or as rendered by `text`.
    pub(super) fn print_response(
        &self,
        answer: &ClientResponse,
        text: impl FnOnce(&Value) -> String,
    ) -> Result<()> {
        match self.format {
            OutputFormat::Json => output::print_body(&answer.body)?,
            OutputFormat::Text => {
                let rendered = text(&answer.json()?);
                if !rendered.is_empty() {
                    output::print(rendered.trim_end())?;
                }
            }
        }
        Ok(())
    }
}

/// Returns true if the connection broke before any part of an answer arrived.
fn is_retryable(error: &anyhow::Error) -> bool {
    matches!(
        error.downcast_ref(),
        Some(ClientError::BrokenBeforeResponse { .. } | ClientError::RecognitionBroken { .. })
    )
}
