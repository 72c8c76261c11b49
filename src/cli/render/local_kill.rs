//! A kill on the server's machine only, as text.

use serde_json::Value;

use super::json::text;
use super::moment::moment;

/// Formats the local kill of a flag: `until 2026-11-21 18:25Z by uid:0: INC-7`; `None` if there is none.
pub(crate) fn local_kill(flag: &Value) -> Option<String> {
    let kill = flag.get("local_kill").filter(|kill| kill.is_object())?;
    let of = |field| text(kill, field).unwrap_or_default();
    Some(format!(
        "until {} by {}: {}",
        moment(of("until")),
        of("by"),
        of("reason")
    ))
}
