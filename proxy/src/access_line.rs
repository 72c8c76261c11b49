//! A line of the access log, in JSON or as text, with the places of text from outside in it: only those are searched
//! for secrets, by the thread that writes the log.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;
use std::time::SystemTime;

use arrayvec::ArrayVec;
use redact::TextFormat;
use serde::Serialize;
use time::OffsetDateTime;

use crate::access_entry::{AccessEntry, DecisionEntry, GateEntry};

/// Room for a line with short texts, so that it is allocated once.
const CAPACITY: usize = 1024;
/// The number of texts from outside in an entry.
const OUTSIDE_TEXTS: usize = 12;

/// A line that may still contain secrets.
#[derive(Debug)]
pub(crate) struct AccessLine {
    text: Vec<u8>,
    form: TextFormat,
    /// The places of text from clients, tokens, upstreams and documents, with the quotes around it. The other text is
    /// Sluice's own, and announces no secret.
    outside: ArrayVec<Range<usize>, OUTSIDE_TEXTS>,
}

impl AccessLine {
    /// Returns an entry as a JSON object and a newline.
    pub(crate) fn json(entry: &AccessEntry<'_>) -> Self {
        let mut line = Self {
            text: Vec::with_capacity(CAPACITY),
            form: TextFormat::Json,
            outside: ArrayVec::new(),
        };
        line.request(entry);
        line.outcome(entry);
        line.push("}\n");
        line
    }

    /// Returns an entry as text: time, tenant, route, decision and cause, status, microseconds, and a newline.
    pub(crate) fn human(entry: &AccessEntry<'_>) -> Self {
        let text = human(entry).into_bytes();
        let all = 0..text.len();
        Self {
            text,
            form: TextFormat::Text,
            outside: ArrayVec::from_iter([all]),
        }
    }

    /// Returns the length in bytes, newline included.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// Returns the text with secrets masked.
    pub(crate) fn masked(mut self) -> Vec<u8> {
        redact::mask_within(&mut self.text, self.outside, self.form);
        self.text
    }

    /// Appends the members that describe the request and its caller.
    fn request(&mut self, entry: &AccessEntry<'_>) {
        self.push(r#"{"time":""#);
        self.time(entry.time);
        self.push(r#"","request_id":"#);
        self.value(entry.request_id);
        if let Some(trace_id) = entry.trace_id {
            self.push(r#","trace_id":"#);
            self.value(trace_id);
        }
        if let Some(client) = entry.client {
            self.push(r#","client":""#);
            self.address(client);
            self.push(r#"""#);
        }
        self.outside(r#","method":"#, Some(entry.method));
        self.outside(r#","host":"#, entry.host);
        self.outside(r#","path":"#, Some(entry.path));
        self.outside(r#","query":"#, entry.query);
        self.outside(r#","route":"#, entry.route);
        if entry.ambiguous_target {
            self.push(r#","ambiguous_target":true"#);
        }
        self.outside(r#","tenant":"#, entry.tenant);
        self.outside(r#","user":"#, entry.user);
        if let Some(gate) = &entry.gate {
            self.gate(gate);
        }
    }

    fn gate(&mut self, gate: &GateEntry<'_>) {
        self.word(r#","gate":{"verdict":""#, gate.verdict.as_str());
        if gate.shadow {
            self.push(r#","shadow":true"#);
        }
        if let Some(DecisionEntry { flag, variant, cause }) = gate.decision {
            self.outside(r#","decision":{"flag":"#, Some(flag));
            self.outside(r#","variant":"#, Some(variant));
            self.word(r#","cause":""#, cause.as_str());
            self.push("}");
        }
        self.push("}");
    }

    /// Appends the members that describe the response.
    fn outcome(&mut self, entry: &AccessEntry<'_>) {
        self.word(r#","outcome":""#, entry.outcome.as_str());
        self.number(r#","status":"#, entry.status.into());
        if let Some(answered_by) = entry.answered_by {
            self.word(r#","answered_by":""#, answered_by.as_str());
        }
        self.outside(r#","upstream":"#, entry.upstream);
        if let Some(endpoint) = entry.endpoint {
            self.push(r#","endpoint":""#);
            self.endpoint(endpoint);
            self.push(r#"""#);
        }
        if entry.retries != 0 {
            self.number(r#","retries":"#, entry.retries.into());
        }
        self.number(r#","duration_us":"#, entry.duration_us);
        if let Some(upstream_us) = entry.upstream_us {
            self.number(r#","upstream_us":"#, upstream_us);
        }
        self.number(r#","request_bytes":"#, entry.request_bytes);
        self.number(r#","response_bytes":"#, entry.response_bytes);
        self.outside(r#","error":"#, entry.error);
        self.outside(r#","cause":"#, entry.cause);
    }

    /// Appends a member whose text comes from outside, if there is one.
    fn outside(&mut self, name: &str, text: Option<&str>) {
        let Some(text) = text else { return };
        self.push(name);
        let start = self.text.len();
        self.value(text);
        let place = start..self.text.len();
        // A place without room extends the last one, so that more is searched and nothing is missed.
        if self.outside.try_push(place).is_err()
            && let Some(last) = self.outside.last_mut()
        {
            last.end = self.text.len();
        }
    }

    /// Appends a member whose text is a word of Sluice's own. `name` includes the opening quote.
    fn word(&mut self, name: &str, word: &'static str) {
        self.push(name);
        self.push(word);
        self.push(r#"""#);
    }

    fn number(&mut self, name: &str, number: u64) {
        self.push(name);
        self.value(&number);
    }

    fn push(&mut self, json: &str) {
        self.text.extend_from_slice(json.as_bytes());
    }

    /// Appends a value: a text with its quotes, escaped, or a number.
    fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Serialising fails only for map keys that are no strings and for writers that fail. Neither occurs here.
        let _ = serde_json::to_writer(&mut self.text, value);
    }

    /// Appends a time in UTC as RFC 3339, with milliseconds. Digit by digit, because every request would pay for the
    /// machinery of `std::fmt`.
    fn time(&mut self, time: SystemTime) {
        let at = OffsetDateTime::from(time);
        let (year, month, day) = at.to_calendar_date();
        let (hour, minute, second, milli) = at.to_hms_milli();
        // Years have four digits: `OffsetDateTime` ends with 9999.
        let of_year = |part: i32| u8::try_from(part).unwrap_or_default();
        let of_milli = |part: u16| u8::try_from(part).unwrap_or_default();
        for (number, separator) in [
            (of_year(year / 100), None),
            (of_year(year % 100), Some(b'-')),
            (u8::from(month), Some(b'-')),
            (day, Some(b'T')),
            (hour, Some(b':')),
            (minute, Some(b':')),
            (second, Some(b'.')),
            (of_milli(milli / 10), None),
        ] {
            self.text
                .extend_from_slice(&[b'0' + number / 10, b'0' + number % 10]);
            self.text.extend(separator);
        }
        self.text.extend_from_slice(&[b'0' + of_milli(milli % 10), b'Z']);
    }

    fn address(&mut self, address: IpAddr) {
        match address {
            IpAddr::V4(address) => {
                let [first, rest @ ..] = address.octets();
                self.value(&first);
                for octet in rest {
                    self.push(".");
                    self.value(&octet);
                }
            }
            // Writing to a vector doesn't fail.
            IpAddr::V6(address) => _ = write!(self.text, "{address}"),
        }
    }

    fn endpoint(&mut self, endpoint: SocketAddr) {
        match endpoint {
            SocketAddr::V4(endpoint) => {
                self.address(IpAddr::V4(*endpoint.ip()));
                self.number(":", endpoint.port().into());
            }
            // Writing to a vector doesn't fail.
            SocketAddr::V6(endpoint) => _ = write!(self.text, "{endpoint}"),
        }
    }
}

fn human(entry: &AccessEntry<'_>) -> String {
    let at = OffsetDateTime::from(entry.time);
    let mut line = String::with_capacity(128);
    let tenant = entry.tenant.unwrap_or("-");
    // The path is text from the client, so it is escaped.
    let place = entry
        .route
        .map_or_else(|| entry.path.escape_debug().to_string(), str::to_owned);
    let (hour, minute, second, milli) = at.to_hms_milli();
    // Writing to a String can't fail.
    let _ = write!(
        line,
        "{hour:02}:{minute:02}:{second:02}.{milli:03}  {tenant:<12} {place:<24} "
    );
    let _ = writeln!(
        line,
        "{:<44} {:>3} {:>8} us",
        decided(entry),
        entry.status,
        entry.duration_us
    );
    line
}

fn decided(entry: &AccessEntry<'_>) -> String {
    let Some(gate) = entry.gate else {
        return entry.outcome.as_str().into();
    };
    let mut text = match gate.decision {
        Some(DecisionEntry { flag, variant, cause }) => format!("{flag} {variant} ({cause})"),
        None => String::from("gate"),
    };
    text.push(' ');
    text.push_str(gate.verdict.as_str());
    if gate.shadow {
        text.push_str(", shadow");
    }
    text
}

#[cfg(test)]
mod tests;
