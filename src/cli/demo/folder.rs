//! The folder of the demo: its configuration, the flags of its company, a new key pair, and tokens. Existing files are kept,
//! so that edits survive a restart of the demo; addresses in them are replaced if other ports are chosen.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};

use super::addresses::Addresses;
use super::company;
use crate::lock_holder;

const CONFIG: &str = include_str!("company/sluice.yaml");
/// The directory of the store.
const STORE: &str = "data";
/// The files besides tokens and the store.
const FILES: [&str; 4] = ["sluice.yaml", "flags.yaml", "private.pem", "public.pem"];

/// The treatment of the files of a former demo.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Former {
    Kept,
    Removed,
}

/// The folder with the files of the demo.
#[derive(Debug)]
pub(super) struct DemoFolder {
    path: PathBuf,
    /// True if the folder had a configuration before.
    pub(super) existed: bool,
}

impl DemoFolder {
    /// Creates the folder and its missing files.
    ///
    /// # Errors
    /// The folder can't be written, or its files are to be removed while a process uses its store.
    pub(super) fn create(path: &Path, former: Former) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("can't create the folder {}", path.display()))?;
        if former == Former::Removed {
            remove_files(path)?;
        }
        let folder = Self {
            path: path.to_owned(),
            existed: path.join("sluice.yaml").exists(),
        };
        folder.write_missing("sluice.yaml", CONFIG)?;
        folder.write_missing("flags.yaml", company::FLAGS)?;
        if !folder.file("private.pem").exists() || !folder.file("public.pem").exists() {
            folder.write_keys()?;
        }
        Ok(folder)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(super) fn private_key(&self) -> Result<Vec<u8>> {
        let file = self.file("private.pem");
        fs::read(&file).with_context(|| format!("can't read {}", file.display()))
    }

    fn write_keys(&self) -> Result<()> {
        let pair = KeyPair::generate(KeySize::Rsa2048).context("can't create a key pair")?;
        let private: Pkcs8V1Der<'_> = pair.as_der().context("can't encode the private key")?;
        let public: PublicKeyX509Der<'_> = pair
            .public_key()
            .as_der()
            .context("can't encode the public key")?;
        self.write(
            "private.pem",
            pem("PRIVATE KEY", private.as_ref()).as_bytes(),
            0o600,
        )?;
        self.write("public.pem", pem("PUBLIC KEY", public.as_ref()).as_bytes(), 0o644)
    }

    /// Replaces addresses in the configuration.
    pub(super) fn readdress(&self, old: &Addresses, new: &Addresses) -> Result<()> {
        let file = self.file("sluice.yaml");
        let text = fs::read_to_string(&file).with_context(|| format!("can't read {}", file.display()))?;
        self.write("sluice.yaml", old.replace(&text, new).as_bytes(), 0o644)
    }

    /// Writes the token of a tenant to a file that only its owner can read. Returns the path; none for a tenant whose
    /// id is not suitable as a file name.
    pub(super) fn write_token(&self, tenant: &str, token: &str) -> Result<Option<PathBuf>> {
        let is_suitable = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
        if !tenant.chars().all(is_suitable) {
            return Ok(None);
        }
        let name = format!("{tenant}.jwt");
        self.write(&name, format!("{token}\n").as_bytes(), 0o600)?;
        Ok(Some(self.file(&name)))
    }

    fn write_missing(&self, name: &str, contents: &str) -> Result<()> {
        match self.file(name).exists() {
            true => Ok(()),
            false => self.write(name, contents.as_bytes(), 0o644),
        }
    }

    fn write(&self, name: &str, contents: &[u8], mode: u32) -> Result<()> {
        use std::os::unix::fs::OpenOptionsExt;
        let file = self.file(name);
        let mut open = fs::OpenOptions::new();
        open.write(true).create(true).truncate(true).mode(mode);
        let written = open.open(&file).and_then(|mut open| open.write_all(contents));
        written.with_context(|| format!("can't write {}", file.display()))
    }
}

/// Removes the files of a former demo, and no others: the folder may be one of other files.
fn remove_files(path: &Path) -> Result<()> {
    let store = path.join(STORE);
    if let Some(process) = lock_holder::process(&store) {
        bail!(
            "process {process} uses the store in {}: end it first",
            store.display()
        );
    }
    let unless_missing = |removed: io::Result<()>, removed_path: &Path| match removed {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("can't remove {}", removed_path.display()))
        }
        _ => Ok(()),
    };
    for file in FILES.map(|name| path.join(name)) {
        unless_missing(fs::remove_file(&file), &file)?;
    }
    unless_missing(fs::remove_dir_all(&store), &store)
}

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}
