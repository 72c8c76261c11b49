//! The folder of the demo: the files of `examples/demo`, and a new key pair. Existing files are kept, so that edits
//! survive a restart of the demo.

use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};

const CONFIG: &str = include_str!("../../../examples/demo/sluice.yaml");
const FLAGS: &str = include_str!("../../../examples/demo/flags.yaml");

/// Addresses in the files of the example.
pub(super) const PROXY_ADDRESS: &str = "127.0.0.1:8080";
pub(super) const ADMIN_ADDRESS: &str = "127.0.0.1:9090";
pub(super) const BOARD_ADDRESS: &str = "127.0.0.1:8081";
pub(super) const LEGACY_ADDRESS: &str = "127.0.0.1:8082";

/// The folder with the files of the demo.
#[derive(Debug)]
pub(super) struct DemoFolder {
    path: PathBuf,
    /// True if the folder had a configuration before.
    pub(super) existed: bool,
}

impl DemoFolder {
    /// Creates the folder and its missing files. `addresses` replace those of the example.
    pub(super) fn create(path: &Path, addresses: &[(&str, String)]) -> Result<Self> {
        fs::create_dir_all(path).with_context(|| format!("can't create the folder {}", path.display()))?;
        let folder = Self {
            path: path.to_owned(),
            existed: path.join("sluice.yaml").exists(),
        };
        let mut config = CONFIG.to_owned();
        for (from, to) in addresses {
            config = config.replace(from, to);
        }
        folder.write_missing("sluice.yaml", || Ok(config.into_bytes()))?;
        folder.write_missing("flags.yaml", || Ok(FLAGS.as_bytes().to_vec()))?;
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

    fn write_missing(&self, name: &str, contents: impl FnOnce() -> Result<Vec<u8>>) -> Result<()> {
        if self.file(name).exists() {
            Ok(())
        } else {
            self.write(name, &contents()?, 0o644)
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

fn pem(tag: &str, der: &[u8]) -> String {
    pem::encode(&pem::Pem::new(tag, der))
}
