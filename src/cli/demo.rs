//! `sluice demo`: creates a folder with a configuration, flags, a key pair and four tenants, starts two applications
//! without feature flags and the proxy in front of them, and prints commands to try.

mod folder;
mod legacy;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, anyhow};
use clap::Args;
use config::LoadedConfig;
use tokens::{Algorithm, Signer};

use super::{
    exit::Exit,
    output,
    run::{self, Service},
    token::TokenRequest,
};
use crate::{clock, process_log, signals::Signals};
use folder::DemoFolder;

/// The tenants of the flags file: id, settings, and the answer that they get.
const TENANTS: [(&str, &str, &str); 4] = [
    ("acme", "tier3, latest, on the beta allowlist", "the new board"),
    ("globex", "tier2, stable", "404: the feature is hidden from them"),
    (
        "initech",
        "tier1, latest, on the beta allowlist",
        "403: not available in their tier",
    ),
    ("umbrella", "overridden off", "the old board"),
];
/// The path of the requests to try.
const PATH: &str = "/api/dispatch/v2/board";
/// The upstreams of the example, with the names of their applications.
const APPLICATIONS: [(&str, &str); 2] = [("board", "the new board"), ("legacy", "the old board")];
/// Validity of the printed tokens.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Runs a demo: two small applications with the proxy in front of them.
///
/// Creates a folder with a configuration, flags, a key pair and four tenants, starts the applications and the proxy,
/// and prints commands to try. Serves until Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder. Existing files are kept.
    #[arg(long, value_name = "FOLDER", default_value = "./sluice-demo")]
    dir: PathBuf,
    /// Lets the system choose the ports, if 8080, 8081, 8082 or 9090 is in use.
    #[arg(long)]
    any_port: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let directives = process_log::rust_log().unwrap_or_default();
    process_log::start(process_log::text_format(), &directives)?;
    let signals = Signals::install()?;
    let chosen = if arguments.any_port {
        Applications::on_any_port()?
    } else {
        Applications::default()
    };
    // With --any-port the ports are bound before the configuration is written, because it contains the addresses.
    let folder = DemoFolder::create(&arguments.dir, &chosen.addresses()?)?;
    let config = folder.file("sluice.yaml");
    let Some(startup) = run::load_startup(&config)? else {
        return Ok(Exit::Failure);
    };
    // For the applications only: the proxy has its own runtimes.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    for (application, (_, name)) in chosen.bind(&startup.loaded)?.into_iter().zip(APPLICATIONS) {
        legacy::serve(name, application)?;
    }
    drop(inside);
    let service = Service::start(startup, config)
        .context("the demo can't start (if a port is in use, remove the folder and use --any-port)")?;
    print_introduction(&arguments.dir, &folder, &service)?;
    let outcome = service.run_until_stopped(signals);
    runtime.shutdown_background();
    outcome
}

/// The sockets of the applications, if the system chose their ports before the configuration was written.
#[derive(Debug, Default)]
struct Applications(Vec<TcpListener>);

impl Applications {
    fn on_any_port() -> Result<Self> {
        let listeners = APPLICATIONS.map(|_| TcpListener::bind("127.0.0.1:0"));
        Ok(Self(listeners.into_iter().collect::<std::io::Result<_>>()?))
    }

    /// Returns the replacements of the example's addresses.
    fn addresses(&self) -> Result<Vec<(&'static str, String)>> {
        let mut addresses = Vec::new();
        for (listener, example) in self.0.iter().zip([folder::BOARD_ADDRESS, folder::LEGACY_ADDRESS]) {
            addresses.push((example, listener.local_addr()?.to_string()));
        }
        if !self.0.is_empty() {
            addresses.push((folder::PROXY_ADDRESS, "127.0.0.1:0".to_owned()));
            addresses.push((folder::ADMIN_ADDRESS, "127.0.0.1:0".to_owned()));
        }
        Ok(addresses)
    }

    /// Binds the addresses of the upstreams in the configuration.
    fn bind(self, loaded: &LoadedConfig) -> Result<Vec<TcpListener>> {
        let mut chosen = self.0;
        let mut listeners = Vec::new();
        for (upstream, _) in APPLICATIONS {
            let address = address_of(loaded, upstream)?;
            let already = chosen
                .iter()
                .position(|listener| listener.local_addr().is_ok_and(|at| at == address));
            // A port that the system chose is bound already; binding it again would fail.
            listeners.push(match already {
                Some(index) => chosen.swap_remove(index),
                None => TcpListener::bind(address).with_context(|| {
                    format!("the demo's application `{upstream}` can't listen on {address} (use --any-port in a new folder)")
                })?,
            });
        }
        Ok(listeners)
    }
}

fn address_of(loaded: &LoadedConfig, upstream: &str) -> Result<SocketAddr> {
    let found = loaded
        .snapshot
        .upstreams
        .iter()
        .find(|other| &*other.name == upstream);
    let endpoint = found
        .and_then(|upstream| upstream.endpoints.first())
        .with_context(|| {
            format!("the configuration in the folder has no upstream `{upstream}`; remove the folder to start again")
        })?;
    let ip = endpoint
        .host
        .parse()
        .map_err(|_| anyhow!("the demo's upstream `{upstream}` needs an IP address"))?;
    Ok(SocketAddr::new(ip, endpoint.port))
}

/// Prints the addresses, the tenants, and the commands to try.
fn print_introduction(dir: &Path, folder: &DemoFolder, service: &Service) -> Result<()> {
    let proxy = service
        .running
        .listeners()
        .first()
        .context("no listener")?
        .address;
    let admin = service
        .running
        .admin()
        .map_or(String::new(), |address| format!("      admin http://{address}"));
    let signer = Signer::from_pem(&folder.private_key()?, Algorithm::Rs256, None)?;
    let existed = if folder.existed { ", kept from before" } else { "" };
    output::print(format_args!(
        "\nsluice demo  http://{proxy} -> two applications without feature flags{admin}"
    ))?;
    output::print(format_args!(
        "files in {}: sluice.yaml  flags.yaml  (edit them while this runs{existed})\n",
        dir.display()
    ))?;
    for (tenant, who, what) in TENANTS {
        output::print(format_args!("  {tenant:<9}{who:<39}{what}"))?;
    }
    output::print("\ntry, in another terminal:")?;
    for (tenant, _, _) in TENANTS {
        let request = TokenRequest {
            issuer: "https://login.example",
            audience: "sluice-demo",
            tenant,
            tenant_claim: &["org".to_owned(), "id".to_owned()],
            user: Some("u-1"),
            groups: &[],
            ttl: TOKEN_LIFE,
        };
        let token = signer.sign(&request.claims(clock::now().seconds()))?;
        output::print(format_args!(
            "\n# {tenant}\ncurl -i -H \"Authorization: Bearer {token}\" http://{proxy}{PATH}"
        ))?;
    }
    output::print(format_args!(
        "\nto enable the new board for globex: in {}/flags.yaml set  channel: latest  and  beta: [dispatch.v2Board]  for globex;\nits curl command then gets 200, without a restart. Ctrl-C ends the demo. Every request prints a line:\n",
        dir.display()
    ))?;
    Ok(())
}
