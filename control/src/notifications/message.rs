//! The bodies of notifications: JSON for webhooks, text and blocks for Slack.

use changes::timestamp;
use config::NoticeEvent;
use serde_json::{Value, json};

use super::notice::Notice;

/// The longest text in a message of Slack, in bytes after the escapes. Its limit for a section is 3,000 characters.
const MAX_TEXT: usize = 900;

/// Returns the body of a webhook. `link` is the path of the flag in the admin API.
pub(super) fn webhook(notice: &Notice) -> Value {
    json!({
        "type": format!("feature_flag.{}", notice.event.as_str()),
        "timestamp": timestamp::text(notice.at),
        "data": {
            "event": notice.event.as_str(),
            "flag": notice.flag,
            "detail": notice.detail,
            "actor": notice.actor,
            "reason": notice.reason,
            "ticket": notice.ticket,
            "request_id": notice.request_id,
            "link": link(&notice.flag),
        },
    })
}

/// Returns the message of Slack.
pub(super) fn slack(notice: &Notice) -> Value {
    let headline = format!("{}: {}", escaped(&notice.flag), escaped(&notice.detail));
    let mut facts = vec![
        format!("by {}", escaped(&notice.actor)),
        timestamp::minute(notice.at),
    ];
    facts.extend(
        notice
            .ticket
            .as_deref()
            .map(|ticket| format!("ticket {}", escaped(ticket))),
    );
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
            { "type": "context", "elements": [{ "type": "mrkdwn", "text": facts.join(" | ") }] },
        ],
    })
}

/// Returns the path of a flag in the admin API.
fn link(flag: &str) -> String {
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
            ticket: Some("OPS-1".into()),
            request_id: None,
        }
    }

    #[test]
    fn a_webhook_has_the_facts_of_the_notice() {
        let body = webhook(&notice());
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
        let message = slack(&long);
        let section = message["blocks"][0]["text"]["text"].as_str().unwrap();
        assert!(section.chars().count() < 3_000, "{}", section.len());
    }

    #[test]
    fn a_message_of_slack_contains_no_command() {
        let text = slack(&notice()).to_string();
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
