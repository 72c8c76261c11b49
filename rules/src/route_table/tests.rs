use std::sync::Arc;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::path::Slash;
use crate::request_target::{step, tests_of_readings};
use crate::tests::spec_cases;
use crate::{HeaderMatch, HostPattern, Methods, PathPattern, Pattern, TrailingSlash};

mod suffix;

#[derive(Debug, Clone)]
struct Request {
    host: String,
    path: String,
    method: String,
    headers: Vec<(String, String)>,
}

impl RequestHead for Request {
    fn host(&self) -> &str {
        &self.host
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn method(&self) -> &str {
        &self.method
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.headers
            .iter()
            .filter(move |(given, _)| given == name)
            .map(|(_, value)| value.as_bytes())
    }
}

fn text<'v>(value: &'v Value, field: &str, otherwise: &'v str) -> &'v str {
    value
        .get(field)
        .map_or(otherwise, |value| value.as_str().unwrap())
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value.get(field).map_or(&[], |value| value.as_array().unwrap())
}

fn pattern(expression: &str) -> Arc<Pattern> {
    Arc::new(Pattern::parse(expression).unwrap())
}

fn route_of(value: &Value) -> RouteMatch {
    let header = |value: &Value| {
        let name = text(value, "name", "");
        match (value.get("exact"), value.get("regex")) {
            (Some(exact), None) => HeaderMatch::exact(name, exact.as_str().unwrap()),
            (None, Some(regex)) => HeaderMatch::regex(name, pattern(regex.as_str().unwrap())),
            _ => HeaderMatch::present(name),
        }
        .unwrap()
    };
    RouteMatch {
        host: HostPattern::parse(text(value, "host", "*")).unwrap(),
        path: PathPattern::parse(text(value, "path", "")).unwrap(),
        trailing_slash: match text(value, "trailing_slash", "either") {
            "exact" => TrailingSlash::Exact,
            _ => TrailingSlash::Either,
        },
        methods: Methods::parse(list(value, "methods").iter().map(|name| name.as_str().unwrap())).unwrap(),
        headers: list(value, "headers").iter().map(header).collect(),
    }
}

fn request_of(value: &Value) -> Request {
    let pair = |pair: &Value| {
        (
            pair[0].as_str().unwrap().to_owned(),
            pair[1].as_str().unwrap().to_owned(),
        )
    };
    Request {
        host: text(value, "host", "example.com").to_owned(),
        path: text(value, "path", "").to_owned(),
        method: text(value, "method", "GET").to_owned(),
        headers: list(value, "headers").iter().map(pair).collect(),
    }
}

/// Checks one table of the specification, and returns the number of its cases.
fn check(case: &Value) -> usize {
    let name = text(case, "name", "");
    let ids: Vec<&str> = list(case, "routes")
        .iter()
        .map(|route| text(route, "id", ""))
        .collect();
    let built = RouteTable::build(list(case, "routes").iter().map(route_of).collect());
    if let Some(expected) = case.get("conflicts") {
        let seen: Vec<Value> = built
            .err()
            .unwrap_or_default()
            .iter()
            .map(|conflict| {
                let kind = match conflict.kind {
                    ConflictKind::Same => "same",
                    ConflictKind::Shadowed => "shadowed",
                };
                serde_json::json!([ids[conflict.first], ids[conflict.second], kind])
            })
            .collect();
        assert_eq!(&Value::Array(seen), expected, "{name}");
        return 1;
    }
    let table = built.unwrap();
    for value in list(case, "requests") {
        let request = request_of(value);
        let candidates = table.candidates(&request);
        let seen: Vec<&str> = candidates.iter().map(|id| ids[id.index()]).collect();
        let expected: Vec<&str> = list(value, "candidates")
            .iter()
            .map(|id| id.as_str().unwrap())
            .collect();
        assert_eq!(seen, expected, "{name}: {request:?}");
        assert_eq!(
            table.find(&request),
            candidates.first().copied(),
            "{name}: {request:?}"
        );
    }
    list(case, "requests").len()
}

#[test]
fn table_needs_a_host_if_a_route_matches_by_host() {
    let needs_host = |hosts: &[&str]| {
        let routes = hosts.iter().enumerate();
        let route = |(nth, host): (usize, &&str)| {
            route_of(&serde_json::json!({ "host": host, "path": format!("/{nth}") }))
        };
        RouteTable::build(routes.map(route).collect())
            .unwrap()
            .needs_host()
    };
    assert!(!needs_host(&[]));
    assert!(!needs_host(&["*", "*"]));
    assert!(needs_host(&["*", "a.test"]));
    assert!(needs_host(&["*.a.test"]));
}

#[test]
fn route_table_matches_the_spec_file() {
    let checked: usize = spec_cases("routes").iter().map(check).sum();
    assert!(checked >= 90, "only {checked} cases");
}

#[test]
fn an_empty_table_matches_no_request() {
    let table = RouteTable::build(Vec::new()).unwrap();
    let request = request_of(&serde_json::json!({ "path": "/" }));
    assert_eq!(table.find(&request), None);
    assert!(table.routes().is_empty());
}

#[test]
fn routes_are_listed_in_the_order_of_the_document() {
    let routes: Vec<RouteMatch> = ["/**", "/b", "/a"]
        .iter()
        .map(|path| route_of(&serde_json::json!({ "path": path })))
        .collect();
    let table = RouteTable::build(routes.clone()).unwrap();
    assert_eq!(table.routes(), routes);
    let found = table
        .find(&request_of(&serde_json::json!({ "path": "/a" })))
        .unwrap();
    assert_eq!((found.index(), RouteId::from_index(2)), (2, Some(found)));
}

#[test]
fn path_of_maximum_depth_is_found() {
    let deep = |segment: &str| format!("/{segment}").repeat(crate::MAX_PATH_SEGMENTS);
    let named: String = (0..crate::MAX_PATH_SEGMENTS)
        .map(|nth| format!("/{{p{nth}}}"))
        .collect();
    let routes: Vec<RouteMatch> = [named, deep("a")]
        .iter()
        .map(|path| route_of(&serde_json::json!({ "path": path })))
        .collect();
    let table = RouteTable::build(routes).unwrap();
    let find = |path: &str| table.candidates(&request_of(&serde_json::json!({ "path": path })));
    assert_eq!(find(&deep("a")), [RouteId(1), RouteId(0)]);
    assert_eq!(find(&deep("b")), [RouteId(0)]);
    assert_eq!(find(&format!("{}/a", deep("a"))), []);
}

/// Decodes one segment the slow way.
fn decoded(segment: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = segment;
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(if rest.starts_with('%') { 3 } else { 1 });
        bytes.push(match head.strip_prefix('%') {
            Some(digits) => u8::from_str_radix(digits, 16).unwrap(),
            None => head.as_bytes()[0],
        });
        rest = tail;
    }
    bytes
}

/// Returns true if the path matches, compared with the pattern's text segment by segment.
fn fits_path(route: &RouteMatch, path: &str) -> bool {
    let split = |path: &str| -> Vec<String> {
        path.split('/')
            .filter(|segment| !segment.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let (pattern, asked) = (route.path.as_str(), split(path));
    let same =
        |(pattern, given): (&String, &String)| pattern.starts_with('{') || decoded(pattern) == decoded(given);
    if let Some(prefix) = pattern.strip_suffix("/**") {
        let prefix = split(prefix);
        return prefix.len() <= asked.len() && prefix.iter().zip(&asked).all(same);
    }
    let segments = split(pattern);
    let minds = route.trailing_slash == TrailingSlash::Exact;
    segments.len() == asked.len()
        && segments.iter().zip(&asked).all(same)
        && (!minds || pattern.ends_with('/') == path.ends_with('/'))
}

/// Returns the result of `candidates`, computed in the simplest way: all routes, sorted, compared one by one.
fn candidates_slowly(routes: &[RouteMatch], request: &Request) -> Vec<RouteId> {
    let mut ids: Vec<RouteId> = (0..routes.len()).filter_map(RouteId::from_index).collect();
    ids.sort_by_key(|id| routes[id.index()].precedence(*id));
    ids.retain(|id| {
        let route = &routes[id.index()];
        let fits_header = |header: &HeaderMatch| header.is_match(request.header_values(header.name()));
        route.host.is_match(&request.host)
            && fits_path(route, &request.path)
            && route.methods.is_match(&request.method)
            && route.headers.iter().all(fits_header)
    });
    ids
}

fn patterns() -> impl Strategy<Value = String> {
    let segment = prop::sample::select(vec!["a", "b", "a:b", "a%3Ab", "{p}", "{q}", "ab"]);
    (
        prop::collection::vec(segment, 0..4),
        prop::sample::select(vec!["", "", "/", "/**"]),
    )
        .prop_map(|(mut segments, end)| {
            let mut seen = Vec::new();
            segments.retain(|segment| {
                let repeated = segment.starts_with('{') && seen.contains(segment);
                seen.push(*segment);
                !repeated
            });
            let path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
            if path.is_empty() && end.is_empty() {
                "/".to_owned()
            } else {
                path + end
            }
        })
}

fn routes() -> impl Strategy<Value = Vec<RouteMatch>> {
    let host = prop::sample::select(vec!["*", "*", "b.c", "*.c", "*.b.c", "a.b.c"]);
    let methods = prop::sample::select(vec![&[][..], &[], &["GET"], &["POST", "GET"], &["PURGE"]]);
    let header = prop_oneof![
        Just(HeaderMatch::present("x")),
        Just(HeaderMatch::exact("x", "1")),
        Just(HeaderMatch::exact("y", "2")),
        Just(HeaderMatch::regex("x", pattern("^[12]$"))),
    ]
    .prop_map(Result::unwrap);
    let headers = prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(header, 0..3)];
    let route = (host, patterns(), any::<bool>(), methods, headers).prop_map(
        |(host, path, minds, methods, headers)| RouteMatch {
            host: HostPattern::parse(host).unwrap(),
            path: PathPattern::parse(&path).unwrap(),
            trailing_slash: if minds {
                TrailingSlash::Exact
            } else {
                TrailingSlash::Either
            },
            methods: Methods::parse(methods.iter().copied()).unwrap(),
            headers: headers.into(),
        },
    );
    prop::collection::vec(route, 0..40)
}

fn requests() -> impl Strategy<Value = Vec<Request>> {
    let host = prop::sample::select(vec!["", "c", "b.c", "a.b.c", "x.b.c", "x.a.b.c", "d"]);
    let segment = prop::sample::select(vec!["a", "b", "a:b", "a%3Ab", "ab", "z", "%C3%A9"]);
    let path = (prop::collection::vec(segment, 0..5), any::<bool>()).prop_map(|(segments, slash)| {
        let path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
        if slash || path.is_empty() {
            path + "/"
        } else {
            path
        }
    });
    let method = prop::sample::select(vec!["GET", "POST", "PURGE", "HEAD"]);
    let header = (
        prop::sample::select(vec!["x", "y"]),
        prop::sample::select(vec!["1", "2", ""]),
    );
    let request = (host, path, method, prop::collection::vec(header, 0..3)).prop_map(
        |(host, path, method, headers)| Request {
            host: host.to_owned(),
            path,
            method: method.to_owned(),
            headers: headers
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
        },
    );
    prop::collection::vec(request, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn route_table_agrees_with_a_linear_search(routes in routes(), requests in requests()) {
        let mut routes = routes;
        if let Err(conflicts) = RouteTable::build(routes.clone()) {
            let mut place = 0;
            routes.retain(|_| {
                place += 1;
                !conflicts.iter().any(|conflict| conflict.second == place - 1)
            });
        }
        let table = RouteTable::build(routes.clone()).unwrap();
        for request in &requests {
            let expected = candidates_slowly(&routes, request);
            prop_assert_eq!(&table.candidates(request), &expected, "{:?}", request);
            prop_assert_eq!(table.find(request), expected.first().copied());
        }
    }

    #[test]
    fn conflicting_route_is_never_the_first_match(routes in routes(), requests in requests()) {
        let conflicts = RouteTable::build(routes.clone()).err().unwrap_or_default();
        for request in &requests {
            let candidates = candidates_slowly(&routes, request);
            for conflict in &conflicts {
                let place = |index| candidates.iter().position(|id| id.index() == index);
                let (first, second) = (place(conflict.first), place(conflict.second));
                prop_assert!(second.is_none() || first.is_some() && first < second, "{conflict:?} {request:?}");
                prop_assert!(conflict.kind == ConflictKind::Shadowed || first.is_some() == second.is_some());
            }
        }
    }
}

/// Generates routes whose paths have several readings.
fn odd_routes() -> impl Strategy<Value = Vec<RouteMatch>> {
    let segment = prop::sample::select(vec![
        "a", "b", "A", "{p}", "a;b", "a%3Bb", "%2561", "a.", "a.json", "%C3%89",
    ]);
    let end = prop::sample::select(vec!["", "", "/", "/**"]);
    let methods = prop::sample::select(vec![&[][..], &[], &["GET"], &["POST"]]);
    let route = (prop::collection::vec(segment, 0..3), end, methods, any::<bool>()).prop_filter_map(
        "a path that is none",
        |(segments, end, methods, minds)| {
            let path: String = segments.iter().map(|segment| format!("/{segment}")).collect();
            Some(RouteMatch {
                host: HostPattern::Any,
                path: PathPattern::parse(&(path + end)).ok()?,
                trailing_slash: if minds {
                    TrailingSlash::Exact
                } else {
                    TrailingSlash::Either
                },
                methods: Methods::parse(methods.iter().copied()).unwrap(),
                headers: [].into(),
            })
        },
    );
    prop::collection::vec(route, 1..12)
}

/// Returns true if a server reads the request's path and the route's path alike.
fn is_taken_for(route: &RouteMatch, pattern: &[u8], path: &[u8]) -> bool {
    let split = |path: &[u8]| -> Vec<Vec<u8>> {
        let path = path.strip_prefix(b"/").unwrap_or(path);
        let path = path.strip_suffix(b"/").unwrap_or(path);
        let segments = path.split(|byte| *byte == b'/').map(<[u8]>::to_vec);
        if path.is_empty() {
            Vec::new()
        } else {
            segments.collect()
        }
    };
    let (pattern, asked) = (split(pattern), split(path));
    let fits = |(wanted, given): (&Vec<u8>, &Vec<u8>)| wanted.starts_with(b"{") || wanted == given;
    let slash = if path.ends_with(b"/") {
        Slash::With
    } else {
        Slash::Without
    };
    let long_enough = if route.path.is_below() {
        pattern.len() <= asked.len()
    } else {
        pattern.len() == asked.len()
    };
    long_enough
        && pattern.iter().zip(&asked).all(fits)
        && route.path.slash(route.trailing_slash).covers(slash)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn every_reading_of_a_server_is_gated_by_its_route(
        routes in odd_routes(),
        path in tests_of_readings::paths(),
        program in prop::collection::vec(any::<u8>(), 0..8),
        folds in any::<bool>(),
        reads_patterns in any::<bool>(),
    ) {
        let Err(conflicts) = RouteTable::build(routes.clone()).map(drop) else {
            return check_server(&routes, path, &program, folds, reads_patterns);
        };
        let mut place = 0;
        let mut routes = routes;
        routes.retain(|_| {
            place += 1;
            !conflicts.iter().any(|conflict| conflict.second == place - 1)
        });
        check_server(&routes, path, &program, folds, reads_patterns)?;
    }
}

/// Checks that the route a server with these habits finds first is among the results.
fn check_server(
    routes: &[RouteMatch],
    path: String,
    program: &[u8],
    folds: bool,
    reads_patterns: bool,
) -> Result<(), TestCaseError> {
    let mut table = RouteTable::build(routes.to_vec()).unwrap();
    table.add_reading_indexes([Reads::ALL]);
    let fold = |path: Vec<u8>| if folds { step::fold(path) } else { path };
    let request = request_of(&serde_json::json!({ "path": path }));
    let own = table.find(&request).map(|id| &routes[id.index()].path);
    // The suffix of a route's own path is part of its name.
    let is_named = own.is_some_and(|own| own.as_str() == request.path())
        && tests_of_readings::without_suffix(&path) != path;
    let without_suffix = Reads::ALL.without(Read::Suffix);
    let reads = if is_named { without_suffix } else { Reads::ALL };
    let taken = fold(tests_of_readings::taken_for(&path, program, reads));
    let Ok(mut asked) = table.readings(&request, Reads::ALL) else {
        return Ok(());
    };
    asked.extend(table.find(&request));
    let pattern = |route: &RouteMatch| {
        let text = route.path.as_str();
        let text = text.strip_suffix("**").unwrap_or(text);
        let habits = if reads_patterns && !text.contains('{') {
            program
        } else {
            &[]
        };
        fold(tests_of_readings::taken_for(text, habits, without_suffix))
    };
    let mut order: Vec<RouteId> = (0..routes.len()).filter_map(RouteId::from_index).collect();
    order.sort_by_key(|id| routes[id.index()].precedence(*id));
    let first = order.into_iter().find(|id| {
        let route = &routes[id.index()];
        is_taken_for(route, &pattern(route), &taken) && route.methods.is_match("GET")
    });
    prop_assert!(
        first.is_none_or(|first| asked.contains(&first)),
        "{path} is {:?}, which is {first:?} of {:?}, not among {asked:?}",
        String::from_utf8_lossy(&taken),
        routes.iter().map(|route| route.path.as_str()).collect::<Vec<_>>()
    );
    Ok(())
}
