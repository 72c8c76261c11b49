//! The figures of a contestant in a group, over the rounds.

use std::sync::Arc;
use std::time::Duration;

use super::group::Group;
use crate::contestant::Contestant;
use crate::driver::Tally;
use crate::statistics::Summary;
use crate::tokens::TokenCursor;

/// A group with the figures of its contestants.
#[derive(Debug)]
pub(super) struct Table {
    pub(super) group: Group,
    pub(super) rows: Vec<Row>,
    /// The requests per second of the open loop, once it is known.
    pub(super) rate: Option<f64>,
}

/// The figures of a contestant: one value for each round.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) contestant: Contestant,
    /// The tokens of its requests. The position moves from run to run, so that new tokens stay new.
    pub(super) tokens: Option<Arc<TokenCursor>>,
    /// Processor time per request in microseconds.
    pub(super) cpu_us: Vec<f64>,
    /// Answers per second.
    pub(super) throughput: Vec<f64>,
    /// Used processor time as a part of the time of the run.
    pub(super) busy: Vec<f64>,
    /// Processor time per request in the open loop, in microseconds.
    pub(super) open_cpu_us: Vec<f64>,
    /// The latencies in microseconds that half, 99 % and 99.9 % of the requests do not exceed.
    pub(super) latency_us: [Vec<f64>; 3],
    /// Resident memory after the last run in a closed loop.
    pub(super) resident_bytes: u64,
    /// Requests without a correct answer.
    pub(super) failed: u64,
    /// Requests of the open loop that were due and not sent.
    pub(super) unsent: u64,
    pub(super) reconnects: u64,
}

impl Table {
    /// Returns the rows in the order of a round: each round begins with another one.
    pub(super) fn rows_of(&mut self, round: usize) -> impl Iterator<Item = &mut Row> {
        let first = round.checked_rem(self.rows.len()).unwrap_or_default();
        let (last, first) = self.rows.split_at_mut(first);
        first.iter_mut().chain(last)
    }

    /// Returns the rate of the open loop: this part of the throughput of the slowest contestant.
    pub(super) fn open_rate(&mut self, part: f64) -> Option<f64> {
        if self.rate.is_none() {
            let medians = self
                .rows
                .iter()
                .filter_map(|row| Some(Summary::of(&row.throughput)?.median));
            self.rate = medians.reduce(f64::min).map(|slowest| slowest * part);
        }
        self.rate
    }

    /// Returns the row of a contestant.
    pub(super) fn row(&self, contestant: Contestant) -> Option<&Row> {
        self.rows.iter().find(|row| row.contestant == contestant)
    }
}

impl Row {
    /// Creates a row without figures.
    pub(super) fn new(contestant: Contestant, tokens: Option<Arc<TokenCursor>>) -> Self {
        Self {
            contestant,
            tokens,
            cpu_us: Vec::new(),
            throughput: Vec::new(),
            busy: Vec::new(),
            open_cpu_us: Vec::new(),
            latency_us: Default::default(),
            resident_bytes: 0,
            failed: 0,
            unsent: 0,
            reconnects: 0,
        }
    }

    /// Adds the figures of a run in a closed loop that used this processor time.
    pub(super) fn add_closed(
        &mut self,
        tally: &Tally,
        cpu: Duration,
        elapsed: Duration,
        resident_bytes: u64,
    ) {
        self.count(tally);
        self.resident_bytes = resident_bytes;
        self.cpu_us
            .push(cpu.as_secs_f64() * 1e6 / tally.answered() as f64);
        self.throughput.push(tally.throughput());
        self.busy.push(cpu.as_secs_f64() / elapsed.as_secs_f64());
    }

    /// Adds the figures of a run in an open loop that used this processor time. Without answers there are none.
    pub(super) fn add_open(&mut self, tally: &Tally, cpu: Duration) {
        self.count(tally);
        if tally.answered() == 0 {
            return;
        }
        self.open_cpu_us
            .push(cpu.as_secs_f64() * 1e6 / tally.answered() as f64);
        for (values, quantile) in self.latency_us.iter_mut().zip([0.5, 0.99, 0.999]) {
            values.push(tally.latency_us(quantile));
        }
    }

    fn count(&mut self, tally: &Tally) {
        self.failed += tally.failed;
        self.unsent += tally.unsent;
        self.reconnects += tally.reconnects;
    }
}

#[cfg(test)]
mod tests {
    use super::{Row, Table};
    use crate::beside::group::groups;
    use crate::contestant::Contestant;

    #[test]
    fn contestants_take_turns_and_the_slowest_sets_the_rate() {
        let row = |contestant, throughput| Row {
            throughput: vec![throughput],
            ..Row::new(contestant, None)
        };
        let mut table = Table {
            group: groups()[0],
            rows: vec![
                row(Contestant::Nginx, 300.0),
                row(Contestant::HaProxy, 200.0),
                row(Contestant::Envoy, 100.0),
            ],
            rate: None,
        };
        let order: Vec<_> = table.rows_of(4).map(|row| row.contestant).collect();
        assert_eq!(order, [Contestant::HaProxy, Contestant::Envoy, Contestant::Nginx]);
        assert_eq!(table.open_rate(0.7), Some(70.0));
    }
}
