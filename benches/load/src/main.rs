//! Measures Sluice under load beside other proxies, while flags change, and with idle connections, and writes the
//! figures into `docs/performance.md`. Everything runs on loopback addresses of this machine and ends by itself.
#![forbid(unsafe_code)]
#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a program that prints its progress, and computes with measured figures"
)]

mod beside;
mod chart;
mod children;
mod contestant;
mod driver;
mod idle;
mod machine;
mod method;
mod options;
mod origin;
mod page;
mod placement;
mod process;
mod programs;
mod site;
mod statistics;
mod tenants;
mod tokens;
mod under_change;

use std::time::Instant;

use anyhow::Context as _;
use clap::Parser as _;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::options::{Measurement, Options};
use crate::origin::Origin;
use crate::programs::Programs;
use crate::site::Site;
use crate::tokens::SigningKey;

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    raise_descriptor_limit()?;
    children::end_with_this_process()?;
    let start = Instant::now();
    let work = tempfile::tempdir()?;
    let programs = Programs::find(&options.root, &options.sluice()?, &options.bare_pingora()?);
    for line in programs.lines() {
        println!("{line}");
    }
    let origin = Origin::start(programs.nginx.as_ref(), work.path())?;
    let site = Site {
        key: SigningKey::open(&options.token_folder())?,
        board: origin.board,
        legacy: origin.legacy,
        folder: work.path().to_owned(),
        programs,
    };
    for measurement in options.measurements() {
        match measurement {
            Measurement::Beside => beside::measure(&options, &site, origin.name()),
            Measurement::UnderChange => under_change::measure(&options, &site),
            Measurement::Idle => idle::measure(&options, &site),
        }
        .with_context(|| format!("the measurement `{measurement:?}` failed"))?;
    }
    println!("done in {:.0} min", start.elapsed().as_secs_f64() / 60.0);
    Ok(())
}

/// Raises the limit of open files to the highest that the system permits; child processes inherit it.
fn raise_descriptor_limit() -> anyhow::Result<()> {
    let maximum = getrlimit(Resource::Nofile).maximum;
    Ok(setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    )?)
}
