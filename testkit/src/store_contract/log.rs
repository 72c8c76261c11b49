//! The audit log: sealed, ordered, filtered, paged.

use control::{
    AuditFilter, AuditPage, Commit, Entry, Event, GENESIS, MAX_AUDIT_PAGE, Revision, Store, verify,
};
use rules::Timestamp;

use super::written::{commit_entries, commit_number, entry};

fn request_ids(page: &AuditPage) -> Vec<String> {
    page.entries
        .iter()
        .map(|sealed| sealed.entry().unwrap().request_id)
        .collect()
}

fn numbered(numbers: impl IntoIterator<Item = u64>) -> Vec<String> {
    numbers.into_iter().map(|number| number.to_string()).collect()
}

pub fn entries_are_stored_in_order_without_gaps(store: &dyn Store) {
    for number in 0..10 {
        commit_number(store, "acme", number);
        commit_entries(store, vec![entry("refused"), entry("refused again")]);
    }
    let mut place = (0, GENESIS);
    let mut seen = Vec::new();
    loop {
        let page = store.audit_after(place.0, 7).unwrap();
        place = verify(place, &page.entries).unwrap();
        assert_eq!(
            page.next,
            (seen.len() + page.entries.len() < 30).then_some(place.0)
        );
        seen.extend(request_ids(&page));
        if page.next.is_none() {
            break;
        }
    }
    assert_eq!(place, store.audit_head().unwrap());
    let expected = numbered(0..10)
        .into_iter()
        .flat_map(|n| [n, "refused".into(), "refused again".into()]);
    assert_eq!(seen, expected.collect::<Vec<_>>());
    assert_eq!(store.audit_after(30, 7).unwrap(), AuditPage::default());
}

pub fn entry_contains_the_revision_of_its_commit(store: &dyn Store) {
    commit_entries(store, vec![entry("refused")]);
    commit_number(store, "acme", 0);
    commit_entries(store, vec![entry("refused")]);
    commit_number(store, "acme", 1);
    let page = store.audit_after(0, 10).unwrap();
    let revisions: Vec<u64> = page.entries.iter().map(|sealed| sealed.revision.0).collect();
    assert_eq!(revisions, [0, 1, 1, 2]);
}

pub fn pages_of_the_log_are_stable_while_it_grows(store: &dyn Store) {
    commit_entries(store, (0..25).map(|number| entry(&number.to_string())).collect());
    let everything = AuditFilter::default();
    let mut before = None;
    let mut seen = Vec::new();
    for page in 0..10 {
        let found = store.audit(&everything, before, 10).unwrap();
        seen.extend(request_ids(&found));
        commit_entries(store, vec![entry(&format!("later {page}"))]);
        before = found.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(seen, numbered((0..25).rev()));
}

pub fn the_log_is_filtered_by_every_given_field(store: &dyn Store) {
    let entries = (0..24_i64).map(|n| Entry {
        at: Timestamp(1_700_000_000_000 + n),
        actor: if n % 2 == 0 { "ada" } else { "grace" }.to_owned(),
        flag: (n % 3 != 0).then(|| format!("flag{}", n % 3)),
        org: (n % 4 != 0).then(|| format!("org{}", n % 4)),
        event: [
            Event::FlagKilled,
            Event::FlagRestored,
            Event::OptedIn,
            Event::OptedOut,
        ][usize::try_from(n / 2 % 4).unwrap()],
        ..entry(&n.to_string())
    });
    let entries: Vec<Entry> = entries.collect();
    commit_entries(store, entries.clone());
    let text = |text: &str| Some(text.to_owned());
    let at = |n: i64| Some(Timestamp(1_700_000_000_000 + n));
    let none = AuditFilter::default;
    let filters = [
        none(),
        AuditFilter {
            flag: text("flag1"),
            ..none()
        },
        AuditFilter {
            flag: text("flag"),
            ..none()
        },
        AuditFilter {
            org: text("org2"),
            ..none()
        },
        AuditFilter {
            actor: text("grace"),
            ..none()
        },
        AuditFilter {
            events: vec![Event::FlagKilled],
            ..none()
        },
        AuditFilter {
            events: vec![Event::OptedIn, Event::OptedOut],
            ..none()
        },
        AuditFilter {
            from: at(5),
            ..none()
        },
        AuditFilter {
            until: at(5),
            ..none()
        },
        AuditFilter {
            from: at(5),
            until: at(9),
            ..none()
        },
        AuditFilter {
            flag: text("flag2"),
            org: text("org1"),
            actor: text("grace"),
            ..none()
        },
        AuditFilter {
            flag: text("flag1"),
            actor: text("ada"),
            events: vec![Event::FlagKilled, Event::OptedIn],
            from: at(2),
            until: at(20),
            ..none()
        },
    ];
    for filter in filters {
        let wanted = |n: &u64| filter.wants(&entries[usize::try_from(*n).unwrap()]);
        let expected = numbered((0..24).rev().filter(wanted));
        let mut found = Vec::new();
        let mut before = None;
        for _ in 0..24 {
            let page = store.audit(&filter, before, 3).unwrap();
            found.extend(request_ids(&page));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found, expected, "{filter:?}");
    }
    let killed = AuditFilter {
        events: vec![Event::FlagKilled],
        ..none()
    };
    assert_eq!(
        request_ids(&store.audit(&killed, None, 50).unwrap()),
        numbered([17, 16, 9, 8, 1, 0])
    );
}

pub fn pages_have_a_maximum_size(store: &dyn Store) {
    commit_entries(store, (0..MAX_AUDIT_PAGE + 5).map(|_| entry("many")).collect());
    let newest = store.audit(&AuditFilter::default(), None, usize::MAX).unwrap();
    assert_eq!((newest.entries.len(), newest.next), (MAX_AUDIT_PAGE, Some(6)));
    let oldest = store.audit_after(0, usize::MAX).unwrap();
    assert_eq!(
        (oldest.entries.len(), oldest.next),
        (MAX_AUDIT_PAGE, Some(MAX_AUDIT_PAGE as u64))
    );
    let none = store.audit_after(0, 0).unwrap();
    assert_eq!(none, AuditPage::default());
}

pub fn rejected_commit_leaves_no_entry(store: &dyn Store) {
    commit_number(store, "acme", 0);
    let late = Commit {
        writes: Vec::new(),
        audit: vec![entry("late")],
    };
    store.commit(Some(Revision(0)), &late).unwrap_err();
    assert_eq!(store.audit_head().unwrap().0, 1);
}
