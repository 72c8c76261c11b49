//! The filter of a list of audit entries.

use clap::Args;
use rules::Timestamp;

use crate::clock;

/// The conditions on the entries; all given ones must hold.
#[derive(Debug, Clone, Args)]
pub(super) struct Filter {
    /// Only entries about this flag.
    #[arg(long, value_name = "KEY")]
    flag: Option<String>,
    /// Only entries of this org's own log, which its admin may read, too.
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<String>,
    /// Only entries by this actor.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Only entries of this action, as the list names it: `platform.feature_flag_killed`.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only entries at or after this time: RFC 3339, or an age: `24h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<String>,
    /// Only entries before this time: RFC 3339, or an age: `1h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
}

/// Parses a time or an age, and returns the time in the format of the API.
fn moment(text: &str) -> Result<String, String> {
    if Timestamp::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let ago = crate::cli::duration::parse(text)
        .map_err(|_| "a time is written 2026-12-01T00:00:00Z, or as an age: 24h".to_owned())?;
    let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
    let at = Timestamp(clock::now().0.saturating_sub(ago));
    crate::cli::render::moment::rfc3339(at).ok_or_else(|| "this age is too long".to_owned())
}

impl Filter {
    /// Returns the query parameters of the API, without the org, which is in the path.
    pub(super) fn query(&self) -> Vec<(&str, &str)> {
        let fields = [
            ("flag", &self.flag),
            ("actor", &self.actor),
            ("action", &self.action),
            ("from", &self.from),
            ("until", &self.until),
        ];
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value.as_deref()?)));
        given.collect()
    }
}
