//! Drafts of the texts that people publish about a flag: the announcement of a beta and of ga, the notice of a revert,
//! and the changelog entry of each. A fact that is not known is named as missing; none is invented.

use rules::{Lifecycle, ServeDefinition};
use serde_json::Value;

use crate::flag::ManagedFlag;
use crate::plan::tiers_off;
use crate::state::State;
use crate::timestamp;

/// The subject of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Announced {
    /// The flag is in beta.
    Beta,
    /// The flag is in ga.
    Ga,
    /// The flag was reverted, rolled back or killed.
    Revert,
}

impl Announced {
    /// All subjects.
    pub const ALL: [Self; 3] = [Self::Beta, Self::Ga, Self::Revert];

    /// Returns the name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Beta => "beta",
            Self::Ga => "ga",
            Self::Revert => "revert",
        }
    }

    /// Returns the subject with this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|subject| subject.as_str() == name)
    }
}

/// Returns a draft about a flag in Markdown; none if there is no such flag.
#[must_use]
pub fn announcement(state: &State, key: &str, subject: Announced) -> Option<String> {
    let flag = state.flag(key)?;
    let draft = Draft {
        state,
        key,
        flag: &flag,
    };
    let (title, lines, entry) = match subject {
        Announced::Beta => draft.beta(),
        Announced::Ga => draft.ga(),
        Announced::Revert => draft.revert(),
    };
    let lines: String = lines
        .into_iter()
        .map(|(name, text)| format!("- **{name}:** {text}\n"))
        .collect();
    let summary = draft.summary();
    Some(format!(
        "# {title}\n\n{summary}\n\n{lines}\n## Changelog entry\n\n- {entry}\n"
    ))
}

/// The title, the lines with their names, and the changelog entry.
type Parts = (String, Vec<(&'static str, String)>, String);

/// A text about one flag.
struct Draft<'d> {
    state: &'d State,
    key: &'d str,
    flag: &'d ManagedFlag,
}

impl Draft<'_> {
    fn beta(&self) -> Parts {
        let key = self.key;
        let lines = vec![
            ("State", self.state_line(Lifecycle::Beta)),
            ("Opt in", self.opt_in()),
            ("Opt out", self.opt_out()),
            ("Revert", self.revert_path()),
            ("Owner", self.owner()),
            (
                "Manual",
                missing("Sluice knows no manual page; add its link if it is public"),
            ),
        ];
        let entry = format!(
            "Added: {} (beta, by opt-in; flag `{key}`)",
            self.summary_in_line()
        );
        (format!("`{key}` is in beta"), lines, entry)
    }

    fn ga(&self) -> Parts {
        let key = self.key;
        let lines = vec![
            ("State", self.state_line(Lifecycle::Ga)),
            ("Default", self.default()),
            ("Opt out", self.opt_out()),
            ("Revert", self.revert_path()),
            ("Owner", self.owner()),
        ];
        let entry = format!(
            "Changed: {} (generally available; flag `{key}`)",
            self.summary_in_line()
        );
        (format!("`{key}` is generally available"), lines, entry)
    }

    fn revert(&self) -> Parts {
        let key = self.key;
        let unsettled = self.flag.state.unsettled.as_ref();
        let Some(unsettled) = unsettled.filter(|unsettled| unsettled.how != "restored") else {
            let none = missing("the last change of this kind is not a kill, a revert or a rollback");
            let lines = vec![("Reverted", none), ("State", self.present_state())];
            let entry = format!("Reverted: {} (flag `{key}`)", self.summary_in_line());
            return (format!("`{key}` was reverted"), lines, entry);
        };
        let how = &unsettled.how;
        let at = timestamp::minute(unsettled.at);
        let by = unsettled.by.as_deref();
        let by = by.map_or_else(String::new, |by| format!(" by {by}"));
        let reason = unsettled.reason.clone();
        let incident = unsettled.incident.clone();
        let mut lines = vec![
            ("Reverted", format!("{how} {at}{by}")),
            (
                "Reason",
                reason.unwrap_or_else(|| missing("the change has no reason")),
            ),
            (
                "Incident",
                incident.unwrap_or_else(|| missing("the change has no incident")),
            ),
            ("State", self.present_state()),
            ("Owner", self.owner()),
        ];
        let open = self.flag.state.incidents.iter();
        let open: Vec<&str> = open.map(|incident| incident.link.as_str()).collect();
        if !open.is_empty() {
            lines.insert(3, ("Open incidents", open.join(", ")));
        }
        let entry = format!("Reverted: {} ({how}; flag `{key}`)", self.summary_in_line());
        (format!("`{key}` was {how}"), lines, entry)
    }

    fn summary(&self) -> String {
        let description = self.flag.definition.description.as_deref();
        description.map_or_else(
            || missing("the definition has no `description`"),
            |text| text.trim().to_owned(),
        )
    }

    /// Returns the summary on one line.
    fn summary_in_line(&self) -> String {
        let summary = self.summary();
        let words: Vec<&str> = summary.split_whitespace().collect();
        words.join(" ").trim_end_matches('.').to_owned()
    }

    fn owner(&self) -> String {
        let owner = self.flag.definition.owner.as_deref();
        owner.map_or_else(|| missing("the definition has no `owner`"), str::to_owned)
    }

    fn revert_path(&self) -> String {
        let path = self.flag.revert_path();
        path.map_or_else(|| missing("the definition has no `revert`"), str::to_owned)
    }

    /// Returns the line of the state, and that it is another one than the text is about.
    fn state_line(&self, expected: Lifecycle) -> String {
        let present = self.present_state();
        match self.flag.lifecycle() == Some(expected) {
            true => present,
            false => format!("{present} {}", missing(&format!("it is not {expected} now"))),
        }
    }

    fn present_state(&self) -> String {
        let killed = match self.flag.is_enabled() {
            true => "",
            false => ", killed: off for everyone",
        };
        match self.flag.lifecycle() {
            Some(lifecycle) => {
                let since = timestamp::minute(self.flag.state.since);
                format!("{lifecycle} since {since}{killed}")
            }
            None => format!("without a lifecycle{killed}"),
        }
    }

    fn opt_in(&self) -> String {
        let key = self.key;
        let policy = self.state.document.head.fields().get("policy");
        let is_open = policy
            .and_then(|policy| policy.get("beta_opt_in"))
            .and_then(Value::as_bool);
        let allow = format!("an operator adds an org with `sluice tenants allow ORG {key}`");
        match is_open {
            Some(true) => format!(
                "an org admin opts in with `POST /api/v1/orgs/ORG/feature-flags/{key}/opt-in`; {allow}"
            ),
            _ => format!("{allow}; orgs cannot opt in themselves (`policy.beta_opt_in` is not true)"),
        }
    }

    fn opt_out(&self) -> String {
        let key = self.key;
        format!("an org admin opts out with `POST /api/v1/orgs/ORG/feature-flags/{key}/opt-out`")
    }

    fn default(&self) -> String {
        let default = self
            .flag
            .definition
            .default
            .as_ref()
            .map(|default| &default.value);
        let off: Vec<String> = tiers_off(self.flag);
        let tiers = match off.is_empty() {
            true => String::new(),
            false => format!(", except the tiers that are off by default: {}", off.join(", ")),
        };
        match default {
            Some(default @ ServeDefinition::Variant(variant)) if !self.flag.serves_off(default) => {
                format!("`{}` for every org that has not opted out{tiers}", variant.value)
            }
            Some(ServeDefinition::Split { .. }) => {
                format!("a split of variants for every org that has not opted out{tiers}")
            }
            _ => "off; tier defaults, rollout and rules decide who has it".to_owned(),
        }
    }
}

/// Returns the mark of a fact that is not known.
fn missing(fact: &str) -> String {
    format!("[missing: {fact}]")
}

#[cfg(test)]
mod tests;
