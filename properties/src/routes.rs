//! The route table: it finds the same routes as a matcher that tries every route in turn.

use std::sync::Arc;

use arbitrary::{Result, Unstructured};
use rules::{
    ConflictKind, HeaderMatch, HostPattern, Methods, PathPattern, Pattern, RequestHead, RouteId, RouteMatch,
    RouteTable, TargetOptions, TrailingSlash, normalise,
};

const HOSTS: [&str; 8] = ["*", "*", "b.c", "*.c", "*.b.c", "a.b.c", "*.a.b.c", "c"];
const SEGMENTS: [&str; 10] = ["a", "b", "ab", "a:b", "a%3Ab", "{p}", "{q}", "%C3%A9", "a;x", "A"];
const METHODS: [&[&str]; 5] = [&[], &[], &["GET"], &["POST", "GET"], &["PURGE"]];
const ASKED_HOSTS: [&str; 9] = [
    "", "c", "b.c", "B.C.", "a.b.c", "x.b.c:80", "x.a.b.c", "d", "xb.c",
];
const PIECES: [&str; 20] = [
    "/a", "/b", "/ab", "/a:b", "/a%3ab", "/z", "/%c3%a9", "/", "/.", "/..", "//", "/%61", "/a;x", "%2e",
    "/A", "/{p}", "/{q}", "/*", "/**", "?q",
];

fn pattern(expression: &str) -> Arc<Pattern> {
    Arc::new(Pattern::parse(expression).expect("a regular expression"))
}

/// Compares the table with a linear search. The bytes choose routes and requests.
pub fn routes(data: &[u8]) {
    // `Unstructured` yields the first choice once its bytes run out, so an error can't occur here.
    let _ = checked(&mut Unstructured::new(data));
}

fn checked(bytes: &mut Unstructured<'_>) -> Result<()> {
    let count = bytes.int_in_range(0..=12)?;
    let mut routes = Vec::new();
    for _ in 0..count {
        routes.extend(route(bytes)?);
    }
    let mut requests = Vec::new();
    for _ in 0..6 {
        requests.extend(request(bytes)?);
    }
    if let Err(conflicts) = RouteTable::build(routes.clone()) {
        for request in &requests {
            let taking = candidates(&routes, request);
            for conflict in &conflicts {
                let place = |index| taking.iter().position(|id| id.index() == index);
                let (first, second) = (place(conflict.first), place(conflict.second));
                assert!(
                    second.is_none() || first.is_some() && first < second,
                    "{conflict:?} of {routes:?} for {request:?}"
                );
                assert!(
                    conflict.kind == ConflictKind::Shadowed || first.is_some() == second.is_some(),
                    "{conflict:?} of {routes:?} for {request:?}"
                );
            }
        }
        let mut index = 0;
        routes.retain(|_| {
            index += 1;
            !conflicts.iter().any(|conflict| conflict.second == index - 1)
        });
    }
    let table = RouteTable::build(routes.clone()).expect("no conflict is left");
    for request in &requests {
        let expected = candidates(&routes, request);
        assert_eq!(table.candidates(request), expected, "{routes:?} for {request:?}");
        assert_eq!(table.find(request), expected.first().copied());
    }
    Ok(())
}

/// Generates a route; `None` if its path is no pattern.
fn route(bytes: &mut Unstructured<'_>) -> Result<Option<RouteMatch>> {
    let mut path = String::new();
    for _ in 0..bytes.int_in_range(0..=4)? {
        path.push('/');
        path.push_str(bytes.choose(&SEGMENTS)?);
    }
    path.push_str(bytes.choose(&["", "", "/", "/**"])?);
    let host = *bytes.choose(&HOSTS)?;
    let mut headers = Vec::new();
    for _ in 0..bytes.int_in_range(0..=2)? {
        headers.push(match bytes.int_in_range(0..=4)? {
            0 => HeaderMatch::present("x"),
            1 => HeaderMatch::exact("x", "1"),
            2 => HeaderMatch::exact("y", "2"),
            3 => HeaderMatch::regex("x", pattern("^[12]$")),
            _ => HeaderMatch::regex("x", pattern("1")),
        });
    }
    let trailing_slash = if bytes.arbitrary()? {
        TrailingSlash::Exact
    } else {
        TrailingSlash::Either
    };
    let methods = bytes.choose(&METHODS)?.iter().copied();
    let Ok(path) = PathPattern::parse(&path) else {
        return Ok(None);
    };
    Ok(Some(RouteMatch {
        host: HostPattern::parse(host).expect("a host"),
        path,
        trailing_slash,
        methods: Methods::parse(methods).expect("methods"),
        headers: headers
            .into_iter()
            .map(|header| header.expect("a header"))
            .collect(),
    }))
}

#[derive(Debug)]
struct RouteRequest {
    host: String,
    path: String,
    method: &'static str,
    headers: Vec<(&'static str, &'static str)>,
}

/// Generates a request; `None` if its target is refused.
fn request(bytes: &mut Unstructured<'_>) -> Result<Option<RouteRequest>> {
    let mut target = String::new();
    for _ in 0..bytes.int_in_range(1..=6)? {
        target.push_str(bytes.choose(&PIECES)?);
    }
    let host = *bytes.choose(&ASKED_HOSTS)?;
    let method = *bytes.choose(&["GET", "POST", "PURGE", "HEAD"])?;
    let mut headers = Vec::new();
    for _ in 0..bytes.int_in_range(0..=2)? {
        headers.push((*bytes.choose(&["x", "y"])?, *bytes.choose(&["1", "2", "", "12"])?));
    }
    let host = match host {
        "" => String::new(),
        host => rules::Host::parse(host).expect("a host").name.into_owned(),
    };
    let Ok(target) = normalise(target.as_bytes(), TargetOptions::default()) else {
        return Ok(None);
    };
    Ok(Some(RouteRequest {
        host,
        path: target.path.into_owned(),
        method,
        headers,
    }))
}

impl RequestHead for RouteRequest {
    fn host(&self) -> &str {
        &self.host
    }

    fn path(&self) -> &str {
        &self.path
    }

    fn method(&self) -> &str {
        self.method
    }

    fn header_values(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let named = self.headers.iter().filter(move |(given, _)| *given == name);
        named.map(|(_, value)| value.as_bytes())
    }
}

/// Returns every route that matches the request, in the order of precedence, by comparing each.
fn candidates(routes: &[RouteMatch], request: &RouteRequest) -> Vec<RouteId> {
    let mut ids: Vec<RouteId> = (0..routes.len()).filter_map(RouteId::from_index).collect();
    ids.sort_by_key(|id| routes[id.index()].precedence(*id));
    ids.retain(|id| takes(&routes[id.index()], request));
    ids
}

fn takes(route: &RouteMatch, request: &RouteRequest) -> bool {
    let host = match route.host.to_string().strip_prefix('*') {
        Some("") => true,
        Some(suffix) => request.host.len() > suffix.len() && request.host.ends_with(suffix),
        None => request.host == route.host.to_string(),
    };
    let methods: Vec<&str> = route.methods.names().collect();
    // A route for GET matches HEAD as well, which is a GET without its body.
    let method = methods.contains(&request.method) || request.method == "HEAD" && methods.contains(&"GET");
    let header = |header: &HeaderMatch| header.is_match(request.header_values(header.name()));
    host && takes_path(route, &request.path)
        && (methods.is_empty() || method)
        && route.headers.iter().all(header)
}

fn takes_path(route: &RouteMatch, path: &str) -> bool {
    let segments = |path: &str| -> Vec<String> {
        let segments = path.split('/').filter(|segment| !segment.is_empty());
        segments.map(|segment| segment.replace("%3A", ":")).collect()
    };
    let same = |(pattern, asked): (&String, &String)| pattern.starts_with('{') || pattern == asked;
    let (pattern, asked) = (route.path.as_str(), segments(path));
    if let Some(prefix) = pattern.strip_suffix("/**") {
        let prefix = segments(prefix);
        return prefix.len() <= asked.len() && prefix.iter().zip(&asked).all(same);
    }
    let pattern_segments = segments(pattern);
    let minds = route.trailing_slash == TrailingSlash::Exact;
    pattern_segments.len() == asked.len()
        && pattern_segments.iter().zip(&asked).all(same)
        && (!minds || pattern.ends_with('/') == path.ends_with('/'))
}
