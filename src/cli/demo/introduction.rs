//! The text that the demo prints at its start: the addresses, the answers of the tenants, and the commands to try.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use tokens::Signer;

use super::super::output;
use super::answer_table::{self, TenantAnswer};
use super::folder::DemoFolder;
use super::{Company, PATH, token};

/// The address of the admin listener that commands use by themselves.
const DEFAULT_ADMIN: &str = "127.0.0.1:9090";

/// The facts of the text.
pub(super) struct Introduction<'i> {
    pub(super) dir: &'i Path,
    pub(super) folder: &'i DemoFolder,
    pub(super) proxy: SocketAddr,
    pub(super) admin: Option<SocketAddr>,
    pub(super) answers: &'i [TenantAnswer],
    pub(super) company: &'i Company,
}

impl Introduction<'_> {
    /// Prints the text, and writes the tokens of its commands.
    pub(super) fn print(&self, signer: &Signer) -> Result<()> {
        let (proxy, dir) = (self.proxy, self.dir.display());
        let admin = self
            .admin
            .map_or(String::new(), |address| format!("      admin http://{address}"));
        output::print(format_args!(
            "\nsluice demo  http://{proxy} -> two applications without feature flags{admin}"
        ))?;
        let existed = if self.folder.existed {
            ", kept from before"
        } else {
            ""
        };
        match self.company.is_there {
            true => output::print(format_args!(
                "files in {dir}: sluice.yaml  (edit it while this runs{existed})   data  (flags and tenants, changed by commands)\n"
            ))?,
            false => output::print(format_args!(
                "files in {dir}: sluice.yaml  flags.yaml  (edit them while this runs{existed})\n"
            ))?,
        }
        output::print(answer_table::render(self.answers).trim_end())?;
        self.print_company()?;
        output::print("\ntry, in another terminal, in this folder:\n")?;
        for TenantAnswer { tenant, .. } in self.answers {
            if let Some(file) = self.folder.write_token(tenant, &token(signer, tenant)?)? {
                output::print(format_args!(
                    "curl -i -H \"Authorization: Bearer $(cat {})\" http://{proxy}{PATH}",
                    shell_word(&file)
                ))?;
            }
        }
        self.print_change()?;
        output::print("\nCtrl-C ends the demo. Each of your requests prints a line:\n")?;
        Ok(())
    }

    fn print_company(&self) -> Result<()> {
        let Company { flags, tenants, .. } = self.company;
        if self.company.is_there {
            output::print(format_args!(
                "\nthey are a part of a company with {flags} flags and {tenants} tenants. The other tenants send requests, which print no lines.\n\
                 to see the company in a browser:  {}",
                self.command("console")
            ))?;
        }
        Ok(())
    }

    /// Prints the change that opens the route for a tenant.
    fn print_change(&self) -> Result<()> {
        let candidate = self
            .answers
            .iter()
            .find_map(|answer| Some((&answer.tenant, answer.ineligible_for.as_ref()?)));
        let Some((tenant, flag)) = candidate else {
            return Ok(());
        };
        if !self.company.is_there {
            output::print(format_args!(
                "\nto open the route for {tenant}: in {}/flags.yaml set  channel: latest  and  beta: [{flag}]  for {tenant};\nits curl command then gets 200, without a restart.",
                self.dir.display()
            ))?;
            return Ok(());
        }
        output::print(format_args!("\nto open the route for {tenant}:\n"))?;
        output::print(self.command(&format!("tenants set {tenant} --channel latest")))?;
        output::print(self.command(&format!("tenants allow {tenant} {flag}")))?;
        output::print("\nits curl command then gets 200, without a restart.")?;
        Ok(())
    }

    /// Returns a command line of this binary that calls the server of the demo.
    fn command(&self, command: &str) -> String {
        let admin = self.admin.map(|address| address.to_string());
        let server = admin
            .filter(|address| address != DEFAULT_ADMIN)
            .map_or(String::new(), |address| format!(" --server http://{address}"));
        format!("{} {command}{server}", shell_word(&binary()))
    }
}

/// Returns the shortest path by which a shell in this folder finds this binary.
fn binary() -> PathBuf {
    let Some(this) = std::env::current_exe().and_then(fs::canonicalize).ok() else {
        return "sluice".into();
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .map(|folder| folder.join("sluice"))
        .find(|file| file.is_file());
    if found.and_then(|file| fs::canonicalize(file).ok()).as_ref() == Some(&this) {
        return "sluice".into();
    }
    let here = std::env::current_dir().and_then(fs::canonicalize).ok();
    let below = here.and_then(|here| this.strip_prefix(here).map(Path::to_owned).ok());
    match below {
        // One segment alone is searched in PATH.
        Some(below) if below.components().count() > 1 => below,
        _ => this,
    }
}

/// Returns a path as one word of a shell.
fn shell_word(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path).display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    if path.chars().all(is_plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}
