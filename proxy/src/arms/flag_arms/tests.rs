use std::sync::atomic::AtomicBool;
use std::thread;

use super::*;
use crate::split_mix::mix;

fn of(arm: Arm, unit: u64) -> ArmOfRequest {
    ArmOfRequest::new(arm, unit)
}

fn served() -> RequestEnd {
    RequestEnd::Served(Duration::from_millis(20))
}

fn sum(slot: &TakenSlot, arm: CountedArm) -> (u32, u32) {
    let units = slot.units.iter().filter(|unit| unit.arm == arm);
    units.fold((0, 0), |sum, unit| (sum.0 + unit.requests, sum.1 + unit.errors))
}

#[test]
fn each_end_of_a_request_is_counted_as_what_it_is() {
    let arms = FlagArms::new("a");
    let ends = [
        served(),
        RequestEnd::Failed(Duration::from_secs(3)),
        RequestEnd::Broken,
        RequestEnd::Aborted,
        RequestEnd::Answered,
    ];
    for (request, end) in (0_u64..).zip(ends) {
        arms.count(&of(Arm::Treatment, 1), mix(request), end);
    }
    arms.count(&of(Arm::Excluded(Cause::Override), 2), mix(9), served());
    let requests: Vec<_> = arms.requests().collect();
    assert_eq!(
        requests,
        [
            ("treatment", "ok", 1),
            ("treatment", "error", 2),
            ("treatment", "aborted", 1),
            ("treatment", "answered", 1),
            ("excluded", "ok", 1),
        ]
    );
    assert_eq!(arms.excluded().collect::<Vec<_>>(), [(Cause::Override, 1)]);
    let slot = arms.take_slot();
    // What a client aborted, and what Sluice answered itself, says nothing about the upstream.
    assert_eq!(sum(&slot, CountedArm::Treatment), (3, 2));
    let unit = slot.units.iter().find(|unit| unit.unit == 1).unwrap();
    let mut counted = unit.counted.clone();
    counted.sort_unstable();
    let bucket = |latency| Some(verdicts::histogram::bucket(latency));
    assert_eq!(
        counted,
        [
            (None, true),
            (bucket(Duration::from_millis(20)), false),
            (bucket(Duration::from_secs(3)), true),
        ]
    );
}

#[test]
fn a_slot_begins_where_the_former_one_ended() {
    let arms = FlagArms::new("a");
    arms.count(&of(Arm::Control, 1), 1, served());
    assert_eq!(sum(&arms.take_slot(), CountedArm::Control), (1, 0));
    assert_eq!(arms.take_slot(), TakenSlot::default());
    arms.count(&of(Arm::Control, 1), 2, RequestEnd::Broken);
    assert_eq!(sum(&arms.take_slot(), CountedArm::Control), (1, 1));
}

#[test]
fn no_request_is_lost_between_slots() {
    const REQUESTS: u64 = 100_000;
    let arms = FlagArms::new("a");
    let ended = AtomicBool::new(false);
    let taken = thread::scope(|scope| {
        let taker = scope.spawn(|| {
            let mut taken = (0, 0);
            let mut last = false;
            loop {
                let (requests, errors) = sum(&arms.take_slot(), CountedArm::Treatment);
                taken = (taken.0 + u64::from(requests), taken.1 + u64::from(errors));
                if last {
                    return taken;
                }
                last = ended.load(Ordering::Acquire);
            }
        });
        let counters: Vec<_> = (0..2)
            .map(|thread| {
                let arms = &arms;
                scope.spawn(move || {
                    for request in (thread..REQUESTS).step_by(2) {
                        let end = match request % 5 {
                            0 => RequestEnd::Broken,
                            _ => served(),
                        };
                        arms.count(&of(Arm::Treatment, request % 50), mix(request), end);
                    }
                })
            })
            .collect();
        for counter in counters {
            counter.join().unwrap();
        }
        ended.store(true, Ordering::Release);
        taker.join().unwrap()
    });
    assert_eq!(taken, (REQUESTS, REQUESTS / 5));
}

#[test]
fn a_subject_without_an_id_is_in_the_totals_only() {
    let arms = FlagArms::new("a");
    let mut of_request = of(Arm::Excluded(Cause::HeldBack), 0);
    of_request.unit = None;
    arms.count(&of_request, 1, served());
    assert_eq!(arms.requests().collect::<Vec<_>>(), [("excluded", "ok", 1)]);
    assert_eq!(arms.take_slot(), TakenSlot::default());
}
