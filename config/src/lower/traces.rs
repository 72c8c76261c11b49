//! The export of traces: the URL, headers and certificates of the collector.

use std::collections::HashSet;

use super::gateway::Gateway;
use crate::form::{Placed, PlacedText};
use crate::shape::traces::TraceFields;
use crate::traces::{
    EvaluationSignal, TraceCollector, TraceParent, TraceProtocol, TraceSampling, TraceSettings,
};

/// The default of the longest export, in milliseconds.
const TIMEOUT_MS: u64 = 10_000;
/// The default share of traced requests, in millionths.
const SAMPLE_MILLIONTHS: u32 = 10_000;
/// Headers that the export sets itself.
const OWN_HEADERS: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "user-agent",
];
/// Attributes of the resource that have fields of their own, or that the program sets.
const OWN_ATTRIBUTES: [&str; 2] = ["service.name", "service.version"];

impl<'s> Gateway<'_, 's> {
    /// Returns the export of traces; none if it has a problem.
    pub(crate) fn traces(&mut self, traces: &Placed<TraceFields<'s>>) -> Option<TraceSettings> {
        if !cfg!(feature = "otlp") {
            let title = "this build of Sluice can't export traces";
            let help = "use a build with the feature `otlp`, or remove `traces`";
            return self.refuse("unknown-field", title, traces.span, help);
        }
        let traces = &traces.value;
        let headers = traces
            .headers
            .lower(Vec::new(), |headers| self.trace_headers(&headers.value));
        let attributes = traces.attributes.lower(Vec::new(), |attributes| {
            self.resource_attributes(&attributes.value)
        });
        let roots = traces
            .ca_file
            .lower_optional(|file| self.root_certificates(&file.clone()));
        let roots =
            roots.map(|roots| roots.map(|roots| roots.iter().map(|root| root.as_ref().to_vec()).collect()));
        Some(TraceSettings {
            collector: TraceCollector {
                url: traces.otlp.value()?.value.clone(),
                protocol: traces.protocol.or(TraceProtocol::Http)?,
                headers: headers?,
                roots: roots?,
                timeout_ms: traces.timeout.or(TIMEOUT_MS)?,
                service_name: traces.service_name.or("sluice".into())?,
                attributes: attributes?,
                evaluations: traces.evaluations.or(EvaluationSignal::Logs)?,
            },
            sampling: TraceSampling {
                millionths: traces.sample.or(SAMPLE_MILLIONTHS)?,
                parent: traces.parent.or(TraceParent::Follow)?,
            },
        })
    }

    fn trace_headers(
        &mut self,
        headers: &[(PlacedText<'s>, PlacedText<'s>)],
    ) -> Option<Vec<(Box<str>, Box<str>)>> {
        let mut lowered = Vec::with_capacity(headers.len());
        let mut names = HashSet::new();
        for (name, reference) in headers {
            let lower = name.value.to_ascii_lowercase();
            // A narrower alphabet than that of HTTP: both protocols accept it.
            let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            let is_valid = !lower.is_empty() && lower.bytes().all(is_name);
            let is_own =
                OWN_HEADERS.contains(&&*lower) || lower.starts_with("grpc-") || lower.ends_with("-bin");
            let value = self.secret(reference);
            if !is_valid || is_own || !names.insert(lower.clone()) {
                let title = format!("`{}` can't be a header of requests to a collector", name.value);
                let help = "write a header that carries a credential or a tenant of the collector, such as `authorization`";
                self.error("invalid-header", title, name.span, help);
                lowered.push(None);
                continue;
            }
            let value = value.filter(|value| {
                let is_visible = value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic());
                if !is_visible {
                    let title = format!("the value of the header `{}` is not visible ASCII", name.value);
                    self.error(
                        "invalid-header",
                        title,
                        reference.span,
                        "set the variable to one line of ASCII",
                    );
                }
                is_visible
            });
            lowered.push(value.map(|value| (lower.into(), value.into())));
        }
        lowered.into_iter().collect()
    }

    fn resource_attributes(
        &mut self,
        attributes: &[(PlacedText<'s>, Box<str>)],
    ) -> Option<Vec<(Box<str>, Box<str>)>> {
        let mut lowered = Vec::with_capacity(attributes.len());
        for (name, value) in attributes {
            if OWN_ATTRIBUTES.contains(&&*name.value) {
                let title = format!("`{}` can't be set as an attribute", name.value);
                let help = "set `service_name` instead; the version is that of the program";
                return self.refuse("duplicate", title, name.span, help);
            }
            lowered.push((name.value.as_ref().into(), value.clone()));
        }
        Some(lowered)
    }
}
