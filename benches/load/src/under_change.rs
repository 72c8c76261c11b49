//! Sluice under full load while flags and tenants change through the admin API, compared with quiet runs before and
//! after.

mod changes;

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;

use self::changes::{Applied, Changer, FLAG_CHANGES, TENANT_CHANGES};
use crate::contestant::sluice::{Setup, Sluice, Source, launch};
use crate::driver::{Pace, Protocol, Run, Tally};
use crate::machine;
use crate::method::{CACHED_TOKENS, CONCURRENCY, OPEN_CONCURRENCY, WARM_UP};
use crate::options::Options;
use crate::origin::SMALL;
use crate::page::{table, write_section};
use crate::placement::Cores;
use crate::site::Site;
use crate::tenants::GateResult;
use crate::tokens::TokenCursor;

/// The number of flags in the header to the upstream.
const FLAGS: u16 = 20;
/// The goal for the 99th percentile of the latency: this multiple of the quiet runs'.
const GOAL: f64 = 1.2;
/// The largest ratio of the two quiet runs' 99th percentiles at which there is a verdict.
const MAX_NOISE: f64 = 1.2;

/// The rate of the open loop, as a fraction of the full load's throughput. At 0.7, two cores could not sustain it:
/// a closed loop is cheaper, because it handles several requests at each wake-up.
const OPEN_PART: f64 = 0.4;

/// Three runs at one pace: without changes, with changes, and without changes.
struct Series {
    runs: [(&'static str, Figures); 3],
    /// The changes that were applied during the second run.
    applied: Applied,
}

/// The figures of one run.
struct Figures {
    tally: Tally,
    cpu: Duration,
}

/// Measures and writes the section of the page.
pub(crate) fn measure(options: &Options, site: &Site) -> anyhow::Result<()> {
    let program = site
        .programs
        .sluice
        .as_ref()
        .context("Sluice is not built: make release")?;
    let setup = Setup {
        flags: Some(FLAGS),
        source: Source::Store,
        // Snapshots are prepared beside the worker thread, as in production.
        cores: Cores::All,
    };
    let sluice = launch(program, site, &site.folder.join("under-change"), setup)?;
    let set = Arc::new(
        site.key
            .tokens(&options.token_folder(), GateResult::Allowed, CACHED_TOKENS)?,
    );
    let load = |pace, duration| Run {
        address: sluice.public,
        protocol: Protocol::Http1,
        target: SMALL,
        tokens: Some(Arc::new(TokenCursor::new(Arc::clone(&set)))),
        status: GateResult::Allowed.status(),
        concurrency: match pace {
            Pace::Closed => CONCURRENCY,
            Pace::Open(_) => OPEN_CONCURRENCY,
        },
        pace,
        duration,
    };
    let duration = options.change_duration();
    let series = |pace| -> anyhow::Result<Series> {
        load(pace, WARM_UP).send()?;
        let before = figures(&sluice, load(pace, duration))?;
        let changer = Changer::start(sluice.admin, FLAGS)?;
        let changed = figures(&sluice, load(pace, duration))?;
        let applied = changer.stop()?;
        let after = figures(&sluice, load(pace, duration))?;
        Ok(Series {
            runs: [("quiet", before), ("changes", changed), ("quiet again", after)],
            applied,
        })
    };
    println!("full load: quiet, changes, quiet: {duration:?} each");
    let full = series(Pace::Closed)?;
    let rate = OPEN_PART * full.rate();
    println!("{rate:.0} requests per second: quiet, changes, quiet: {duration:?} each");
    let open = series(Pace::Open(rate))?;
    let section = section(options, &full, (&open, rate))?;
    write_section(&options.page, "under change", &section)
}

fn figures(sluice: &Sluice, run: Run) -> anyhow::Result<Figures> {
    let before = sluice.process.cpu_time()?;
    let tally = run.send()?;
    let cpu = sluice.process.cpu_time()? - before;
    Ok(Figures { tally, cpu })
}

impl Series {
    /// Returns the requests per second of the slower quiet run.
    fn rate(&self) -> f64 {
        let [(_, before), _, (_, after)] = &self.runs;
        before.tally.throughput().min(after.tally.throughput())
    }

    /// Writes the table, and the verdict.
    fn write(&self, text: &mut String) -> std::fmt::Result {
        let row = |(name, figures): &(&str, Figures)| {
            let Figures { tally, cpu } = figures;
            vec![
                (*name).to_owned(),
                tally.answered().to_string(),
                tally.failed.to_string(),
                format!("{:.1}", cpu.as_secs_f64() * 1e6 / tally.answered() as f64),
                format!("{:.0}", tally.latency_us(0.5)),
                format!("{:.0}", tally.latency_us(0.99)),
                format!("{:.0}", tally.latency_us(0.999)),
            ]
        };
        let columns = [
            "run",
            "answered",
            "failed",
            "CPU per request, us",
            "p50, us",
            "p99, us",
            "p99.9, us",
        ];
        text.push_str(&table(&columns, &self.runs.iter().map(row).collect::<Vec<_>>()));
        let [(_, before), (_, changed), (_, after)] = &self.runs;
        let applied = &self.applied;
        writeln!(
            text,
            "\n{} changes of flags and {} of tenants were applied, {} rejected; {:.1} per second. Half of them took at \
             most {:.1} ms, 99 % at most {:.1} ms, from the request to the answer, which is sent when the change is on \
             disk and active.\n",
            applied.flags,
            applied.tenants,
            applied.rejected,
            f64::from(applied.flags + applied.tenants) / applied.elapsed.as_secs_f64(),
            applied.latency_ms(0.5),
            applied.latency_ms(0.99),
        )?;
        text.push_str(&verdict(before, changed, after, applied));
        Ok(())
    }
}

/// Returns the section of the page. The second series was sent at this rate.
fn section(options: &Options, full: &Series, (open, rate): (&Series, f64)) -> anyhow::Result<String> {
    let mut text = format!(
        "## Under change\n\n\
         Measured on {date} by `{command}`, on {machine}; load average at the end {load}.\n\n\
         One Sluice with one worker thread, a gate, {FLAGS} flags and 1,000 tenants in a store serves HTTP/1.1 requests \
         for {time:?} three times: without changes, with changes through the admin API, and without changes again. The \
         changes are {FLAG_CHANGES} of flags (percentages of rollouts) and {TENANT_CHANGES} of tenants (attributes) per \
         second; each publishes a snapshot. All processes share all cores.\n\n\
         ### Full load\n\n\
         A closed loop of {CONCURRENCY} requests. It leaves no core idle, so the threads that make a change active, and \
         the disk, take their time from the load, the origin and Sluice's worker thread.\n\n",
        date = machine::date(),
        command = Options::command(),
        machine = machine::description()?,
        load = machine::load_average()?,
        time = options.change_duration(),
    );
    full.write(&mut text)?;
    write!(
        text,
        "\n### At {part:.0} % of the full load\n\n\
         {rate:.0} requests per second in an open loop: each latency counts from the time at which the request was due.\n\n",
        part = OPEN_PART * 100.0,
    )?;
    open.write(&mut text)?;
    Ok(text)
}

/// Compares the run with changes with the quiet runs.
fn verdict(before: &Figures, changed: &Figures, after: &Figures, applied: &Applied) -> String {
    let p99 = |figures: &Figures| figures.tally.latency_us(0.99);
    let noise = p99(before).max(p99(after)) / p99(before).min(p99(after));
    let ratio = p99(changed) / f64::midpoint(p99(before), p99(after));
    let failed = changed.tally.failed;
    let requests = if failed == 0 {
        "No request failed"
    } else {
        "**Requests failed**"
    };
    let latency = if noise > MAX_NOISE {
        format!("no verdict, because the quiet runs differ by {noise:.2} x (at most {MAX_NOISE:.1} x)")
    } else if ratio <= GOAL {
        format!("{ratio:.2} x that of the quiet runs (goal: at most {GOAL:.1} x): reached")
    } else {
        format!("{ratio:.2} x that of the quiet runs (goal: at most {GOAL:.1} x): **not reached**")
    };
    let rejected = match applied.first_rejection.as_deref() {
        Some(answer) => format!(" The first rejected change was answered with: `{answer}`."),
        None => String::new(),
    };
    format!("{requests} during the changes. The 99th percentile of the latency: {latency}.{rejected}\n")
}
