//! The token that a command signs in with. It comes from a file or the environment, never from the command line,
//! where every user of the machine could read it.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Longest token file, in bytes.
const MAX_TOKEN_FILE: u64 = 64 * 1024;

/// What a command signs in with.
#[derive(Default)]
pub(crate) struct Credentials(Option<String>);

impl Credentials {
    /// From the file, or else from `SLUICE_TOKEN`; none where there is neither.
    pub(crate) fn find(file: Option<&Path>) -> Result<Self> {
        let text = match file {
            Some(path) => {
                Some(read(path).with_context(|| format!("can't read the token in {}", path.display()))?)
            }
            None => std::env::var("SLUICE_TOKEN").ok(),
        };
        let Some(text) = text else {
            return Ok(Self::default());
        };
        let token = text.trim();
        match token {
            "" => bail!("the token is empty"),
            token => Ok(Self(Some(token.to_owned()))),
        }
    }

    pub(crate) fn token(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

fn read(path: &Path) -> Result<String> {
    let mut text = String::new();
    File::open(path)?.take(MAX_TOKEN_FILE).read_to_string(&mut text)?;
    Ok(text)
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(..)")
    }
}
