//! Gateway documents whose flags are in a store in etcd.

use std::path::{Path, PathBuf};

use config::{EtcdStore, EtcdStoreTls, Files, FlagsSettings, FlagsSource, Report};

fn settings(store: &str) -> Result<FlagsSettings, Report> {
    let document = format!(
        "version: 1\nlisteners: [{{ name: public, address: \"127.0.0.1:0\" }}]\nflags: {{ store: {store} }}\n"
    );
    let files = Files::Memory([(PathBuf::from("etc/sluice.yaml"), document.into())].into());
    config::flags_settings(files, Path::new("etc/sluice.yaml"), &|_| None)
}

#[test]
fn the_settings_of_a_store_in_etcd_are_read() {
    let written = "{ etcd: { endpoints: [\"https://etcd-1:2379\", \"https://[::1]:2379/\"], prefix: /sluice/production, \
                   mirror: mirror, user: sluice, password_file: /run/password, \
                   tls: { ca: ca.pem, cert: client.pem, key: client.key } }, seed: flags.yaml }";
    let read = settings(written).unwrap_or_else(|report| panic!("{report}"));
    let store = EtcdStore {
        endpoints: vec!["https://etcd-1:2379".into(), "https://[::1]:2379".into()],
        prefix: "/sluice/production".into(),
        mirror: "etc/mirror".into(),
        user: Some(("sluice".into(), "/run/password".into())),
        tls: Some(EtcdStoreTls {
            ca: "etc/ca.pem".into(),
            identity: Some(("etc/client.pem".into(), "etc/client.key".into())),
        }),
    };
    assert_eq!(read.flags, FlagsSource::Etcd(store.into()));
    assert_eq!(read.flags.store_directory(), Some(Path::new("etc/mirror")));
    assert_eq!(read.seed, Some("etc/flags.yaml".into()));
}

#[test]
fn a_store_is_in_one_place() {
    let etcd = "etcd: { endpoints: [\"http://etcd-1:2379\"], prefix: /sluice, mirror: mirror }";
    settings(&format!("{{ {etcd} }}")).unwrap_or_else(|report| panic!("{report}"));
    for store in [
        format!("{{ sqlite: data, {etcd} }}"),
        "{ seed: flags.yaml }".to_owned(),
    ] {
        let report = settings(&store).unwrap_err();
        assert!(report.errors() > 0, "{store}");
    }
}
