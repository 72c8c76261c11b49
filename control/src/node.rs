//! This node: what it serves, and how it is. Implementations of [`ReadNode`] read it.

use serde::Serialize;
use utoipa::ToSchema;

/// The largest number of routes that are listed for a flag.
pub const MAX_ROUTE_USES: usize = 1_000;

/// Reads the state of this node.
pub trait ReadNode: Send + Sync {
    /// Returns the uses of a flag in the gateway document that is served, and the place of its definition; `None` before
    /// the data plane runs, or if it serves no such flag.
    fn flag_uses(&self, flag: &str) -> Option<FlagUses>;
}

/// The uses of a flag in the gateway document.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FlagUses {
    /// The place of its definition; none if a store manages the flags.
    pub place: Option<DocumentPlace>,
    /// The routes that use it, in the order of the document; at most [`MAX_ROUTE_USES`].
    pub routes: Vec<RouteUse>,
    /// The number of all these routes.
    pub routes_total: usize,
    /// The headers that can have it.
    pub headers: Vec<HeaderUse>,
}

/// A place in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = DocumentPlace)]
pub struct DocumentPlace {
    /// The path of the file, as the configuration names it.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

/// A route that uses a flag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = RouteUse)]
pub struct RouteUse {
    /// Its name.
    pub route: String,
    /// The requests that it matches.
    #[serde(rename = "match")]
    pub matched: RouteMatchText,
    /// Its gate, as text, if the gate names the flag; null if it does not.
    pub gate: Option<String>,
    /// True if the route only observes its gate.
    pub shadow: bool,
    /// True if the served variant of the flag selects the upstream.
    pub variants: bool,
    /// True if the requests of the route count for the flag by `observe`.
    pub observed: bool,
    /// Its place in the gateway document; null if it is not known.
    pub place: Option<DocumentPlace>,
}

/// The requests that a route matches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = RouteMatch)]
pub struct RouteMatchText {
    /// The host, such as `shop.example` or `*.example`; `*` for any.
    pub host: String,
    /// The path, such as `/orders/{id}` or `/api/**`.
    pub path: String,
    /// The methods; empty for any.
    pub methods: Vec<String>,
    /// The names of the headers that it matches on. Their values are not shown, because they may be secrets.
    pub headers: Vec<String>,
}

/// A header that can have a flag.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, ToSchema)]
#[schema(as = HeaderUse)]
pub struct HeaderUse {
    /// Its name.
    pub header: String,
    /// The reason: `all` for a header that lists all flags that are on; `listed` if the document names the flag for this
    /// list; `route` if the list has the flags of the route's gate, and one names this flag; `own` for a header with the
    /// served variant of this flag alone.
    pub reason: &'static str,
}
