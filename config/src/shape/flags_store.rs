//! The form of the store of flags: an embedded database, or etcd.

use std::path::PathBuf;

use super::answer::is_http_url;
use super::issuer::names_user;
use super::text::{DirectoryPath, FilePath, SeedPath};
use crate::etcd_store::{EtcdStore, EtcdStoreTls};
use crate::form::{Field, List, Placed, PlacedText, Resolved, fields, group, object, parsed, texts, union};
use crate::validate::{InvalidValue, Validator};

/// The most endpoints of etcd.
const MAX_ENDPOINTS: usize = 16;
/// The longest prefix of keys, in bytes.
const MAX_PREFIX: usize = 200;

texts! {
    EtcdUserName: filled "the name of a user of etcd";
}

parsed! {
    EtcdUrl("`http://HOST:PORT` or `https://HOST:PORT`", "invalid-url"): Box<str> = |url| {
        let help = "write it like `https://etcd-1.internal:2379`";
        if names_user(url) {
            let help = "write `user` and `password_file` beside `endpoints`";
            return Err(InvalidValue::new("the URL of an etcd can't contain a user", help));
        }
        let base = url.strip_suffix('/').unwrap_or(url);
        let host = base.split_once("://").map_or("", |(_, rest)| rest);
        let has_port = rules::Host::parse(host).is_ok_and(|host| host.port.is_some_and(|port| port > 0));
        let plain = (is_http_url(base) && has_port).then(|| base.into());
        plain.ok_or_else(|| InvalidValue::new(format!("`{url}` is not an http or https URL of an etcd, with its port"), help))
    };
    KeyPrefix("a prefix of keys such as `/sluice/production`", "invalid-path"): Box<str> = |prefix| {
        let help = "write a path such as `/sluice/production`; everything below it belongs to this store";
        let mut segments = prefix.strip_prefix('/').unwrap_or_default().split('/');
        let is_plain = |segment: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            !segment.is_empty() && segment.bytes().all(is_plain)
        };
        let is_prefix = prefix.len() <= MAX_PREFIX && segments.all(is_plain);
        let prefix = is_prefix.then(|| prefix.into()).ok_or_else(|| format!("`{prefix}` is not a prefix of keys"));
        prefix.map_err(|title| InvalidValue::new(title, help))
    };
}

/// The store of flags, as written.
pub(crate) struct StoreFields<'s> {
    pub(crate) place: StorePlace<'s>,
    pub(crate) options: StoreOptionsFields<'s>,
}

/// The place of a store, as written.
pub(crate) enum StorePlace<'s> {
    Sqlite(Field<std::borrow::Cow<'s, str>>),
    Etcd(Field<EtcdStore>),
}

union! {
    Store("`{ sqlite: PATH }` or `{ etcd: { endpoints: [URL], prefix: /NAME, mirror: PATH } }`"): StoreFields<'s> {
        key SqliteStore => |store| StoreFields {
            place: StorePlace::Sqlite(store.sqlite),
            options: store.options,
        },
        key EtcdStoreObject => |store| StoreFields {
            place: StorePlace::Etcd(store.etcd),
            options: store.options,
        },
    }
}

fields! {
    /// Store of flags, tenants and the audit log on this machine.
    SqliteStore("a store") => SqliteStoreFields {
        /// Directory of an embedded database. A change needs a restart.
        sqlite: must DirectoryPath,
        /// Content of an empty store.
        options: include StoreOptions,
    }
}

fields! {
    /// Store of flags, tenants and the audit log that several nodes share.
    EtcdStoreObject("a store in etcd") => EtcdStoreFields {
        /// Cluster that keeps it. A change needs a restart.
        etcd: must EtcdObject,
        /// Content of an empty store.
        options: include StoreOptions,
    }
}

group! {
    /// Content of an empty store.
    StoreOptions => StoreOptionsFields {
        /// Flags document, or directory of them, that fills an empty store once. Default: none.
        seed: field SeedPath,
    }
}

object! {
    /// Cluster of etcd.
    EtcdObject("an etcd"): EtcdStore {
        /// URLs of its client listeners, with their ports. One is used; after a failure the next one.
        endpoints: must List<Placed<EtcdUrl>, 1, MAX_ENDPOINTS>,
        /// Prefix of all keys of the store, such as `/sluice/production`.
        prefix: must KeyPrefix,
        /// Directory of the mirror on this node, from which it starts and reads without etcd.
        mirror: must Resolved<DirectoryPath>,
        /// User of etcd. Default: none.
        user: field Placed<EtcdUserName>,
        /// File with the password of the user. Default: none.
        password_file: field Resolved<FilePath>,
        /// TLS of connections to it; required for https. Default: none.
        tls: field EtcdTls,
    } with validator => {
        let user = credentials(user, password_file, validator)?;
        check_tls(&endpoints, &tls, validator);
        EtcdStore {
            endpoints: endpoints.into_value()?.into_iter().map(|endpoint| endpoint.value).collect(),
            prefix: prefix.into_value()?,
            mirror: mirror.into_value()?,
            user,
            tls: tls.into_optional()?,
        }
    }
}

object! {
    /// TLS of connections to etcd. Its certificate is always verified.
    EtcdTls("TLS to etcd"): EtcdStoreTls {
        /// File with the certificates of the only trusted authorities, in PEM.
        ca: must Resolved<FilePath>,
        /// File with the certificate that is presented to etcd, in PEM. Default: none.
        cert: field Resolved<FilePath>,
        /// File with its key, in PEM. Default: none.
        key: field Resolved<FilePath>,
    } with validator => {
        let help = "write both `cert` and `key`, or neither of them";
        check_pair(&cert, &key, "`cert` needs its `key`", help, validator);
        check_pair(&key, &cert, "`key` needs its `cert`", help, validator);
        let ca = ca.into_value()?;
        EtcdStoreTls { ca, identity: cert.into_optional()?.zip(key.into_optional()?) }
    }
}

/// Reports a field that is written without another one that it needs.
fn check_pair<T, U>(
    written: &Field<T>,
    other: &Field<U>,
    title: &str,
    help: &str,
    validator: &mut Validator<'_>,
) {
    if let (Field::Written(key, _), None) = (written, other.key()) {
        validator.error("field-needed", title, key.span, help);
    }
}

/// Returns the user and the file with its password; none if one of them is missing or refused.
fn credentials(
    user: Field<PlacedText<'_>>,
    password_file: Field<PathBuf>,
    validator: &mut Validator<'_>,
) -> Option<Option<(Box<str>, PathBuf)>> {
    let help = "write both `user` and `password_file`; with a client certificate neither of them is needed";
    check_pair(
        &user,
        &password_file,
        "`user` needs a `password_file`",
        help,
        validator,
    );
    check_pair(
        &password_file,
        &user,
        "`password_file` needs a `user`",
        help,
        validator,
    );
    let user = user
        .into_optional()?
        .map(|user| user.value.into_owned().into_boxed_str());
    Some(user.zip(password_file.into_optional()?))
}

/// Reports endpoints that do not fit the presence of certificates.
fn check_tls(
    endpoints: &Field<Vec<Placed<Box<str>>>>,
    tls: &Field<EtcdStoreTls>,
    validator: &mut Validator<'_>,
) {
    let has_tls = tls.key().is_some();
    for endpoint in endpoints.value().into_iter().flatten() {
        match (endpoint.value.starts_with("https://"), has_tls) {
            (true, false) => {
                let help = "add `tls: { ca: FILE }` with the authorities that issued etcd's certificate";
                validator.error("field-needed", "https needs `tls.ca`", endpoint.span, help);
            }
            (false, true) => {
                let title = format!(
                    "`{}` is sent unencrypted, although `tls` is written",
                    endpoint.value
                );
                let help = "write `https://`, or remove `tls`";
                validator.error("invalid-url", title, endpoint.span, help);
            }
            _ => {}
        }
    }
}
