//! The connection to etcd of a store of flags: its settings, with the files that they name.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use fleet::{EtcdSettings, EtcdTls, EtcdUser};

/// Returns the settings of the connection, with the content of its files.
///
/// # Errors
/// A file can't be read.
pub(crate) fn settings(written: &config::EtcdStore) -> Result<EtcdSettings> {
    let user = written.user.as_ref().map(|(name, file)| {
        let password = read(file)?;
        Ok::<_, anyhow::Error>(EtcdUser {
            name: name.to_string(),
            password: password.trim_end_matches(['\r', '\n']).to_owned(),
        })
    });
    let tls = written.tls.as_ref().map(|tls| {
        let identity = tls.identity.as_ref();
        let identity = identity.map(|(cert, key)| Ok::<_, anyhow::Error>((read(cert)?, read(key)?)));
        Ok::<_, anyhow::Error>(EtcdTls {
            ca: read(&tls.ca)?,
            identity: identity.transpose()?,
        })
    });
    Ok(EtcdSettings {
        endpoints: written.endpoints.iter().map(|url| url.to_string()).collect(),
        prefix: written.prefix.to_string(),
        user: user.transpose()?,
        tls: tls.transpose()?,
        mirror: written.mirror.clone(),
        timeout: EtcdSettings::TIMEOUT,
        compare_every: EtcdSettings::COMPARE_EVERY,
    })
}

fn read(file: &Path) -> Result<String> {
    fs::read_to_string(file).with_context(|| format!("can't read {} for `flags.store.etcd`", file.display()))
}
