//! What the process is set to: addresses, bodies, log, drain.

use std::net::SocketAddr;

use rules::Eligibility;

use super::gateway::Gateway;
use crate::node::{Node, Span};
use crate::problem::Problem;
use crate::settings::{AccessLog, AdminListener, BreakGlass, Drain, LogFormat, LogOutput, Settings};
use crate::tls::ListenerTls;

/// Where health and metrics are served, unless the document says.
const ADMIN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 9090);
/// The largest request body, unless the document says.
pub(super) const BODY_LIMIT: u64 = 10 * 1024 * 1024;

/// The environment's name and what it lets flags do. Development and staging are relaxed by their names.
pub(crate) fn environment(root: &Node<'_>) -> (String, Eligibility) {
    let node = root.field("environment");
    let named = node.and_then(|node| node.field("name").or(Some(node)));
    let name = named
        .and_then(Node::text)
        .map_or_else(|| "production".to_owned(), ToString::to_string);
    let lifecycle = node.and_then(|node| node.field("lifecycle")).and_then(Node::text);
    let eligibility = match lifecycle.map(|text| &**text) {
        Some("relaxed") => Eligibility::Relaxed,
        Some(_) => Eligibility::Enforced,
        None => Eligibility::of_environment(&name),
    };
    (name, eligibility)
}

impl<'s> Gateway<'_, 's> {
    /// The settings. Problems are reported; what has one is left out.
    pub(crate) fn settings(&mut self, root: &Node<'s>) -> Settings {
        if let Some(node) = root.field("environment")
            && let Some(name) = node
                .field("name")
                .or(Some(node))
                .filter(|name| name.text().is_some())
        {
            self.check_name("an environment", name.raw().map_or("", |text| text), name.span);
        }
        let mut taken = Vec::new();
        let listeners = self.listeners(root, &mut taken);
        let admin = self.admin(root.field("admin"), &mut taken);
        let drain = root.field("drain");
        let drain = |field, left_out| drain.map_or(left_out, |drain| self.duration(drain, field, left_out));
        let drain = Drain {
            delay_ms: drain("delay", 0),
            timeout_ms: drain("timeout", 30_000),
        };
        let body_limit = self.body_limit(root, Some(BODY_LIMIT));
        let threads = root
            .field("threads")
            .and_then(Node::integer)
            .and_then(|threads| usize::try_from(threads).ok());
        let (access_log, errors) = (
            self.access_log(root.field("access_log")),
            self.errors(root.field("errors")),
        );
        Settings {
            listeners,
            admin,
            threads,
            limits: self.process_limits(root.field("limits")),
            access_log,
            errors,
            body_limit,
            changes: self.change_policy(root),
            drain,
            signing_key: self.signing_key(root),
            trusted_proxies: self.trusted_proxies(root.field("trusted_proxies")),
            break_glass: self.break_glass(root.field("break_glass")),
        }
    }

    /// The largest body that `owner` allows, in bytes; `left_out` if it says nothing. 0 is no limit.
    pub(crate) fn body_limit(&self, owner: &Node<'s>, left_out: Option<u64>) -> Option<u64> {
        match owner.field("body_limit") {
            Some(_) => Some(self.size(owner, "body_limit", 0)).filter(|bytes| *bytes > 0),
            None => left_out,
        }
    }

    fn admin(
        &mut self,
        node: Option<&Node<'s>>,
        taken: &mut Vec<(SocketAddr, Span)>,
    ) -> Option<AdminListener> {
        let Some(owner) = node else {
            return Some(AdminListener {
                address: ADMIN,
                tls: None,
            });
        };
        let has_operators = owner.field("operators").is_some();
        let node = owner.field("address")?;
        let address = self.address(node, taken)?;
        let tls = match owner.field("tls") {
            None => None,
            Some(tls) => Some(ListenerTls {
                // What answers there speaks HTTP/1.
                http2: false,
                ..self.tls(tls)?
            }),
        };
        let is_open = !address.ip().is_loopback();
        if is_open && has_operators && tls.is_none() {
            let title = format!("operators' tokens travel unencrypted to `{address}`");
            let help = "give the admin listener certificates (`admin.tls`), or a loopback address behind what has some";
            let at = self.label(node.span, "");
            let warning = Problem::warning("admin-without-tls", title, at).help(help);
            self.loading.warnings.push(warning);
        }
        if is_open && !has_operators {
            let title = format!("the admin listener can be reached from elsewhere at `{address}`");
            let help =
                "write a loopback address such as `127.0.0.1:9090`, or say who may operate: `operators`";
            self.error("admin-not-loopback", title, node.span, help);
        }
        Some(AdminListener { address, tls })
    }

    fn break_glass(&self, node: Option<&Node<'s>>) -> Option<BreakGlass> {
        let node = node?;
        Some(BreakGlass {
            socket: self.path(node.field("socket")?)?,
            journal: self.path(node.field("journal")?)?,
        })
    }

    fn access_log(&self, node: Option<&Node<'s>>) -> AccessLog {
        let output = node.and_then(|node| node.field("output"));
        let file = output
            .and_then(|output| output.field("file"))
            .and_then(|file| self.path(file));
        let output = match (file, output.and_then(Node::text).map(|text| &**text)) {
            (Some(path), _) => LogOutput::File(path),
            (None, Some("stderr")) => LogOutput::Stderr,
            (None, Some("off")) => LogOutput::Off,
            _ => LogOutput::Stdout,
        };
        let format = match node.and_then(|node| node.field("format")).and_then(Node::text) {
            Some(format) if *format == "human" => LogFormat::Human,
            _ => LogFormat::Json,
        };
        let query = node
            .and_then(|node| node.field("query"))
            .and_then(Node::boolean)
            .unwrap_or_default();
        AccessLog {
            output,
            format,
            query,
        }
    }

    fn errors(&mut self, node: Option<&Node<'s>>) -> Vec<(u16, rules::RejectBody)> {
        let mut errors = Vec::new();
        for entry in node.and_then(Node::entries).unwrap_or_default() {
            let body = self.body(&entry.value);
            match entry.key.parse::<u16>() {
                Ok(status @ 400..=599) => errors.extend(body.map(|body| (status, body))),
                _ => {
                    let title = format!("`{}` is not the status of an error", entry.key);
                    self.error(
                        "invalid-status",
                        title,
                        entry.key_span,
                        "write a number from 400 to 599",
                    );
                }
            }
        }
        errors
    }
}
