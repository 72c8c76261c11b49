//! The token that a command signs in with. It comes from a file or from the environment, never from the command line,
//! which every user of the machine can read.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Longest token file, in bytes.
const MAX_TOKEN_FILE: u64 = 64 * 1024;

/// The permissions of users who are neither the owner nor in the group. Permissions of the group are often intended,
/// for example for a mounted secret.
const WORLD_BITS: u32 = 0o007;

/// The token that a command signs in with, if any.
#[derive(Default)]
pub(crate) struct SignInToken {
    token: Option<String>,
    /// Warnings about the storage of the token.
    warnings: Vec<String>,
}

impl SignInToken {
    /// Loads the token from the file, or else from `SLUICE_TOKEN`. There is no token if neither is given.
    ///
    /// # Errors
    /// The file can't be read, or the token is empty.
    pub(crate) fn load(file: Option<&Path>) -> Result<Self> {
        let variable = std::env::var("SLUICE_TOKEN").ok();
        let mut warnings = Vec::new();
        let text = match file {
            Some(path) => {
                if variable.is_some_and(|token| !token.trim().is_empty()) {
                    let path = path.display();
                    warnings.push(format!(
                        "SLUICE_TOKEN is not used: the token is the one in {path}, which --token-file or \
                         SLUICE_TOKEN_FILE names"
                    ));
                }
                let context = || format!("can't read the token in {}", path.display());
                let (text, mode) = read(path).with_context(context)?;
                if mode & WORLD_BITS != 0 {
                    let path = path.display();
                    warnings.push(format!(
                        "everybody on this machine can read the token in {path} (mode {:03o}): chmod 600 {path}",
                        mode & 0o777
                    ));
                }
                Some(text)
            }
            None => variable,
        };
        let token = match text.as_deref().map(str::trim) {
            Some("") => bail!("the token is empty"),
            Some(token) => Some(token.to_owned()),
            None => None,
        };
        Ok(Self { token, warnings })
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    pub(crate) fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

/// Returns the text of the file and its permissions.
fn read(path: &Path) -> Result<(String, u32)> {
    let mut text = String::new();
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    // A pipe, such as `<(pass show sluice)`, can be read only once, so its permissions do not matter.
    let mode = if metadata.is_file() {
        metadata.permissions().mode()
    } else {
        0
    };
    file.take(MAX_TOKEN_FILE).read_to_string(&mut text)?;
    Ok((text, mode))
}

impl fmt::Debug for SignInToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SignInToken(..)")
    }
}
