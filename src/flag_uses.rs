//! The uses of a flag in the served gateway document: the routes and headers that name it, with their places.

use config::LineIndex;
use control::{DocumentPlace, FlagUses, HeaderUse, MAX_ROUTE_USES, RouteMatchText, RouteUse};
use rules::{Destination, FlagId, Gate, GateMode, Include, Route, RouteMatch, Site, Snapshot};

/// Returns the uses of a flag; `None` if the snapshot has no such flag.
pub(crate) fn flag_uses(snapshot: &Snapshot, line_index: &LineIndex, key: &str) -> Option<FlagUses> {
    let id = snapshot.flags.id(key)?;
    let flag = snapshot.flags.flag(id)?;
    let routes = snapshot.routes.all().iter();
    let matches = snapshot.routes.table().routes();
    let mut used: Vec<RouteUse> = routes
        .zip(matches)
        .filter_map(|(route, matched)| route_use(snapshot, line_index, (route, matched), id))
        .collect();
    let routes_total = used.len();
    let is_gated = used.iter().any(|route| route.gate.is_some());
    used.truncate(MAX_ROUTE_USES);
    Some(FlagUses {
        place: place(line_index, flag.site()),
        routes: used,
        routes_total,
        headers: header_uses(snapshot, id, is_gated),
    })
}

fn route_use(
    snapshot: &Snapshot,
    line_index: &LineIndex,
    (route, matched): (&Route, &RouteMatch),
    flag: FlagId,
) -> Option<RouteUse> {
    let gate = route.gate.as_ref().filter(|gate| gate.flags().contains(&flag));
    let variants =
        matches!(route.destination, Destination::Variants { flag: selects, .. } if selects == flag);
    let observed = route.observed.contains(&flag);
    (gate.is_some() || variants || observed).then(|| RouteUse {
        route: route.name.to_string(),
        matched: RouteMatchText {
            host: matched.host.to_string(),
            path: matched.path.to_string(),
            methods: matched.methods.names().map(str::to_owned).collect(),
            headers: matched
                .headers
                .iter()
                .map(|header| header.name().to_owned())
                .collect(),
        },
        gate: gate.map(|gate: &Gate| gate.describe(&snapshot.flags)),
        shadow: route.mode == GateMode::Shadow,
        variants,
        observed,
        place: place(line_index, route.site),
    })
}

/// Returns the headers that can have the flag. `is_gated`: a gate names it.
fn header_uses(snapshot: &Snapshot, flag: FlagId, is_gated: bool) -> Vec<HeaderUse> {
    let plan = &snapshot.headers;
    let list = plan.flags.as_ref().and_then(|header| {
        let reason = match &header.include {
            Include::All => Some("all"),
            Include::Route => is_gated.then_some("route"),
            Include::List(ids) => ids.contains(&flag).then_some("listed"),
        };
        Some((&header.name, reason?))
    });
    let own = plan.per_flag.iter().filter(|(id, _)| *id == flag);
    let uses = list.into_iter().chain(own.map(|(_, name)| (name, "own")));
    uses.map(|(name, reason)| HeaderUse {
        header: name.to_string(),
        reason,
    })
    .collect()
}

fn place(line_index: &LineIndex, site: Site) -> Option<DocumentPlace> {
    let place = line_index.place(site)?;
    Some(DocumentPlace {
        file: place.file.to_string(),
        line: place.line,
        column: place.column,
    })
}
