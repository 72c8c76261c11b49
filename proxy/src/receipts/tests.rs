use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use rules::{Cause, Decision, Reason, VariantId};

use super::{MAX_RECEIPT_BYTES, Receipt, ReceiptFilter, ReceiptTexts, Receipts};
use crate::outcome::RequestOutcome;
use crate::request_id::RequestIdSource;

fn decision() -> Decision {
    Decision {
        variant: VariantId::from_index(0).unwrap(),
        reason: Reason::Default,
        cause: Cause::Default,
        place: 0,
    }
}

fn keep(receipts: &Receipts, ids: &RequestIdSource, texts: &ReceiptTexts<'_>) -> String {
    let id = ids.next();
    receipts.keep(|record| {
        record.set_texts(texts);
        record.id = Some(id);
        record.outcome = Some(RequestOutcome::Rejected);
        record.add_flag((texts.path, texts.route), decision(), (Some(7), None), false);
    });
    id.as_str().to_owned()
}

fn find(receipts: &Receipts, id: &str) -> Option<Receipt> {
    receipts.find(|record| {
        let is_wanted = record.id.is_some_and(|kept| kept.as_str() == id);
        is_wanted.then(|| Receipt::of(record))
    })
}

#[test]
fn the_oldest_receipt_makes_room_for_the_newest() {
    let (receipts, ids) = (Receipts::new(4, 0), RequestIdSource::new());
    let texts = ReceiptTexts::default();
    let kept: Vec<String> = (0..6).map(|_| keep(&receipts, &ids, &texts)).collect();
    let found: Vec<bool> = kept.iter().map(|id| find(&receipts, id).is_some()).collect();
    assert_eq!(found, [false, false, true, true, true, true]);
    let mut newest_first = Vec::new();
    let _: Option<()> = receipts.find(|record| {
        newest_first.push(record.id?.as_str().to_owned());
        None
    });
    assert_eq!(
        newest_first,
        kept.iter().rev().take(4).cloned().collect::<Vec<_>>()
    );
}

#[test]
fn a_receipt_of_the_largest_texts_has_the_stated_size() {
    let (receipts, ids) = (Receipts::new(8, 0), RequestIdSource::new());
    let long = "ü".repeat(100_000);
    let texts = ReceiptTexts {
        method: &long,
        host: &long,
        path: &long,
        route: &long,
        tenant: &long,
        user: &long,
        issuer: &long,
        cause: &long,
    };
    let mut id = String::new();
    for _ in 0..100 {
        let next = ids.next();
        receipts.keep(|record| {
            record.set_texts(&texts);
            record.id = Some(next);
            for flag in 0..1_000 {
                record.add_flag((&format!("flag-{flag}"), "off"), decision(), (None, None), false);
            }
        });
        id = next.as_str().to_owned();
    }
    let bytes = receipts.bytes();
    assert!(bytes <= 8 * MAX_RECEIPT_BYTES, "{bytes}");
    let receipt = find(&receipts, &id).unwrap();
    assert!(receipt.is_shortened && receipt.path.len() <= 512 && receipt.path.starts_with("üü"));
    assert_eq!(receipt.flags.len(), 16);
    assert_eq!(receipt.flags[15].flag, "flag-15");
}

#[test]
fn a_place_that_is_taken_drops_the_receipt_and_counts_it() {
    let (receipts, ids) = (Receipts::new(1, 0), RequestIdSource::new());
    let held = keep(&receipts, &ids, &ReceiptTexts::default());
    let lost = receipts.find(|_| Some(keep(&receipts, &ids, &ReceiptTexts::default())));
    assert_eq!(receipts.dropped(), 1);
    assert!(find(&receipts, &held).is_some() && find(&receipts, &lost.unwrap()).is_none());
}

#[test]
fn threads_write_and_read_whole_receipts() {
    let (receipts, ids, done) = (
        Receipts::new(16, 0),
        RequestIdSource::new(),
        AtomicBool::new(false),
    );
    let written = thread::scope(|scope| {
        let writer = |name: &'static str| {
            let (receipts, ids) = (&receipts, &ids);
            scope.spawn(move || {
                for _ in 0..5_000 {
                    let texts = ReceiptTexts {
                        path: name,
                        route: name,
                        tenant: name,
                        ..ReceiptTexts::default()
                    };
                    keep(receipts, ids, &texts);
                }
                5_000
            })
        };
        let writers = ["alpha", "b", "gamma-gamma"].map(writer);
        let reader = scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                let _: Option<()> = receipts.find(|record| {
                    let receipt = Receipt::of(record);
                    let name = receipt.path.as_str();
                    assert_eq!(receipt.tenant.as_deref(), Some(name));
                    assert_eq!(
                        (receipt.flags[0].flag.as_str(), receipt.flags[0].variant.as_str()),
                        (name, name)
                    );
                    None
                });
            }
        });
        let written: u64 = writers.into_iter().map(|writer| writer.join().unwrap()).sum();
        done.store(true, Ordering::Relaxed);
        reader.join().unwrap();
        written
    });
    assert!(
        receipts.dropped() < written,
        "{} of {written}",
        receipts.dropped()
    );
}

#[test]
fn nothing_is_kept_while_receipts_are_off() {
    let (receipts, ids) = (Receipts::new(0, 1_000_000), RequestIdSource::new());
    assert!(!receipts.wants(true, &ids.next()));
}

#[test]
fn the_sample_is_the_stated_share_of_requests() {
    let (receipts, ids) = (Receipts::new(1, 10_000), RequestIdSource::new());
    let sampled = (0..100_000)
        .filter(|_| receipts.wants(false, &ids.next()))
        .count();
    assert!((800..1_200).contains(&sampled), "{sampled}");
    assert!(!Receipts::new(1, 0).wants(false, &ids.next()));
    assert!(Receipts::new(1, 1_000_000).wants(false, &ids.next()));
}

#[test]
fn a_list_has_the_receipts_that_match() {
    let (receipts, ids) = (Receipts::new(4, 0), RequestIdSource::new());
    for tenant in ["acme", "globex"] {
        let texts = ReceiptTexts {
            tenant,
            path: "board",
            ..ReceiptTexts::default()
        };
        keep(&receipts, &ids, &texts);
    }
    let count = |filter: ReceiptFilter| {
        let mut count = 0;
        let _: Option<()> = receipts.find(|record| {
            count += usize::from(filter.matches(record));
            None
        });
        count
    };
    let of = |text: &str| Some(text.to_owned());
    assert_eq!(count(ReceiptFilter::default()), 2);
    assert_eq!(
        count(ReceiptFilter {
            tenant: of("acme"),
            ..ReceiptFilter::default()
        }),
        1
    );
    assert_eq!(
        count(ReceiptFilter {
            flag: of("board"),
            ..ReceiptFilter::default()
        }),
        2
    );
    assert_eq!(
        count(ReceiptFilter {
            flag: of("other"),
            ..ReceiptFilter::default()
        }),
        0
    );
    assert_eq!(
        count(ReceiptFilter {
            outcome: of("limited"),
            ..ReceiptFilter::default()
        }),
        0
    );
}
