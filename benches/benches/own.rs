//! The cost of each kind of decision, and of the steps before it on the path of a request: the look-up of the tenant,
//! the target, the route. The verification of a token is not measured.
#![allow(missing_docs, reason = "criterion's macros write functions without docs")]

use std::{borrow::Cow, fmt::Write as _, hint::black_box, sync::Arc, time::Duration};

use benches::{RouteRequest, api_path, load};
use config::LoadedFlags;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main};
use rules::{
    FlagDefinition, FlagId, FlagsDefinition, Gate, GateDefinition, HostPattern, Methods, Name, Names,
    PathPattern, Reads, RouteMatch, RouteTable, Site, Sited, Subject, TargetOptions, Timestamp,
    TrailingSlash, Truth, decide, normalise,
};

/// As the product's.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DOCUMENT: &str = include_str!("../flags/own.yaml");
const NOW: Timestamp = Timestamp(1_795_000_000_000);
const TENANTS: usize = 100_000;
/// Number of tenants, where the tenants are looked up before the measurement.
const CALLERS: usize = 1_000;
/// Distance from one tenant to the next, so that tenants that are adjacent in memory do not follow each other. Odd and
/// not a multiple of 5: every tenant gets a turn.
const STRIDE: usize = 61_803;
const ROUTES: usize = 1_000;

/// A document whose tenants all override one flag, on and off by turns.
fn with_tenants() -> LoadedFlags {
    let mut document = format!("{DOCUMENT}tenants:\n");
    for (number, id) in tenant_ids().iter().enumerate() {
        let (tier, served) = (number % 3 + 1, if number % 2 == 0 { "on" } else { "off" });
        let (country, seats) = (["DE", "FR"][number / 2 % 2], number % 40);
        writeln!(
            document,
            "  {id}:\n    tier: tier{tier}\n    overrides: {{ own.override: {served} }}\n    attributes: {{ country: {country}, seats: {seats} }}"
        )
        .expect("writing into a string");
    }
    load(&document)
}

fn tenant_ids() -> Vec<String> {
    (0..TENANTS).map(|number| format!("tenant-{number:06}")).collect()
}

/// The tenants in the order in which they ask.
fn turns(ids: &[String]) -> impl Iterator<Item = &str> + Clone {
    (0..ids.len()).map(|turn| ids[turn * STRIDE % ids.len()].as_str())
}

fn subject<'a>(loaded: &'a LoadedFlags, tenant: &'a str) -> Subject<'a> {
    Subject {
        tenant: Some(tenant),
        record: loaded.tenants.find(tenant),
        ..Subject::default()
    }
}

fn is_on(loaded: &LoadedFlags, flag: FlagId, subject: &Subject<'_>) -> bool {
    let decision = black_box(decide(&loaded.flags, flag, subject, NOW));
    loaded
        .flags
        .flag(flag)
        .is_some_and(|flag| decision.variant != flag.off())
}

fn flag_id(loaded: &LoadedFlags, key: &str) -> FlagId {
    loaded.flags.id(key).expect("the document has the flag")
}

/// The gate `all: [own.boolean, own.segment]`.
fn gate(loaded: &LoadedFlags) -> Gate {
    let name = |key| Name::new(Cow::Borrowed(key), Site::default());
    let flags = loaded.flags.iter().map(|(_, flag)| {
        Arc::new(FlagDefinition {
            key: name(flag.key().as_str()).into_owned(),
            ..FlagDefinition::default()
        })
    });
    let definition = FlagsDefinition {
        flags: flags.collect(),
        ..FlagsDefinition::default()
    };
    let part = |key| Sited::new(GateDefinition::Flag(name(key)), Site::default());
    let all = GateDefinition::All(vec![part("own.boolean"), part("own.segment")]);
    Gate::compile(&Sited::new(all, Site::default()), &Names::new(&definition))
        .expect("a gate over known flags")
}

/// Deciding, the subject at hand.
fn deciding(criterion: &mut Criterion) {
    let loaded = with_tenants();
    let ids = tenant_ids();
    let subjects: Vec<Subject<'_>> = turns(&ids).take(CALLERS).map(|id| subject(&loaded, id)).collect();
    let mut group = criterion.benchmark_group("decide, the subject at hand");
    // Number of callers that each flag is on for: nothing is measured unless the flags are decided as intended.
    let kinds = [
        ("boolean, its default", "own.boolean", 1_000..=1_000),
        ("split in two", "own.split", 1_000..=1_000),
        ("segment of a segment and a number", "own.segment", 200..=300),
        ("two prerequisites", "own.prerequisite", 450..=550),
        ("tenant override", "own.override", 500..=500),
    ];
    for (name, key, expected) in kinds {
        let flag = flag_id(&loaded, key);
        let answers: Vec<bool> = subjects
            .iter()
            .map(|subject| is_on(&loaded, flag, subject))
            .collect();
        benches::check_share(name, &answers, expected);
        let mut turn = subjects.iter().cycle();
        group.bench_function(name, |bencher| {
            bencher.iter(|| is_on(&loaded, flag, black_box(turn.next().expect("a cycle has no end"))));
        });
    }
    let gate = gate(&loaded);
    let is_open =
        |subject: &Subject<'_>| black_box(gate.decide(&loaded.flags, subject, NOW)).truth == Truth::Open;
    benches::check_share(
        "gate",
        &subjects.iter().map(is_open).collect::<Vec<_>>(),
        200..=300,
    );
    let mut turn = subjects.iter().cycle();
    group.bench_function("gate of two flags", |bencher| {
        bencher.iter(|| is_open(black_box(turn.next().expect("a cycle has no end"))));
    });
    group.finish();
}

/// Finding a tenant among many, alone and with the decision that its record makes.
fn finding_tenants(criterion: &mut Criterion) {
    let loaded = with_tenants();
    assert_eq!(loaded.tenants.len(), TENANTS);
    let ids = tenant_ids();
    let flag = flag_id(&loaded, "own.override");
    let on = turns(&ids).map(|id| is_on(&loaded, flag, &subject(&loaded, id)));
    benches::check_share("override", &on.collect::<Vec<_>>(), TENANTS / 2..=TENANTS / 2);
    let mut group = criterion.benchmark_group("100,000 tenants, each in turn");
    let mut turn = turns(&ids).cycle();
    group.bench_function("find", |bencher| {
        bencher.iter(|| {
            loaded
                .tenants
                .find(black_box(turn.next().expect("a cycle has no end")))
                .is_some()
        });
    });
    let mut turn = turns(&ids).cycle();
    group.bench_function("find and decide by its override", |bencher| {
        bencher.iter(|| {
            let id = black_box(turn.next().expect("a cycle has no end"));
            is_on(&loaded, flag, &subject(&loaded, id))
        });
    });
    group.finish();
}

/// Reading the target and finding the route.
fn routing(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("before deciding");
    let target = b"/api/v2/dispatch/boards/42?view=week&from=2026-11-21";
    let read = normalise(target, TargetOptions::default()).expect("a target");
    assert!(!read.changed && read.query.is_some());
    group.bench_function("normalise a path that is normal", |bencher| {
        bencher.iter(|| normalise(black_box(target), TargetOptions::default()));
    });
    let encoded = b"/api/v2/dispatch/./board%73/42?view=week&from=2026-11-21";
    let read = normalise(encoded, TargetOptions::default()).expect("a target");
    assert_eq!(read.path, "/api/v2/dispatch/boards/42");
    group.bench_function("normalise a path that is not", |bencher| {
        bencher.iter(|| normalise(black_box(encoded), TargetOptions::default()));
    });

    let route = |number| RouteMatch {
        host: HostPattern::parse("api.example.com").expect("a host"),
        path: PathPattern::parse(&api_path(number, "{id}")).expect("a path"),
        trailing_slash: TrailingSlash::Either,
        methods: Methods::parse(["GET", "HEAD"]).expect("methods"),
        headers: Box::default(),
    };
    let table = RouteTable::build((0..ROUTES).map(route).collect()).expect("routes without conflicts");
    let heads: Vec<RouteRequest> = (0..ROUTES)
        .map(|turn| RouteRequest(api_path(turn * STRIDE % ROUTES, "42")))
        .collect();
    for (turn, head) in heads.iter().enumerate() {
        let found = table.find(head).map(rules::RouteId::index);
        assert_eq!(found, Some(turn * STRIDE % ROUTES), "{}", head.0);
    }
    let mut turn = heads.iter().cycle();
    group.bench_function("find the route among 1,000", |bencher| {
        bencher.iter(|| table.find(black_box(turn.next().expect("a cycle has no end"))));
    });
    let nowhere = RouteRequest("/api/v3/dispatch".to_owned());
    assert_eq!(table.find(&nowhere), None);
    group.bench_function("find none among 1,000", |bencher| {
        bencher.iter(|| table.find(black_box(&nowhere)));
    });
    reading(&mut group, table, &heads);
    group.finish();
}

/// Looking for the other readings of a path: the route itself is found before.
fn reading(group: &mut BenchmarkGroup<'_, WallTime>, mut table: RouteTable, heads: &[RouteRequest]) {
    table.add_reading_indexes([Reads::ALL]);
    let paths = [
        ("that no reading changes", "/api/v2/area-7/feature-347/42", 0),
        ("with upper case", "/api/v2/area-7/Feature-347/A42", 1),
        ("with a space", "/api/v2/area-7/feature-347/4%202", 1),
        ("with a format suffix", "/api/v2/area-7/feature-347/42.json", 1),
        (
            "with parameters that climb",
            "/api/v2/public/..;/area-7/feature-347/42",
            1,
        ),
        (
            "encoded twice",
            "/api/v2/public/%252e%252e/area-7/feature-347/42",
            1,
        ),
        (
            "that does all it can",
            "/a%20b%25C0%25AF%25c0%25ae%25c0%25ae%3B/x;y/%25252f%EF%BD%81dmin/x/.../users.%20",
            0,
        ),
    ];
    for (name, path, expected) in paths {
        let head = RouteRequest(path.to_owned());
        let found = table.readings(&head, Reads::ALL).expect("not too many");
        assert_eq!(found.len(), expected, "{path}");
        group.bench_function(format!("look for readings of a path {name}"), |bencher| {
            bencher.iter(|| table.readings(black_box(&head), Reads::ALL));
        });
    }
    let mut turn = heads.iter().cycle();
    group.bench_function("find the route among 1,000 and look for readings", |bencher| {
        bencher.iter(|| {
            let head = black_box(turn.next().expect("a cycle has no end"));
            (table.find(head), table.readings(head, Reads::ALL))
        });
    });
}

criterion_group! {
    name = all;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_millis(1_500))
        .sample_size(50);
    targets = deciding, finding_tenants, routing
}
criterion_main!(all);
