//! Decision receipts: the decisions of the latest refused requests, and of a sample of the others, in a bounded ring. A
//! request writes into a slot of its own and waits for nobody; texts are formatted and masked when a receipt is read.

mod flag_decisions;
mod kept_subject;
mod needs;
mod now;
mod receipt;
mod record;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use prometheus::core::{Collector, Desc};
use prometheus::proto::{MetricFamily, MetricType};

pub(crate) use self::flag_decisions::add_flags;
pub(crate) use self::kept_subject::KeptSubject;
pub(crate) use self::needs::GateNeeds;
pub(crate) use self::now::decide_now;
pub use self::receipt::{Difference, Receipt, ReceiptFilter, ReceiptFlag, ReceiptNow};
pub use self::record::MAX_RECEIPT_BYTES;
pub(crate) use self::record::{ReceiptRecord, ReceiptTexts};
use crate::metric_family::{counter_metric, description, family};
use crate::request_id::RequestId;

/// The metric of requests whose receipt was not kept.
const DROPPED: &str = "sluice_receipts_dropped_total";
/// Its help.
const DROPPED_HELP: &str =
    "Requests whose receipt was not kept, because its place was being read or written.";

/// The ring of receipts.
#[derive(Debug)]
pub struct Receipts {
    slots: Box<[Mutex<ReceiptRecord>]>,
    /// The number of receipts that were begun.
    next: AtomicUsize,
    dropped: AtomicU64,
    sample_ppm: u32,
}

impl Receipts {
    /// Creates an empty ring with this number of places; with 0, nothing is kept. `sample_ppm` is the share of forwarded
    /// requests that are kept, in millionths.
    #[must_use]
    pub fn new(keep: usize, sample_ppm: u32) -> Self {
        Self {
            slots: (0..keep).map(|_| Mutex::default()).collect(),
            next: AtomicUsize::new(0),
            dropped: AtomicU64::new(0),
            sample_ppm,
        }
    }

    /// Returns true if the receipt of a request is kept: of every refused one, and of those in the sample.
    pub(crate) fn wants(&self, is_refused: bool, id: &RequestId) -> bool {
        !self.slots.is_empty() && (is_refused || (self.sample_ppm > 0 && self.is_sampled(id)))
    }

    /// Writes a receipt over the oldest one, or counts it as dropped if another request or a reader has that place. Never
    /// waits.
    pub(crate) fn keep(&self, write: impl FnOnce(&mut ReceiptRecord)) {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        let slot = next
            .checked_rem(self.slots.len())
            .and_then(|place| self.slots.get(place));
        match slot.and_then(Mutex::try_lock) {
            Some(mut record) => {
                record.clear();
                write(&mut record);
            }
            None => drop(self.dropped.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// Returns the number of places.
    #[must_use]
    pub fn places(&self) -> usize {
        self.slots.len()
    }

    /// Returns the number of receipts that were dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Calls `read` for each receipt, the newest first, until it returns a value.
    pub(crate) fn find<T>(&self, mut read: impl FnMut(&ReceiptRecord) -> Option<T>) -> Option<T> {
        let (next, places) = (self.next.load(Ordering::Relaxed), self.slots.len());
        (1..=places).find_map(|back| {
            let place = next.wrapping_add(places).wrapping_sub(back).checked_rem(places)?;
            let record = self.slots.get(place)?.lock();
            record.is_written().then(|| read(&record)).flatten()
        })
    }

    /// Returns the memory of all receipts with their texts, in bytes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.slots.iter().map(|slot| slot.lock().bytes()).sum()
    }

    fn is_sampled(&self, id: &RequestId) -> bool {
        let digits = id.as_str().get(..8).unwrap_or_default();
        let drawn = u32::from_str_radix(digits, 16).unwrap_or(u32::MAX);
        (u64::from(drawn) * 1_000_000) >> 32 < u64::from(self.sample_ppm)
    }
}

/// Exports the number of dropped receipts.
#[derive(Debug)]
pub(crate) struct ReceiptsCollector {
    receipts: Arc<Receipts>,
    description: Desc,
}

impl ReceiptsCollector {
    pub(crate) fn new(receipts: &Arc<Receipts>) -> Self {
        Self {
            receipts: Arc::clone(receipts),
            description: description(DROPPED, DROPPED_HELP),
        }
    }
}

impl Collector for ReceiptsCollector {
    fn desc(&self) -> Vec<&Desc> {
        vec![&self.description]
    }

    fn collect(&self) -> Vec<MetricFamily> {
        let metric = counter_metric(&[], self.receipts.dropped());
        vec![family(DROPPED, DROPPED_HELP, MetricType::COUNTER, vec![metric])]
    }
}

#[cfg(test)]
mod tests;
