//! `sluice demo`: creates a folder with a configuration, flags, a key pair and four tenants, starts two applications
//! without feature flags and the proxy in front of them, and prints commands to try.

mod addresses;
mod answer_table;
mod folder;
mod legacy;

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use clap::Args;
use tokens::{Algorithm, Signer};

use super::{
    exit::Exit,
    output,
    run::{self, Origin, Service},
    token::TokenRequest,
};
use crate::{clock, process_log, signals::Signals};
use addresses::{APPLICATIONS, Addresses, MAX_PROXY_PORT, PROXY_PORT};
use answer_table::TenantAnswer;
use folder::DemoFolder;

/// The path of the requests to try.
const PATH: &str = "/api/dispatch/v2/board";
/// Validity of the tokens.
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
    let folder = DemoFolder::create(&arguments.dir)?;
    let config = folder.file("sluice.yaml");
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
    // For the applications only: the proxy has its own runtimes.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let inside = runtime.enter();
    for (application, (_, name)) in applications.into_iter().zip(APPLICATIONS) {
        legacy::serve(name, application)?;
    }
    drop(inside);
    let answers = answer_table::answers(&startup.loaded, PATH)?;
    signals.hold();
    let service = Service::start(startup, config, &mut Origin::default()).context("can't start the demo")?;
    print_introduction(&arguments.dir, &folder, &service, &answers)?;
    let outcome = service.run_until_stopped(signals);
    runtime.shutdown_background();
    outcome
}

/// Prints the addresses, the tenants with their answers, and the commands to try.
fn print_introduction(
    dir: &Path,
    folder: &DemoFolder,
    service: &Service,
    answers: &[TenantAnswer],
) -> Result<()> {
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
    let existed = if folder.existed { ", kept from before" } else { "" };
    output::print(format_args!(
        "\nsluice demo  http://{proxy} -> two applications without feature flags{admin}"
    ))?;
    output::print(format_args!(
        "files in {}: sluice.yaml  flags.yaml  (edit them while this runs{existed})\n",
        dir.display()
    ))?;
    output::print(answer_table::render(answers).trim_end())?;
    output::print("\ntry, in another terminal, in this folder:\n")?;
    let signer = Signer::from_pem(&folder.private_key()?, Algorithm::Rs256, None)?;
    for TenantAnswer { tenant, .. } in answers {
        if let Some(file) = folder.write_token(tenant, &token(&signer, tenant)?)? {
            output::print(format_args!(
                "curl -i -H \"Authorization: Bearer $(cat {})\" http://{proxy}{PATH}",
                shell_word(&file)
            ))?;
        }
    }
    let candidate = answers
        .iter()
        .find_map(|answer| Some((&answer.tenant, answer.ineligible_for.as_ref()?)));
    if let Some((tenant, flag)) = candidate {
        output::print(format_args!(
            "\nto open the route for {tenant}: in {}/flags.yaml set  channel: latest  and  beta: [{flag}]  for {tenant};\nits curl command then gets 200, without a restart.",
            dir.display()
        ))?;
    }
    output::print("\nCtrl-C ends the demo. Every request prints a line:\n")?;
    Ok(())
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

/// Returns a path as one word of a shell.
fn shell_word(path: &Path) -> String {
    let path = path.strip_prefix("./").unwrap_or(path).display().to_string();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "./_-".contains(c);
    if path.chars().all(is_plain) {
        return path;
    }
    format!("'{}'", path.replace('\'', r"'\''"))
}
