//! The form of receivers of notifications.

use super::text::Name;
use crate::form::{Field, List, Placed, PlacedText, VariableSecret, fields, group, texts, union, words};
use crate::notify::NoticeEvent;

/// The most receivers.
pub(crate) const MAX_SINKS: usize = 20;

texts! {
    SinkUrl: filled "a URL";
}

words! { NoticeEvent::ALL }

/// A receiver, as written.
pub(crate) struct SinkFields<'s> {
    pub(crate) target: SinkTargetFields<'s>,
    pub(crate) options: SinkOptionsFields<'s>,
}

/// The address of a receiver, as written.
pub(crate) enum SinkTargetFields<'s> {
    Slack(Field<PlacedText<'s>>),
    Webhook {
        url: Field<PlacedText<'s>>,
        secret: Field<PlacedText<'s>>,
    },
}

union! {
    Sink("`{ slack: \"${NAME}\" }` or `{ webhook: URL, secret: \"${NAME}\" }`"): SinkFields<'s> {
        key SlackSink => |sink| SinkFields {
            target: SinkTargetFields::Slack(sink.slack),
            options: sink.options,
        },
        key WebhookSink => |sink| SinkFields {
            target: SinkTargetFields::Webhook { url: sink.webhook, secret: sink.secret },
            options: sink.options,
        },
    }
}

fields! {
    /// Incoming webhook of Slack, or of a service that takes its messages.
    SlackSink("an incoming webhook of Slack") => SlackSinkFields {
        /// Reference to the environment variable that contains its URL: `${NAME}`. The URL is a secret.
        slack: must Placed<VariableSecret>,
        /// Name and events.
        options: include SinkOptions,
    }
}

fields! {
    /// Webhook whose requests are signed as Standard Webhooks specifies.
    WebhookSink("a signed webhook") => WebhookSinkFields {
        /// URL that notifications are sent to: https, or http on loopback.
        webhook: must Placed<SinkUrl>,
        /// Reference to the environment variable that contains the key of the signatures: `${NAME}`. The key is `whsec_`
        /// and 24 to 64 bytes in base64.
        secret: must Placed<VariableSecret>,
        /// Name and events.
        options: include SinkOptions,
    }
}

group! {
    /// Name and events of a receiver.
    SinkOptions => SinkOptionsFields {
        /// Name in metrics and in the log. Default: `slack` or `webhook`, and a number for the second one.
        name: field Placed<Name>,
        /// Events that are sent. Default: all.
        events: field List<NoticeEvent, 1, 17>,
    }
}
