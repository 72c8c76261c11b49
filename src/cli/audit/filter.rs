//! Which entries of the log are wanted.

use clap::Args;
use rules::Timestamp;

use crate::clock;

/// Which entries; all that is given must hold.
#[derive(Debug, Clone, Args)]
pub(super) struct Filter {
    /// About this flag.
    #[arg(long, value_name = "KEY")]
    flag: Option<String>,
    /// Of this org's own log, which its admin may read, too.
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<String>,
    /// By this actor.
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Of this action, as the list names it: `platform.feature_flag_killed`, `feature_flag_killed` or `flag_killed`.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// At or after this time: RFC 3339, or so long ago: `24h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<String>,
    /// Before this time: RFC 3339, or so long ago: `1h`.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<String>,
}

/// A time as the API takes it.
fn moment(text: &str) -> Result<String, String> {
    if Timestamp::parse(text).is_ok() {
        return Ok(text.to_owned());
    }
    let ago = crate::cli::duration::parse(text)
        .map_err(|_| "a time is written 2026-12-01T00:00:00Z, or as how long ago: 24h".to_owned())?;
    let ago = i64::try_from(ago.as_millis()).unwrap_or(i64::MAX);
    let at = Timestamp(clock::now().0.saturating_sub(ago));
    crate::cli::render::moment::rfc3339(at).ok_or_else(|| "that is too long ago".to_owned())
}

impl Filter {
    /// All but the org, as the API takes it.
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
