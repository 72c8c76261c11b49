//! `sluice demo`: creates a folder with a configuration, a key pair and a company of 30 flags and 200 tenants in a store,
//! starts two applications without feature flags and the proxy in front of them, and prints commands to try.

mod addresses;
mod answer_table;
mod company;
mod folder;
mod introduction;
mod legacy;
mod request_lines;
mod traffic;

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use config::{Files, FlagsSource, LogFormat, LogOutput};
use proxy::{AccessLogFormat, AccessLogOutput};
use tokens::{Algorithm, Signer};

use super::{
    exit::Exit,
    run::{self, Origin, Service},
    token::TokenRequest,
};
use crate::environment::variable;
use crate::startup::{Startup, StartupFlags};
use crate::{clock, process_log, signals::Signals};
use addresses::{APPLICATIONS, Addresses, MAX_PROXY_PORT, PROXY_PORT};
use folder::{DemoFolder, Former};
use introduction::Introduction;
use request_lines::RequestLines;
use traffic::Traffic;

/// The path of the requests to try.
const PATH: &str = "/api/dispatch/v2/board";
/// Validity of the tokens.
const TOKEN_LIFE: Duration = Duration::from_secs(24 * 3_600);

/// Runs a demo: two small applications with the proxy in front of them.
///
/// Creates a folder with a configuration, a key pair, and a store with 30 flags and 200 tenants of a company. Starts the
/// applications, the proxy, and about 20 requests a second from the tenants, and prints commands to try. Serves until
/// Ctrl-C.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The folder. Existing files are kept.
    #[arg(long, value_name = "FOLDER", default_value = "./sluice-demo")]
    dir: PathBuf,
    /// Removes the files of a former demo from the folder first.
    #[arg(long)]
    fresh: bool,
    /// Prints the requests of the company's tenants, too.
    #[arg(long)]
    print_traffic: bool,
    /// The port of the proxy; the applications use the next two, the admin listener this port plus 1010 [default:
    /// 8080, or the ports of an existing folder].
    #[arg(long, value_name = "PORT", conflicts_with = "any_port", value_parser = clap::value_parser!(u16).range(1..=i64::from(MAX_PROXY_PORT)))]
    port: Option<u16>,
    /// Lets the system choose the ports.
    #[arg(long)]
    any_port: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<Exit> {
    let directives = process_log::rust_log().unwrap_or_default();
    process_log::start(process_log::text_format(), &directives)?;
    let signals = Signals::install()?;
    let former = if arguments.fresh {
        Former::Removed
    } else {
        Former::Kept
    };
    let folder = DemoFolder::create(&arguments.dir, former)?;
    let config = folder.file("sluice.yaml");
    found_company(&config)?;
    let Some(startup) = run::load_startup(&config)? else {
        return Ok(Exit::Failure);
    };
    let current = Addresses::of(&startup.loaded)?;
    let (chosen, bound) = match (arguments.port, arguments.any_port) {
        (Some(port), _) => (Addresses::from_port(port), Vec::new()),
        (None, true) => Addresses::on_any_port()?,
        (None, false) if folder.existed => (current, Vec::new()),
        (None, false) => (Addresses::from_port(PROXY_PORT), Vec::new()),
    };
    let applications = chosen.bind(bound).context("can't start the demo")?;
    let startup = if chosen == current {
        startup
    } else {
        folder.readdress(&current, &chosen)?;
        // A store has one owner at a time.
        drop(startup);
        let Some(startup) = run::load_startup(&config)? else {
            return Ok(Exit::Failure);
        };
        startup
    };
    ensure!(
        Addresses::of(&startup.loaded)? == chosen,
        "the addresses in {} can't be replaced: remove the folder to start again",
        config.display()
    );
    // For the applications and their traffic only: the proxy has its own runtimes.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    for (application, (_, name)) in applications.into_iter().zip(APPLICATIONS) {
        legacy::serve(name, application)?;
    }
    drop(inside);
    let company = Company::of(&startup);
    let signer = Signer::from_pem(&folder.private_key()?, Algorithm::Rs256, None)?;
    let tried = company.is_there.then_some(&company::TRIED[..]);
    let answers = answer_table::answers(&startup.loaded, PATH, tried)?;
    let mut origin = Origin::default();
    origin.access_log = company.access_log(&startup).filter(|_| !arguments.print_traffic);
    signals.hold();
    let service = Service::start(startup, config, &mut origin).context("can't start the demo")?;
    let proxy = service
        .running
        .listeners()
        .first()
        .context("no listener")?
        .address;
    let introduction = Introduction {
        dir: &arguments.dir,
        folder: &folder,
        proxy,
        admin: service.running.admin(),
        answers: &answers,
        company: &company,
    };
    introduction.print(&signer)?;
    let inside = runtime.enter();
    Traffic::new(proxy, company.customers, signer).start();
    drop(inside);
    let outcome = service.run_until_stopped(signals);
    runtime.shutdown_background();
    outcome
}

/// The flags and tenants of the demo.
struct Company {
    /// False in a folder of an earlier build, whose flags are in a file.
    is_there: bool,
    flags: usize,
    tenants: usize,
    /// The tenants that send traffic.
    customers: Vec<String>,
}

impl Company {
    fn of(startup: &Startup) -> Self {
        let snapshot = &startup.loaded.snapshot;
        let is_there = matches!(startup.flags, StartupFlags::Store { .. });
        let mut customers: Vec<String> = snapshot
            .tenants
            .iter()
            .map(|tenant| tenant.id().to_owned())
            .filter(|id| is_there && !company::TRIED.contains(&id.as_str()))
            .collect();
        customers.sort();
        Self {
            is_there,
            flags: snapshot.flags.len(),
            tenants: snapshot.tenants.len(),
            customers,
        }
    }

    /// Returns the access log without the lines of the customers; none if the configuration has another one than that of
    /// the demo.
    fn access_log(&self, startup: &Startup) -> Option<(AccessLogOutput, AccessLogFormat)> {
        let settings = &startup.loaded.settings.access_log;
        let is_printed = (&settings.output, settings.format) == (&LogOutput::Stdout, LogFormat::Human);
        (self.is_there && is_printed).then(|| {
            let lines = RequestLines::new(io::stdout(), self.customers.iter().cloned());
            (AccessLogOutput::Writer(Box::new(lines)), AccessLogFormat::Human)
        })
    }
}

/// Creates the store of the company, if the configuration has its flags in a store that does not exist yet.
fn found_company(config: &Path) -> Result<()> {
    // A broken document is reported by the load that follows.
    let Ok(settings) = config::flags_settings(Files::Disk, config, &variable) else {
        return Ok(());
    };
    match (&settings.flags, &settings.changes) {
        (FlagsSource::Store(directory), Some(changes)) if !directory.exists() => {
            company::found(directory, settings.eligibility, changes, clock::now())
                .context("can't create the company of the demo")
        }
        _ => Ok(()),
    }
}

fn token(signer: &Signer, tenant: &str) -> Result<String> {
    let request = TokenRequest {
        issuer: "https://login.example",
        audience: "sluice-demo",
        tenant,
        tenant_claim: &["org".to_owned(), "id".to_owned()],
        user: Some("u-1"),
        groups: &[],
        ttl: TOKEN_LIFE,
    };
    Ok(signer.sign(&request.claims(clock::now().seconds()))?)
}
