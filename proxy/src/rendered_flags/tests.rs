use std::cell::Cell;
use std::fmt::Write as _;

use config::LoadedConfig;

use super::*;

const GATEWAY: &str = "version: 1\nlisteners: [{ name: public, address: \"127.0.0.1:0\" }]\nflags: { file: flags.yaml }\n\
                       upstreams: { api: \"127.0.0.1:1\" }\n\
                       headers: { flags: { name: X-Flags, include: INCLUDE, budget: 1KiB } }\n\
                       routes:\n\
                       - { name: half, match: /half, gate: half, upstream: api, auth: none, otherwise: { reject: 404 } }\n\
                       - { name: both, match: /both, gate: { all: [half, quarter] }, upstream: api, auth: none, otherwise: { reject: 404 } }\n\
                       - { name: same, match: /same, gate: { any: [half, quarter] }, upstream: api, auth: none, otherwise: { reject: 404 } }\n\
                       - { name: personal, match: /personal, gate: personal, upstream: api, auth: none, otherwise: { reject: 404 } }\n\
                       - { name: open, match: /open, upstream: api, auth: none }\n";
const FLAGS: &str = "version: 1\ntiers: [small, large]\nflags:\n\
                     \x20 half: { lifecycle: ga, rollout: { percentage: 50 } }\n\
                     \x20 quarter: { lifecycle: ga, rollout: { percentage: 25 }, tiers: { large: on } }\n\
                     \x20 timed: { lifecycle: ga, default: on, schedule: { from: 2026-11-01T00:00:00Z, until: 2026-12-01T00:00:00Z } }\n";
const PERSONAL: &str = "\x20 personal: { lifecycle: ga, rollout: { percentage: 50, by: user } }\n";
const NOVEMBER: Timestamp = Timestamp(1_795_000_000_000);
const AFTER_IT: Timestamp = Timestamp(1_797_000_000_000);

/// Loads a gateway whose header includes `include`, with a personal flag if a route of it may be asked for, and with
/// tenants of the tier `tier`.
fn loaded(include: &str, personal: &str, tier: &str) -> LoadedConfig {
    let folder = tempfile::tempdir().unwrap();
    let mut flags = format!("{FLAGS}{personal}tenants:\n");
    for tenant in 0..20 {
        writeln!(flags, "  tenant-{tenant}: {{ tier: {tier} }}").unwrap();
    }
    std::fs::write(folder.path().join("flags.yaml"), flags).unwrap();
    let document = folder.path().join("sluice.yaml");
    std::fs::write(&document, GATEWAY.replace("INCLUDE", include)).unwrap();
    config::load(&document, &|_| None).unwrap()
}

/// Renders the header without a cache.
fn rendered(snapshot: &Snapshot, route: Option<RouteId>, subject: &Subject<'_>, now: Timestamp) -> String {
    let gate = route.and_then(|route| snapshot.routes.route(route)?.gate.as_ref());
    let gated = gate.map_or(&[][..], |gate| gate.flags());
    let header = snapshot.headers.flags.as_ref().unwrap();
    let list = header.list(&snapshot.flags, gated, subject, now);
    list.value.unwrap_or_default()
}

/// Asks the cache for every route, tenant, user and time, twice, and compares with what is rendered without it. Returns
/// how often it rendered.
fn check(cache: &RenderedFlags<String>, snapshot: &Snapshot) -> usize {
    let renders = Cell::new(0);
    let routes = (0..5).map(RouteId::from_index).chain([None]);
    let tenants: Vec<String> = (0..30).map(|number| format!("tenant-{number}")).collect();
    for route in routes {
        for tenant in tenants.iter().map(|id| Some(id.as_str())).chain([None]) {
            for (user, now) in [
                (Some("u-1"), NOVEMBER),
                (Some("u-2"), NOVEMBER),
                (None, AFTER_IT),
                (Some("u-2"), AFTER_IT),
            ] {
                let subject = Subject {
                    user,
                    ..snapshot.subject(tenant)
                };
                let expected = rendered(snapshot, route, &subject, now);
                for _ in 0..2 {
                    let found = cache.find(route, &subject, now, || {
                        renders.set(renders.get() + 1);
                        rendered(snapshot, route, &subject, now)
                    });
                    assert_eq!(*found, expected, "{route:?} {tenant:?} {user:?} {now:?}");
                }
            }
        }
    }
    renders.get()
}

#[test]
fn kept_values_equal_rendered_ones() {
    // Five routes and none, 30 tenants and none, 8 requests: 1,488 of them.
    for (include, at_most) in [
        // One list for all routes, rendered again when the schedule has ended. The other requests are of slots that
        // the two times share.
        ("[half, quarter, timed]", 1_488 / 8),
        // Three different lists of flags; that of the personal flag is rendered for each request.
        ("route", 3 * 31 * 2 * 2 + 31 * 8),
        // The personal flag is among all flags: nothing is kept.
        ("all", 1_488),
    ] {
        let snapshot = loaded(include, PERSONAL, "small").snapshot;
        let cache = RenderedFlags::new(&snapshot);
        let renders = check(&cache, &snapshot);
        assert!(renders <= at_most, "{include}: {renders}");
        assert!(renders >= 31, "{include}: {renders}");
        assert_eq!(include == "all", renders == 1_488, "{include}: {renders}");
    }
}

#[test]
fn values_of_a_changed_tenant_are_rendered_again() {
    let before = loaded("[half, quarter]", PERSONAL, "small");
    let changed = loaded("[half, quarter]", PERSONAL, "large").snapshot;
    let cache = RenderedFlags::new(&before.snapshot);
    check(&cache, &before.snapshot);
    let after = before.with_flags(&before.snapshot.flags, &changed.tenants, 2);
    let following = cache.following(&before.snapshot, &after);
    assert!(
        Arc::ptr_eq(&cache.lists, &following.lists),
        "only tenants changed"
    );
    check(&following, &after);
    let others = cache.following(&before.snapshot, &changed);
    assert!(!Arc::ptr_eq(&cache.lists, &others.lists), "the flags changed");
    check(&others, &changed);
}

#[test]
fn more_tenants_than_slots_replace_each_other() {
    let snapshot = loaded("[half, quarter]", PERSONAL, "small").snapshot;
    let cache = RenderedFlags::new(&snapshot);
    let slots = cache.slots.len();
    assert_eq!(slots, 16_384, "16 MiB in slots of 1 KiB");
    let ids: Vec<String> = (0..3 * slots).map(|number| format!("t{number}")).collect();
    for id in ids.iter().chain(ids.iter().rev()) {
        let subject = snapshot.subject(Some(id));
        let found = cache.find(None, &subject, NOVEMBER, || {
            rendered(&snapshot, None, &subject, NOVEMBER)
        });
        assert_eq!(*found, rendered(&snapshot, None, &subject, NOVEMBER), "{id}");
    }
    assert_eq!(cache.slots.len(), slots);
    let used = cache.slots.iter().filter(|slot| slot.load().is_some()).count();
    assert!(used > slots * 9 / 10, "{used} of {slots}");
}

#[test]
fn threads_find_the_values_of_their_tenants() {
    let snapshot = loaded("[half, quarter]", PERSONAL, "small").snapshot;
    let cache = RenderedFlags::new(&snapshot);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| check(&cache, &snapshot));
        }
    });
}

#[test]
fn values_of_a_tenant_with_an_open_breaker_are_not_kept() {
    let snapshot = loaded("[half, quarter]", PERSONAL, "large").snapshot;
    let cache = RenderedFlags::new(&snapshot);
    let quarter = [snapshot.flags.id("quarter").unwrap()];
    let closed = snapshot.subject(Some("tenant-1"));
    let open = Subject {
        open_breakers: &quarter,
        ..closed
    };
    let find = |subject: &Subject<'_>| {
        let found = cache.find(None, subject, NOVEMBER, || {
            rendered(&snapshot, None, subject, NOVEMBER)
        });
        found.contains("quarter")
    };
    let found = [closed, open, closed, open].map(|subject| find(&subject));
    assert_eq!(found, [true, false, true, false]);
}
