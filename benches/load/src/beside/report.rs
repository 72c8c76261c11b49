//! The section of the page about contestants beside each other, and its charts.

use std::fmt::Write as _;
use std::fs;

use super::group::{BASELINES, Body, Job, Tokens};
use super::row::{Row, Table};
use crate::chart::{Bar, bar_chart};
use crate::contestant::Contestant;
use crate::driver::Protocol;
use crate::machine;
use crate::method::{CONCURRENCY, OPEN_RATE, WARM_UP};
use crate::options::Options;
use crate::page::{table, write_section};
use crate::placement::Cores;
use crate::site::Site;
use crate::statistics::{Comparison, MAX_SPREAD, Summary, compare};
use crate::tenants::GateResult;

/// The ratios with a goal: Sluice's set-up, the requests, the peer with its requests, and the goal.
const GOALS: &[(Contestant, Job, Contestant, Job, f64)] = &[
    (
        Contestant::SluiceGate(20),
        ALLOWED,
        Contestant::HaProxy,
        Job::Pass,
        1.30,
    ),
    (
        Contestant::SluiceGate(20),
        ALLOWED,
        Contestant::HaProxyGate,
        ALLOWED,
        0.33,
    ),
    (
        Contestant::SluiceGate(20),
        ALLOWED,
        Contestant::EnvoyGate,
        ALLOWED,
        0.20,
    ),
    (
        Contestant::SluiceGate(20),
        HIDDEN,
        Contestant::HaProxyDeny,
        HIDDEN,
        1.0,
    ),
];
const ALLOWED: Job = Job::Gate(GateResult::Allowed, Tokens::Cached);
const HIDDEN: Job = Job::Gate(GateResult::Hidden, Tokens::Cached);

/// Writes the section and its charts.
pub(super) fn write(options: &Options, site: &Site, origin: &str, tables: &[Table]) -> anyhow::Result<()> {
    let section = section(options, site, origin, tables)?;
    write_section(&options.page, "beside others", &section)?;
    write_charts(options, tables)
}

/// Renders the section.
fn section(options: &Options, site: &Site, origin: &str, tables: &[Table]) -> anyhow::Result<String> {
    let mut text = introduction(options, site, origin)?;
    let goals: Vec<Vec<String>> = GOALS.iter().filter_map(|goal| goal_row(goal, tables)).collect();
    if !goals.is_empty() {
        text.push_str("### Goals\n\nProcessor time per request over HTTP/1.1 with small answers.\n\n");
        text.push_str(&table(
            &["ratio", "median", "min to max", "goal", "verdict"],
            &goals,
        ));
        text.push('\n');
    }
    let charts = options.page.with_extension("");
    let charts = charts
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    for one in tables {
        let pass = tables
            .iter()
            .find(|other| other.group.job == Job::Pass && other.group.is_beside(&one.group));
        writeln!(text, "### {}\n", one.group.title())?;
        writeln!(
            text,
            "![Processor time per request]({charts}/cpu-{}.svg)\n",
            one.group.slug()
        )?;
        let rows: Vec<Vec<String>> = one.rows.iter().map(|row| cells(row, pass)).collect();
        text.push_str(&table(&COLUMNS, &rows));
        text.push_str(&notes(one)?);
        text.push('\n');
    }
    Ok(text)
}

const COLUMNS: [&str; 11] = [
    "contestant",
    "CPU per request, us",
    "x HAProxy",
    "x bare pingora",
    "requests/s",
    "core used",
    "CPU at equal rate, us",
    "p50, us",
    "p99, us",
    "p99.9, us",
    "memory, MiB",
];

fn introduction(options: &Options, site: &Site, origin: &str) -> anyhow::Result<String> {
    let ((rounds, time), (open_rounds, open_time)) = (options.closed(), options.open());
    let mut text = format!(
        "## Beside other proxies\n\n\
         Measured on {date} by `{command}`, on {machine}; load average at the end {load}.\n\n",
        date = machine::date(),
        command = Options::command(),
        machine = machine::description()?,
        load = machine::load_average()?,
    );
    for line in site.programs.lines() {
        writeln!(text, "- {line}")?;
    }
    write!(
        text,
        "
Every contestant has one worker thread, no access log, and connections to the same origin that are kept open \
         ({origin}); {placement}. Each round measures every contestant once, one after the other.

- **Processor time** is user and system time of the contestant's process over a run, divided by the answers: a closed \
         loop of {concurrency} requests in flight, {rounds} rounds of {time:?} after {warm_up:?} of warm-up. The tables \
         show medians, and in brackets the minimum and the maximum.
- **Ratios** are formed within each round, with HAProxy and bare pingora as passthroughs for the same protocol and size. \
         There is no verdict if the interquartile range of one of the two figures over the rounds is more than \
         {spread:.0} % of its median.
- **Requests per second** are those of the closed loop. If less than 90 % of a core was used, the load or the origin \
         was the limit, not the contestant.
- **Processor time at equal rate** and **latencies** are those of an open loop at {rate:.0} % of the throughput of the slowest contestant of the table, \
         {open_rounds} rounds of {open_time:?}. A latency counts from the time at which the request was due, so waiting for a \
         free connection is included. A proxy that is busier needs less time per request, because it finds several \
         requests at each wake-up: the closed loop favours the slower ones, the equal rate does not.
- **Memory** is the resident memory after the last run of the closed loop.
- **A gate** verifies an RS256 token (2,048 bits), finds the tenant in a table of 1,000, and forwards the request \
         with the tenant and its flags in headers, or answers 404 or 403, or forwards to another upstream. Before the \
         measurement each one is checked to do so, and to reject missing and forged tokens. Sluice and Envoy have a \
         cache of verified tokens; HAProxy and njs have none. Sluice also removes forged headers, checks the path in all \
         its readings, and keeps metrics for routes and flags; the peers do not.

",
        placement = Cores::description()?,
        concurrency = CONCURRENCY,
        warm_up = WARM_UP,
        spread = MAX_SPREAD * 100.0,
        rate = OPEN_RATE * 100.0,
    )?;
    Ok(text)
}

fn goal_row(
    &(sluice, job, peer, peer_job, goal): &(Contestant, Job, Contestant, Job, f64),
    tables: &[Table],
) -> Option<Vec<String>> {
    let find = |contestant, job| {
        let mut tables = tables.iter().filter(|table| {
            table.group.job == job
                && table.group.protocol == Protocol::Http1
                && table.group.body == Body::Small
        });
        tables.find_map(|table| table.row(contestant))
    };
    let answers = if job == HIDDEN { "404: " } else { "" };
    let name = format!("{answers}{sluice} / {peer}");
    let (of, to) = (find(sluice, job)?, find(peer, peer_job)?);
    Some(match compare(&of.cpu_us, &to.cpu_us) {
        Comparison::Ratio(Summary { median, min, max, .. }) => {
            let verdict = if median <= goal { "reached" } else { "not reached" };
            let range = format!("{min:.2} to {max:.2}");
            vec![
                name,
                format!("{median:.2}"),
                range,
                format!("{goal:.2}"),
                verdict.to_owned(),
            ]
        }
        Comparison::TooNoisy | Comparison::NotMeasured => {
            vec![
                name,
                String::new(),
                String::new(),
                format!("{goal:.2}"),
                "no verdict: too noisy".to_owned(),
            ]
        }
    })
}

fn cells(row: &Row, pass: Option<&Table>) -> Vec<String> {
    let mut cells = vec![row.contestant.to_string()];
    cells.push(
        Summary::of(&row.cpu_us).map_or_else(String::new, |Summary { median, min, max, .. }| {
            format!("{median:.1} ({min:.1} to {max:.1})")
        }),
    );
    for baseline in BASELINES {
        let baseline = pass.and_then(|pass| pass.row(baseline));
        let comparison = baseline.map(|baseline| compare(&row.cpu_us, &baseline.cpu_us));
        cells.push(match comparison {
            Some(Comparison::Ratio(Summary { median, min, max, .. })) => {
                format!("{median:.2} ({min:.2} to {max:.2})")
            }
            Some(Comparison::TooNoisy) => "no verdict".to_owned(),
            Some(Comparison::NotMeasured) | None => String::new(),
        });
    }
    let median = |values: &[f64], digits: usize| {
        Summary::of(values).map_or_else(String::new, |summary| format!("{:.digits$}", summary.median))
    };
    cells.push(median(&row.throughput, 0));
    cells.push(
        Summary::of(&row.busy).map_or_else(String::new, |busy| format!("{:.0} %", busy.median * 100.0)),
    );
    cells.push(median(&row.open_cpu_us, 1));
    cells.extend(row.latency_us.iter().map(|values| median(values, 0)));
    cells.push(format!("{:.1}", row.resident_bytes as f64 / 1024.0 / 1024.0));
    cells
}

/// Returns the rate of the open loop, and a line for each contestant that failed to answer or to keep connections.
fn notes(table: &Table) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    if let Some(rate) = table.rate {
        writeln!(text, "\nOpen loop: {rate:.0} requests per second.")?;
    }
    for row in &table.rows {
        let Row {
            contestant,
            failed,
            unsent,
            reconnects,
            ..
        } = row;
        if failed + unsent + reconnects > 0 {
            writeln!(
                text,
                "\n{contestant}: {failed} requests failed, {unsent} were not sent in time, {reconnects} connections were reopened."
            )?;
        }
    }
    Ok(text)
}

/// Writes the charts into the folder beside the page.
fn write_charts(options: &Options, tables: &[Table]) -> anyhow::Result<()> {
    let folder = options.page.with_extension("");
    fs::create_dir_all(&folder)?;
    for table in tables {
        let bar = |row: &Row| {
            Some(Bar {
                label: row.contestant.to_string(),
                summary: Summary::of(&row.cpu_us)?,
                is_sluice: matches!(row.contestant, Contestant::Sluice | Contestant::SluiceGate(_)),
            })
        };
        let bars: Vec<Bar> = table.rows.iter().filter_map(bar).collect();
        let title = format!("CPU per request. {}", table.group.title());
        let chart = bar_chart(&title, "us", &bars)?;
        fs::write(folder.join(format!("cpu-{}.svg", table.group.slug())), chart)?;
    }
    Ok(())
}
