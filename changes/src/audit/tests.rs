use super::*;

fn log(events: &[Event]) -> Vec<Sealed> {
    let mut previous = GENESIS;
    let mut log = Vec::new();
    for (index, event) in (0_u64..).zip(events) {
        let entry = Entry {
            role: Some(Role::Operator),
            flag: Some("a".into()),
            ..Entry::new(Timestamp(0), *event, ChangeSource::Api, "ada".into(), "r".into())
        };
        let sealed = Sealed::after(previous, index + 1, Revision(index + 10), &entry);
        previous = sealed.hash;
        log.push(sealed);
    }
    log
}

const EVENTS: [Event; 3] = [Event::FlagKilled, Event::FlagRestored, Event::StateChanged];

#[test]
fn an_unaltered_log_verifies() {
    let log = log(&EVENTS);
    let last = log.last().unwrap();
    assert_eq!(verify((0, GENESIS), &log), Ok((3, last.hash)));
    assert_eq!(verify((1, log[0].hash), &log[1..]), Ok((3, last.hash)));
    assert_eq!(log[1].entry().unwrap().event, Event::FlagRestored);
}

#[test]
fn missing_altered_and_inserted_entries_are_found() {
    let whole = log(&EVENTS);
    let check = |change: &dyn Fn(&mut Vec<Sealed>), expected: TamperedAudit| {
        let mut changed = whole.clone();
        change(&mut changed);
        assert_eq!(verify((0, GENESIS), &changed), Err(expected));
    };
    check(
        &|log| drop(log.remove(0)),
        TamperedAudit::Gap {
            expected: 1,
            found: 2,
        },
    );
    check(
        &|log| drop(log.remove(1)),
        TamperedAudit::Gap {
            expected: 2,
            found: 3,
        },
    );
    check(
        &|log| log[1].text = log[1].text.replace("ada", "eve"),
        TamperedAudit::Altered { id: 2 },
    );
    check(
        &|log| log[1].revision = Revision(99),
        TamperedAudit::Altered { id: 2 },
    );
    // Sealed again, its own hash is valid, but the next entry does not follow it.
    check(
        &|log| {
            let mut entry = log[1].entry().unwrap();
            entry.actor = "eve".into();
            log[1] = Sealed::after(log[0].hash, 2, log[1].revision, &entry);
        },
        TamperedAudit::Unlinked { id: 3 },
    );
}
