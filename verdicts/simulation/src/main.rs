//! `simulation [--plans N] [--runs N] [--seed N] [--threads N] [--page PATH]`: measures false alarms and detection
//! times, and writes the page and its plot.

use std::{
    fmt::Write,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use anyhow::{Context, Result, bail};
use simulation::{
    draw::Harm,
    harmful::{self, Case, Times},
    healthy::{self, ALPHA, Outcome},
    plot::{self, Point},
    report::{Alarms, quantile, times_heading, times_row},
    world::UNRULY,
};

struct Options {
    plans: u64,
    runs: u64,
    seed: u64,
    threads: usize,
    page: PathBuf,
}

fn options() -> Result<Options> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let page = PathBuf::from("docs/rollouts/simulation.md");
    let mut options = Options {
        plans: 2000,
        runs: 200,
        seed: 1,
        threads,
        page,
    };
    let mut arguments = std::env::args().skip(1);
    while let Some(name) = arguments.next() {
        let value = arguments
            .next()
            .with_context(|| format!("{name} needs a value"))?;
        let number = || {
            value
                .parse()
                .with_context(|| format!("{name}: {value} is not a number"))
        };
        match name.as_str() {
            "--plans" => options.plans = number()?,
            "--runs" => options.runs = number()?,
            "--seed" => options.seed = number()?,
            "--threads" => options.threads = usize::try_from(number()?)?,
            "--page" => options.page = PathBuf::from(value),
            _ => bail!("unknown option {name}; known are --plans, --runs, --seed, --threads, --page"),
        }
    }
    Ok(options)
}

/// Runs `work` for each number below `count`, and returns the results in the order of the numbers.
fn parallel<T: Send>(count: u64, threads: usize, work: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let next = AtomicU64::new(0);
    let mut found: Vec<(u64, T)> = std::thread::scope(|scope| {
        let run = || {
            let mut found = Vec::new();
            loop {
                let at = next.fetch_add(1, Ordering::Relaxed);
                if at >= count {
                    return found;
                }
                found.push((at, work(at)));
            }
        };
        let handles: Vec<_> = (0..threads.max(1)).map(|_| scope.spawn(run)).collect();
        handles
            .into_iter()
            .filter_map(|handle| handle.join().ok())
            .flatten()
            .collect()
    });
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, one)| one).collect()
}

fn cases() -> Vec<Case> {
    let harms = [
        (
            "2 % errors",
            Harm {
                error: 0.02,
                slow: 1.0,
            },
        ),
        (
            "5 % errors",
            Harm {
                error: 0.05,
                slow: 1.0,
            },
        ),
        (
            "20 % errors",
            Harm {
                error: 0.2,
                slow: 1.0,
            },
        ),
        (
            "95 % errors",
            Harm {
                error: 0.95,
                slow: 1.0,
            },
        ),
        (
            "p95 30 % worse",
            Harm {
                error: 0.0,
                slow: 1.3,
            },
        ),
    ];
    let mut cases = Vec::new();
    for (name, harm) in harms {
        for share in [0.05, 0.25, 0.5, 1.0] {
            for healthy_minutes in [0, 120] {
                if share < 1.0 || harm.slow <= 1.0 {
                    cases.push(Case {
                        name,
                        harm,
                        share,
                        healthy_minutes,
                        alpha: ALPHA,
                    });
                }
            }
        }
    }
    cases
}

fn main() -> Result<()> {
    let options = options()?;
    let (seed, threads) = (options.seed, options.threads);
    let mut alarms = Alarms::default();
    let outcomes: Vec<Outcome> = parallel(options.plans, threads, |run| healthy::plan(seed, run, UNRULY, 7));
    outcomes.iter().for_each(|outcome| alarms.add(outcome));
    let mut table = times_heading();
    let mut points = Vec::new();
    for case in cases() {
        let times: Vec<Times> = parallel(options.runs, threads, |run| harmful::run(seed, run, case));
        table += &times_row(&case, &times);
        if case.share == 0.25 && case.healthy_minutes == 0 {
            points.extend(points_of(&case, &times, &alarms));
        }
    }
    write_page(&options, &alarms, &table, &points)
}

/// A rule: its name, the healthy plans that it ended, and its time in a run.
type Rule = (&'static str, u32, fn(&Times) -> Option<f64>);

fn points_of(case: &Case, times: &[Times], alarms: &Alarms) -> Vec<Point> {
    let percent = |of: u32| 100.0 * f64::from(of) / f64::from(alarms.plans.max(1));
    let [_, close] = alarms.failed;
    let [_, [flagger, argo]] = alarms.peers;
    let rules: [Rule; 3] = [
        ("Sluice", close, |times| times.sluice),
        ("Flagger's rule", flagger, |times| times.flagger),
        ("Argo's rule", argo, |times| times.argo),
    ];
    let of_rule = |(rule, (name, failed, of)): (usize, Rule)| {
        let all: Vec<_> = times.iter().map(of).collect();
        let seconds = quantile(&all, 0.5)?;
        // The peers need the same time for every rate of errors above the bound.
        if rule > 0 && case.name != "5 % errors" {
            return None;
        }
        Some(Point {
            name: format!("{name}: {}", case.name),
            alarms: percent(failed),
            seconds,
            rule,
        })
    };
    rules.into_iter().enumerate().filter_map(of_rule).collect()
}

fn write_page(options: &Options, alarms: &Alarms, table: &str, points: &[Point]) -> Result<()> {
    let folder = options.page.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let plot = options.page.with_extension("svg");
    plot::draw(&plot, points)?;
    let mut page = String::new();
    let name = plot
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    writeln!(
        page,
        include_str!("page.txt"),
        plans = options.plans,
        runs = options.runs,
        seed = options.seed,
        alarms = alarms.table(),
        table = table,
        plot = name,
    )?;
    std::fs::write(&options.page, page).with_context(|| options.page.display().to_string())
}
