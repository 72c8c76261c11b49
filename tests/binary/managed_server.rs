//! A running server whose flags are in a store, and commands that operate it.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::operator_tokens::{self, OperatorToken};
use crate::process::{CommandOutput, SluiceProcess, sluice};

/// The document that a server starts with.
pub(crate) const FLAGS: &str = "\
version: 1
tiers: [small, large]
flags:
  board: { revertible: true }
  export: { requires: [board] }
tenants:
  acme: { tier: large, channel: latest }
  globex: { tier: small }
";

/// A server whose flags are in a store, and the folder in which commands run.
pub(crate) struct ManagedServer {
    folder: tempfile::TempDir,
    running: SluiceProcess,
}

impl ManagedServer {
    /// Starts a server and applies `FLAGS`.
    pub(crate) fn start() -> Self {
        let managed = Self::empty("");
        managed.done(&["apply", "-f", "flags.yaml", "--yes"]);
        managed
    }

    /// Starts a server whose store is a copy of this backup.
    pub(crate) fn with_store(backup: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("data")).unwrap();
        fs::copy(backup, folder.path().join("data/sluice.db")).unwrap();
        Self::begin(folder, "")
    }

    /// Starts a server with an empty store and these sections of the configuration, or else an admin listener.
    pub(crate) fn empty(more: &str) -> Self {
        Self::begin(tempfile::tempdir().unwrap(), more)
    }

    /// Starts a server with an empty store that requires a sign-in, and that has a token for each of these operators.
    pub(crate) fn with_operators(tokens: &[&OperatorToken]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        operator_tokens::write_document(folder.path(), "operators.yaml", tokens);
        let admin = "admin: { address: \"127.0.0.1:0\", operators: { tokens: { file: operators.yaml } } }\n";
        Self::begin(folder, admin)
    }

    /// Ends the server with SIGKILL, calls `meanwhile` with its folder, and starts it again.
    pub(crate) fn restarted(self, meanwhile: impl FnOnce(&Path)) -> Self {
        let Self { folder, mut running } = self;
        running.signal("KILL");
        running.ended();
        meanwhile(folder.path());
        Self::begin(folder, "")
    }

    fn begin(folder: tempfile::TempDir, more: &str) -> Self {
        let admin = "admin: { address: \"127.0.0.1:0\" }\n";
        let config = format!(
            "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\n\
             flags: {{ store: {{ sqlite: ./data }} }}\nupstreams: {{ app: \"127.0.0.1:9\" }}\n\
             unmatched: {{ upstream: app }}\n{}",
            if more.is_empty() { admin } else { more }
        );
        fs::write(folder.path().join("sluice.yaml"), config).unwrap();
        fs::write(folder.path().join("flags.yaml"), FLAGS).unwrap();
        let running = SluiceProcess::start(folder.path(), ["run"]);
        running.admin();
        Self { folder, running }
    }

    /// Returns the address of its admin listener.
    pub(crate) fn admin(&self) -> std::net::SocketAddr {
        self.running.admin()
    }

    /// Returns the first line of its output that contains `text`.
    pub(crate) fn line(&self, text: &str) -> String {
        self.running.line(text)
    }

    /// Returns the id of its process.
    pub(crate) fn id(&self) -> u32 {
        self.running.id()
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn output(&self, arguments: &[&str]) -> CommandOutput {
        let server = format!("http://{}", self.running.admin());
        let mut arguments = arguments.to_vec();
        arguments.extend(["--server", &server]);
        sluice(self.path(), arguments, "")
    }

    /// Runs a command that must succeed, and returns its standard output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        output.exits(0);
        output.stdout
    }

    /// Runs a command that must exit with 1.
    pub(crate) fn refused(&self, arguments: &[&str]) -> CommandOutput {
        let output = self.output(arguments);
        output.exits(1);
        output
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let mut arguments = arguments.to_vec();
        arguments.push("--json");
        serde_json::from_str(&self.done(&arguments)).unwrap()
    }

    pub(crate) fn revision(&self) -> u64 {
        self.json(&["flags", "list"])["revision"].as_u64().unwrap()
    }
}
