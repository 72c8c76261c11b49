//! Contestants beside each other: each round measures every contestant of every group once, one after the other.

mod check;
mod group;
mod report;
mod row;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use self::group::{Group, Job, Tokens, groups};
use self::row::{Row, Table};
use crate::contestant::{Contestant, Running};
use crate::driver::{Pace, Run, Tally};
use crate::method::{CACHED_TOKENS, CONCURRENCY, OPEN_CONCURRENCY, OPEN_RATE, WARM_UP};
use crate::options::Options;
use crate::placement::Cores;
use crate::site::Site;
use crate::tenants::GateResult;
use crate::tokens::{TokenCursor, TokenSet};

/// The contestants that are running, and the tokens of the requests.
struct Field {
    running: BTreeMap<Contestant, Running>,
    cached: BTreeMap<GateResult, Arc<TokenSet>>,
    uncached: Arc<TokenSet>,
}

/// Measures all groups and writes their section of the page.
pub(crate) fn measure(options: &Options, site: &Site, origin: &str) -> anyhow::Result<()> {
    let groups: Vec<Group> = groups()
        .into_iter()
        .filter(|group| group.title().contains(&options.only))
        .collect();
    let field = Field::start(options, site, &groups)?;
    let mut tables: Vec<Table> = groups
        .iter()
        .map(|group| field.table(group))
        .collect::<anyhow::Result<_>>()?;
    let (rounds, duration) = options.closed();
    for round in 0..rounds {
        println!("closed loop, round {} of {rounds}", round + 1);
        for table in &mut tables {
            field.closed_round(table, round, duration)?;
        }
    }
    // A run that is cut off later keeps the figures of the closed loop.
    report::write(options, site, origin, &tables)?;
    let (open_rounds, duration) = options.open();
    for round in 0..open_rounds {
        println!("open loop, round {} of {open_rounds}", round + 1);
        for table in &mut tables {
            field.open_round(table, round, duration)?;
        }
    }
    report::write(options, site, origin, &tables)
}

impl Field {
    /// Starts the contestants of all groups and signs the tokens.
    fn start(options: &Options, site: &Site, groups: &[Group]) -> anyhow::Result<Self> {
        let folder = options.token_folder();
        let mut cached = BTreeMap::new();
        for result in GateResult::ALL {
            cached.insert(result, Arc::new(site.key.tokens(&folder, result, CACHED_TOKENS)?));
        }
        println!("signing {} tokens, unless an earlier run did", options.tokens());
        let uncached = Arc::new(site.key.tokens(&folder, GateResult::Allowed, options.tokens())?);
        let mut running = BTreeMap::new();
        for &contestant in groups.iter().flat_map(|group| group.contestants) {
            if let std::collections::btree_map::Entry::Vacant(place) = running.entry(contestant) {
                let started = contestant
                    .start(site)
                    .with_context(|| format!("{contestant} did not start"))?;
                match started {
                    Some(started) => drop(place.insert(started)),
                    None => println!("{contestant} is left out: a program is not installed"),
                }
            }
        }
        Ok(Self {
            running,
            cached,
            uncached,
        })
    }

    /// Checks the contestants of a group and returns its empty table.
    fn table(&self, group: &Group) -> anyhow::Result<Table> {
        let mut rows = Vec::new();
        for &contestant in group.contestants {
            let Some(running) = self.running.get(&contestant) else {
                continue;
            };
            let tokens = self.tokens(group);
            let token = tokens.as_ref().map_or("", |tokens| tokens.token(0));
            check::check(group, contestant, running, token).with_context(|| group.title())?;
            let cursor = tokens
                .filter(|_| contestant.is_gate())
                .map(|tokens| Arc::new(TokenCursor::new(tokens)));
            rows.push(Row::new(contestant, cursor));
        }
        Ok(Table {
            group: *group,
            rows,
            rate: None,
        })
    }

    fn tokens(&self, group: &Group) -> Option<Arc<TokenSet>> {
        match group.job {
            Job::Pass => None,
            Job::Gate(_, Tokens::Uncached) => Some(Arc::clone(&self.uncached)),
            Job::Gate(result, Tokens::Cached) => self.cached.get(&result).map(Arc::clone),
        }
    }

    /// Measures processor time and throughput of every contestant of a group.
    fn closed_round(&self, table: &mut Table, round: usize, duration: Duration) -> anyhow::Result<()> {
        let group = table.group;
        for row in table.rows_of(round) {
            let Some(running) = self.running.get(&row.contestant) else {
                continue;
            };
            self.run(&group, row, running, Pace::Closed, WARM_UP)?;
            let (before, start) = (running.process.cpu_time()?, Instant::now());
            let tally = self.run(&group, row, running, Pace::Closed, duration)?;
            // A contestant without a value in a round could not be compared with the others.
            ensure!(tally.answered() > 0, "{} answered nothing", row.contestant);
            let cpu = running.process.cpu_time()? - before;
            row.add_closed(&tally, cpu, start.elapsed(), running.process.resident_bytes()?);
        }
        Ok(())
    }

    /// Measures the latency of every contestant of a group, at a rate that all of them can serve.
    fn open_round(&self, table: &mut Table, round: usize, duration: Duration) -> anyhow::Result<()> {
        let Some(rate) = table.open_rate(OPEN_RATE) else {
            return Ok(());
        };
        let group = table.group;
        for row in table.rows_of(round) {
            let Some(running) = self.running.get(&row.contestant) else {
                continue;
            };
            self.run(&group, row, running, Pace::Open(rate), WARM_UP)?;
            let before = running.process.cpu_time()?;
            let tally = self.run(&group, row, running, Pace::Open(rate), duration)?;
            row.add_open(&tally, running.process.cpu_time()? - before);
        }
        Ok(())
    }

    fn run(
        &self,
        group: &Group,
        row: &Row,
        running: &Running,
        pace: Pace,
        duration: Duration,
    ) -> anyhow::Result<Tally> {
        let run = Run {
            address: running.address(group.protocol),
            protocol: group.protocol,
            target: group.target(),
            tokens: row.tokens.clone(),
            status: group.status(),
            concurrency: match pace {
                Pace::Closed => CONCURRENCY,
                Pace::Open(_) => OPEN_CONCURRENCY,
            },
            pace,
            duration,
        };
        let tally = Cores::Others.run(|| run.send());
        tally.with_context(|| format!("{}: {}", group.title(), row.contestant))
    }
}
