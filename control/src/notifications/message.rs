//! The bodies of notifications: JSON for webhooks, text and blocks for Slack.

use changes::timestamp;
use config::NoticeEvent;
use serde_json::{Value, json};

use super::notice::Notice;

/// The longest text in a message of Slack, in bytes after the escapes. Its limit for a section is 3,000 characters.
const MAX_TEXT: usize = 900;

/// Returns the body of a webhook. `link` is the path of the flag in the admin API, after the URL of the admin listener if
/// there is one.
pub(super) fn webhook(notice: &Notice, public_url: Option<&str>) -> Value {
    let urgent = notice.urgent.as_ref();
    json!({
        "type": format!("feature_flag.{}", notice.event.as_str()),
        "timestamp": timestamp::text(notice.at),
        "data": {
            "event": notice.event.as_str(),
            "flag": notice.flag,
            "detail": notice.detail,
            "actor": notice.actor,
            "reason": notice.reason,
            "incident": notice.incident,
            "decision_maker": urgent.map(|urgent| &urgent.decision_maker),
            "urgent_reason": urgent.map(|urgent| &urgent.reason),
            "ticket": notice.ticket,
            "request_id": notice.request_id,
            "link": format!("{}{}", public_url.unwrap_or_default(), path(&notice.flag)),
        },
    })
}

/// Returns the message of Slack. It has a link to the flag if the URL of the admin listener is known.
pub(super) fn slack(notice: &Notice, public_url: Option<&str>) -> Value {
    let headline = format!("{}: {}", escaped(&notice.flag), escaped(&notice.detail));
    let mut facts = vec![
        format!("by {}", escaped(&notice.actor)),
        timestamp::minute(notice.at),
    ];
    let urgent = notice.urgent.as_ref();
    let named = [
        ("ticket", notice.ticket.as_deref()),
        ("incident", notice.incident.as_deref()),
        ("decided by", urgent.map(|urgent| urgent.decision_maker.as_str())),
        ("urgent because", urgent.map(|urgent| urgent.reason.as_str())),
    ];
    let named = named.into_iter();
    facts.extend(named.filter_map(|(name, text)| Some(format!("{name} {}", escaped(text?)))));
    // Neither has a character that Slack interprets.
    facts.extend(public_url.map(|url| format!("<{url}{}|show the flag>", path(&notice.flag))));
    // Each is an element of its own: the limit of Slack is for one text.
    let facts = facts.iter().map(|fact| json!({ "type": "mrkdwn", "text": fact }));
    let reason = notice
        .reason
        .as_deref()
        .map(|reason| format!("\n>{}", escaped(reason).replace('\n', " ")));
    let section = format!(
        "{} *{}*{}",
        symbol(notice.event),
        headline,
        reason.unwrap_or_default()
    );
    json!({
        "text": format!("{} {headline}", symbol(notice.event)),
        "blocks": [
            { "type": "section", "text": { "type": "mrkdwn", "text": section } },
            { "type": "context", "elements": facts.collect::<Vec<_>>() },
        ],
    })
}

/// Returns the path of a flag in the admin API.
fn path(flag: &str) -> String {
    format!("/api/v1/platform/feature-flags/{flag}")
}

/// Returns a text without the control characters of Slack, which could name a channel or hide a link, and not too long.
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        if escaped.len() >= MAX_TEXT {
            escaped.push('…');
            break;
        }
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // They would format the text.
            '*' | '_' | '~' | '`' => {
                escaped.push('\u{200B}');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns the symbol of an event: alarms differ at a glance.
fn symbol(event: NoticeEvent) -> &'static str {
    match event {
        NoticeEvent::RolledBack | NoticeEvent::Killed => ":rotating_light:",
        NoticeEvent::Paused | NoticeEvent::CheckFailing | NoticeEvent::Breaker | NoticeEvent::Reverted => {
            ":warning:"
        }
        NoticeEvent::Waiting | NoticeEvent::Inconclusive | NoticeEvent::Stale => ":hourglass:",
        NoticeEvent::Completed | NoticeEvent::Promoted | NoticeEvent::WatchEnded => ":white_check_mark:",
        NoticeEvent::Started
        | NoticeEvent::StageEntered
        | NoticeEvent::Resumed
        | NoticeEvent::Restored
        | NoticeEvent::Cancelled => ":information_source:",
    }
}

#[cfg(test)]
mod tests {
    use rules::Timestamp;

    use super::*;

    fn notice() -> Notice {
        Notice {
            id: "audit-7".into(),
            event: NoticeEvent::RolledBack,
            flag: "board".into(),
            at: Timestamp(1_764_547_200_000),
            actor: "rollout".into(),
            detail: "its rollout was rolled back".into(),
            reason: Some("<!channel> *now* & `here`\nsecond".into()),
            incident: None,
            urgent: None,
            ticket: Some("OPS-1".into()),
            request_id: None,
        }
    }

    #[test]
    fn a_webhook_has_the_facts_of_the_notice() {
        let body = webhook(&notice(), None);
        assert_eq!(body["type"], "feature_flag.rolled_back");
        assert_eq!(body["data"]["flag"], "board");
        assert_eq!(body["data"]["ticket"], "OPS-1");
        assert_eq!(body["data"]["link"], "/api/v1/platform/feature-flags/board");
    }

    #[test]
    fn a_message_of_slack_fits_into_its_limits() {
        let mut long = notice();
        long.reason = Some("&".repeat(5_000));
        long.detail = "*".repeat(5_000);
        let message = slack(&long, None);
        let section = message["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(section.chars().count() < 3_000, "{}", section.len());
    }

    #[test]
    fn links_are_absolute_with_the_url_of_the_admin_listener() {
        let url = Some("https://ops.example.com/sluice");
        let link = "https://ops.example.com/sluice/api/v1/platform/feature-flags/board";
        assert_eq!(webhook(&notice(), url)["data"]["link"], link);
        let linked = |url| {
            slack(&notice(), url)
                .to_string()
                .contains(&format!("<{link}|show the flag>"))
        };
        assert_eq!((linked(url), linked(None)), (true, false));
        assert!(!slack(&notice(), None).to_string().contains("/api/v1"));
    }

    #[test]
    fn a_message_of_slack_contains_no_command() {
        let text = slack(&notice(), None).to_string();
        assert!(
            !text.contains("<!channel>") && text.contains("&lt;!channel&gt;"),
            "{text}"
        );
        assert!(
            text.contains("\u{200B}*now\u{200B}*") && text.contains("ticket OPS-1"),
            "{text}"
        );
    }
}
