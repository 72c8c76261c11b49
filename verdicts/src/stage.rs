//! The evidence of one stage: takes slots, gives verdicts.

use serde::{Deserialize, Serialize};

use crate::{
    check::{Baseline, Check, StageConfig},
    histogram::Histogram,
    ratio::SampleRatio,
    roster::{Place, Roster},
    slot::{Arm, Ingested, InvalidSlot, Slot, UnitCount},
    trial::{ArmSum, Trial},
    verdict::{Reason, Sample, Status, Verdict},
    windows::BLOCKS,
};

/// Ten minutes, in slots: how long elevated evidence and invalid counts keep a check from passing.
const TEN_MINUTES: u64 = 120;
/// One minute, in slots: without a slot for longer, nothing passes.
const MINUTE: u64 = 12;
/// Half an hour, in slots: how often a comparison of latencies takes its quantile from control.
const HALF_HOUR: u64 = 360;

/// Everything that a stage remembers. It is bounded: about 250 bytes for each unit and check, and the histograms of
/// the baselines. Serialised with a compact format, most of it is zeros.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Stage {
    config: StageConfig,
    roster: Roster,
    trials: Vec<Trial>,
    /// The status of each check and its first slot.
    since: Vec<Option<(Status, u64)>>,
    ratio: SampleRatio,
    latency: Arms<Histogram>,
    baseline_latency: Arms<Histogram>,
    control_recent: Histogram,
    totals: Arms<Totals>,
    last: Option<u64>,
    invalid: Option<(u64, InvalidSlot)>,
    uncounted: Uncounted,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Arms<T> {
    treatment: T,
    control: T,
}

impl<T> Arms<T> {
    fn of(&mut self, arm: Arm) -> &mut T {
        match arm {
            Arm::Treatment => &mut self.treatment,
            Arm::Control => &mut self.control,
        }
    }
}

/// All requests of an arm, without the cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Requests.
    pub requests: u64,
    /// Errors.
    pub errors: u64,
}

/// Counts and slots that were not counted. The controller reports them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uncounted {
    /// Counts of units beyond the maximum.
    pub beyond_maximum: u64,
    /// Counts of units that were in the other arm before.
    pub moved: u64,
    /// Slots that came late or twice.
    pub late_slots: u64,
    /// Slots whose counts did not add up.
    pub invalid_slots: u64,
}

impl Stage {
    /// Starts the evidence of a stage at 1. `baselines` are the 24 hours before it, by unit.
    pub fn new(config: StageConfig, baselines: impl IntoIterator<Item = (u64, Baseline)>) -> Self {
        let roster = Roster::new(baselines);
        let trials: Vec<_> = config
            .checks
            .iter()
            .enumerate()
            .map(|(at, check)| {
                let is_at_once = config.at_once.contains(&at);
                Trial::new(*check, &roster, (config.alpha, config.first_slot), is_at_once)
            })
            .collect();
        Self {
            since: vec![None; trials.len()],
            config,
            roster,
            trials,
            ratio: SampleRatio::default(),
            latency: Arms::default(),
            baseline_latency: Arms::default(),
            control_recent: Histogram::default(),
            totals: Arms::default(),
            last: None,
            invalid: None,
            uncounted: Uncounted::default(),
        }
    }

    /// Counts a slot. Slots come in the order of their numbers; a slot that is not newer than the last changes
    /// nothing but a counter. Numbers may be left out: those slots are empty.
    pub fn ingest(&mut self, slot: &Slot) -> Ingested {
        if !self.open(slot.number) {
            return Ingested::Late;
        }
        let units = match self.check(slot) {
            Ok(units) => units,
            Err(invalid) => return self.rejected(slot.number, invalid),
        };
        for count in units {
            self.count(count);
        }
        let is_mismatch = self.ratio.is_mismatch();
        for trial in &mut self.trials {
            if !(is_mismatch && trial.is_comparison()) {
                trial.look(slot.number, &self.roster, &self.config);
            }
        }
        Ingested::Counted
    }

    /// Takes note of a slot whose counts are unusable, for a reason that its counts do not show.
    pub fn reject(&mut self, number: u64, invalid: InvalidSlot) -> Ingested {
        match self.open(number) {
            true => self.rejected(number, invalid),
            false => Ingested::Late,
        }
    }

    /// Opens a slot; false if it is late.
    fn open(&mut self, number: u64) -> bool {
        if number < self.config.first_slot || self.last.is_some_and(|last| number <= last) {
            self.uncounted.late_slots = self.uncounted.late_slots.saturating_add(1);
            return false;
        }
        self.close_until(number);
        self.last = Some(number);
        true
    }

    fn rejected(&mut self, number: u64, invalid: InvalidSlot) -> Ingested {
        self.invalid = Some((number, invalid));
        self.uncounted.invalid_slots = self.uncounted.invalid_slots.saturating_add(1);
        Ingested::Rejected(invalid)
    }

    /// Sorts the counts of a slot by unit, so that their order does not matter.
    fn check<'s>(&self, slot: &'s Slot) -> Result<Vec<&'s UnitCount>, InvalidSlot> {
        if slot.counter_fell {
            return Err(InvalidSlot::CounterFell);
        }
        let mut units: Vec<_> = slot.units.iter().collect();
        units.sort_unstable_by_key(|count| count.unit);
        if units
            .windows(2)
            .any(|pair| matches!(pair, [one, other] if one.unit == other.unit))
        {
            return Err(InvalidSlot::UnitTwice);
        }
        for count in &units {
            count.check(self.config.cap)?;
        }
        Ok(units)
    }

    fn count(&mut self, count: &UnitCount) {
        if count.requests == 0 {
            return;
        }
        let unit = match self.roster.place(count) {
            Place::Known(unit) => unit,
            Place::New(unit) => {
                self.add_unit(unit, count.arm);
                unit
            }
            Place::Moved => {
                self.uncounted.moved = self.uncounted.moved.saturating_add(1);
                return;
            }
            Place::Full => {
                self.uncounted.beyond_maximum = self.uncounted.beyond_maximum.saturating_add(1);
                return;
            }
        };
        let totals = self.totals.of(count.arm);
        totals.requests = totals.requests.saturating_add(count.requests);
        totals.errors = totals.errors.saturating_add(count.errors);
        self.latency.of(count.arm).merge(&count.latency);
        if count.arm == Arm::Control {
            self.control_recent.merge(&count.latency);
        }
        for trial in &mut self.trials {
            trial.count(unit, count);
        }
    }

    fn add_unit(&mut self, unit: usize, arm: Arm) {
        for trial in &mut self.trials {
            trial.add_unit(&self.roster);
        }
        if let Some(baseline) = self.roster.baseline(unit) {
            self.baseline_latency.of(arm).merge(&baseline.day.latency);
        }
        if self.config.has_control {
            self.ratio.count(arm, self.config.share);
        }
    }

    /// Closes the slots before `number`.
    fn close_until(&mut self, number: u64) {
        let Some(last) = self.last else { return };
        let longest = 2 * BLOCKS.last().copied().unwrap_or(0);
        if number - last > longest {
            self.trials.iter_mut().for_each(Trial::forget);
            return;
        }
        for closed in last..number {
            for trial in &mut self.trials {
                trial.close(closed, &self.roster, &self.config);
            }
            if (closed + 1).is_multiple_of(HALF_HOUR) {
                for trial in &mut self.trials {
                    trial.follow(&self.control_recent, &self.roster);
                }
                self.control_recent = Histogram::default();
            }
        }
    }

    /// Returns the verdicts at slot `now`, one for each check of the configuration. It may be called at any time and
    /// as often as wanted; only the time since which a status holds is remembered.
    pub fn look(&mut self, now: u64) -> Vec<Verdict> {
        let verdicts: Vec<_> = self.trials.iter().map(|trial| self.verdict(trial, now)).collect();
        for (since, verdict) in self.since.iter_mut().zip(&verdicts) {
            if since.is_none_or(|(status, _)| status != verdict.status) {
                *since = Some((verdict.status, now));
            }
        }
        let since = self.since.iter().map(|since| since.map_or(now, |(_, slot)| slot));
        verdicts
            .into_iter()
            .zip(since)
            .map(|(verdict, since)| Verdict { since, ..verdict })
            .collect()
    }

    fn verdict(&self, trial: &Trial, now: u64) -> Verdict {
        let check = trial.check();
        let value = self.value(trial);
        let (status, reason) = match trial.failed {
            Some(_) => (Status::Fail, Reason::Evidence),
            None if check.is_comparison() && !self.config.has_control => {
                (Status::NotApplicable, Reason::NoControl)
            }
            None => match self.obstacle(trial, value, now) {
                Some(reason) => (Status::Inconclusive, reason),
                None => (Status::Pass, Reason::Met),
            },
        };
        let sample = |sum: &ArmSum, arm| Sample {
            requests: sum.requests,
            bad: sum.bad,
            tenants: self.roster.tenants_in(arm),
        };
        Verdict {
            status,
            reason,
            value,
            bound: match check {
                Check::ErrorRateAbove { rate } => rate,
                Check::ErrorRateWorse { ratio } | Check::LatencyWorse { ratio, .. } => ratio,
                Check::LatencyAbove { bound, .. } => bound.as_secs_f64(),
            },
            treatment: sample(&trial.treatment, Arm::Treatment),
            control: sample(&trial.control, Arm::Control),
            log_evidence: trial.log_evidence,
            needed: -trial.alpha.ln(),
            since: trial.failed.unwrap_or(now),
        }
    }

    /// Returns what keeps a check from passing.
    fn obstacle(&self, trial: &Trial, value: Option<f64>, now: u64) -> Option<Reason> {
        let is_within = |slot: u64, slots: u64| now < slot.saturating_add(slots);
        if self.last.is_none_or(|last| !is_within(last, MINUTE)) {
            return Some(Reason::NoSlots);
        }
        if let Some((slot, invalid)) = self.invalid
            && is_within(slot, TEN_MINUTES)
        {
            return Some(Reason::Invalid(invalid));
        }
        let is_comparison = trial.check().is_comparison();
        if is_comparison && self.ratio.is_mismatch() {
            return Some(Reason::RatioMismatch);
        }
        let minimum = self.config.minimum;
        let has_control = self.config.has_control;
        let few = |sum: &ArmSum| sum.requests < minimum.requests;
        if is_comparison && !trial.has_history() && self.totals.treatment.requests >= minimum.requests {
            return Some(Reason::NoHistory);
        }
        if few(&trial.treatment) || (has_control && few(&trial.control)) {
            return Some(Reason::FewRequests);
        }
        let tenants = |arm| self.roster.tenants_in(arm) < minimum.tenants;
        if tenants(Arm::Treatment) || (has_control && tenants(Arm::Control)) {
            return Some(Reason::FewTenants);
        }
        if trial.elevated.is_some_and(|slot| is_within(slot, TEN_MINUTES)) {
            return Some(Reason::RecentEvidence);
        }
        (!self.is_within_bound(trial, value)).then_some(Reason::OutsideBound)
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a stage")]
    fn is_within_bound(&self, trial: &Trial, value: Option<f64>) -> bool {
        match trial.check() {
            // A share, and not the quantile, whose bucket may contain the bound.
            Check::LatencyAbove { quantile, .. } => {
                trial.treatment.bad as f64 <= trial.treatment.requests as f64 * (1.0 - quantile)
            }
            Check::ErrorRateAbove { rate: bound }
            | Check::ErrorRateWorse { ratio: bound }
            | Check::LatencyWorse { ratio: bound, .. } => value.is_some_and(|value| value <= bound),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts of a stage")]
    fn value(&self, trial: &Trial) -> Option<f64> {
        let change = |arm: &ArmSum| (arm.bad as f64 + 0.5) / (arm.predicted + 0.5);
        match trial.check() {
            Check::ErrorRateAbove { .. } => {
                let arm = trial.treatment;
                (arm.requests > 0).then(|| arm.bad as f64 / arm.requests as f64)
            }
            Check::ErrorRateWorse { .. } => trial
                .has_history()
                .then(|| change(&trial.treatment) / change(&trial.control)),
            Check::LatencyAbove { quantile, .. } => self
                .latency
                .treatment
                .quantile(quantile)
                .map(|latency| latency.as_secs_f64()),
            Check::LatencyWorse { quantile, .. } => {
                let of =
                    |histogram: &Histogram| histogram.quantile(quantile).map(|latency| latency.as_secs_f64());
                let stage = of(&self.latency.treatment)? / of(&self.latency.control)?;
                let before = of(&self.baseline_latency.treatment)? / of(&self.baseline_latency.control)?;
                Some(stage / before)
            }
        }
    }

    /// Begins the evidence of a check anew with the slot after `now`, after a person has acknowledged its failure. Each time
    /// the check has half of the alpha of the time before: all times together stay below twice its alpha. The others go on.
    pub fn renew(&mut self, check: usize, now: u64) {
        if let Some(trial) = self.trials.get_mut(check) {
            trial.renew(now.saturating_add(1));
        }
        if let Some(since) = self.since.get_mut(check) {
            *since = None;
        }
    }

    /// Begins the evidence of a check anew with the slot after `now`, with the same alpha. It is for checks whose failure
    /// neither pauses nor rolls back: each time is another test with this alpha.
    pub fn restart(&mut self, check: usize, now: u64) {
        if let Some(trial) = self.trials.get_mut(check) {
            trial.restart(now.saturating_add(1));
        }
        if let Some(since) = self.since.get_mut(check) {
            *since = None;
        }
    }

    /// Returns the log-evidence of each check after the last slot, without a verdict.
    pub fn log_evidence(&self) -> impl Iterator<Item = f64> {
        self.trials.iter().map(|trial| trial.log_evidence)
    }

    /// Returns the subjects by arm, and whether their ratio is a mismatch.
    pub fn sample_ratio(&self) -> &SampleRatio {
        &self.ratio
    }

    /// Returns all requests and errors of treatment and control, without the cap.
    pub fn totals(&self) -> (Totals, Totals) {
        (self.totals.treatment, self.totals.control)
    }

    /// Returns the latencies of the requests of an arm that count.
    pub fn latency(&self, arm: Arm) -> &Histogram {
        match arm {
            Arm::Treatment => &self.latency.treatment,
            Arm::Control => &self.latency.control,
        }
    }

    /// Returns the number of tenants with requests in an arm.
    pub fn tenants(&self, arm: Arm) -> u32 {
        self.roster.tenants_in(arm)
    }

    /// Returns what was not counted.
    pub fn uncounted(&self) -> Uncounted {
        self.uncounted
    }

    /// Returns the configuration.
    pub fn config(&self) -> &StageConfig {
        &self.config
    }
}
